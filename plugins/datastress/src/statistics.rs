//! What the server itself counted for each statement, where it counts.

use stresshost_sdk::sql::{Connection, Engine};

use crate::document::{Doing, Step, Workload};
use crate::server::{self, Readings};

/// What names of such readings begin with: calls, and milliseconds within the server.
pub(crate) const CALLS: &str = "calls of ";
pub(crate) const SERVER_MS: &str = "milliseconds in ";

/// The server's calls and milliseconds of each text, by the name of the first statement that has it.
pub(crate) fn readings(connection: Connection, engine: Engine, workload: &Workload) -> Readings {
    let Some(counted) = server::statements(connection, engine) else { return Readings::new() };
    let mut readings = Readings::new();
    for step in steps(workload) {
        let found = counted.iter().find(|(text, _, _)| same(text, &step.text));
        let (calls, ms) = found.map_or((0.0, 0.0), |(_, calls, ms)| (*calls, *ms));
        readings.push((format!("{CALLS}{}", step.name), calls));
        readings.push((format!("{SERVER_MS}{}", step.name), ms));
    }
    readings
}

/// Statements of all scenarios, each text once.
fn steps(workload: &Workload) -> Vec<&Step> {
    let mut steps: Vec<&Step> = Vec::new();
    for work in &workload.works {
        let Doing::Statements { steps: own, .. } = &work.doing else { continue };
        for step in own {
            // A name that stands for two texts would mix their numbers.
            if !steps.iter().any(|known| known.text == step.text || known.name == step.name) {
                steps.push(step);
            }
        }
    }
    steps
}

/// Whether two texts are one statement: the server replaces literals by further parameters.
fn same(counted: &str, text: &str) -> bool {
    let plain = |text: &str| {
        let mut plain = String::new();
        let mut literal = false;
        let mut word = false;
        for character in text.chars() {
            if character.is_whitespace() {
                word = false;
                continue;
            }
            let is_quote = character == '\'';
            if literal {
                literal = !is_quote;
                continue;
            }
            if is_quote {
                literal = true;
                plain.push('?');
            } else if character == '$' || (character.is_ascii_digit() && !word) {
                if !plain.ends_with('?') {
                    plain.push('?');
                }
            } else {
                plain.extend(character.to_lowercase());
            }
            word = character.is_alphabetic() || character == '_' || (word && character.is_ascii_digit());
        }
        plain
    };
    plain(counted) == plain(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_known_by_its_text_whatever_its_literals() {
        for (counted, text, expected) in [
            ("SELECT * FROM a WHERE b = $1 LIMIT $2", "SELECT * FROM a WHERE b = $1 LIMIT 20", true),
            ("INSERT INTO o (s) VALUES ($1, $2)", "INSERT INTO o (s)\n VALUES ($1, 'pending')", true),
            ("SELECT a1 FROM b", "SELECT a2 FROM b", false),
            ("SELECT a FROM b", "SELECT a FROM c", false),
        ] {
            assert_eq!(same(counted, text), expected, "{text}");
        }
    }
}
