//! Indexes that might help: asked of the planner where HypoPG is installed, and measured on a scratch copy when asked to.

use stresshost_sdk::serde_json::{self, Value as Json};
use stresshost_sdk::sql::{Connection, Engine};

use crate::document::Step;
use crate::explain::sampled;
use crate::limits::{MAX_PROVE_ROWS, PROVE_RUNS};
use crate::schema::{asked, quoted};

/// What is known of an index that is suggested.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Worth {
    /// Nobody has looked.
    Suspected,
    /// Costs by HypoPG: without and with it.
    Estimated(f64, f64),
    /// Milliseconds on a scratch copy: without and with it, medians.
    Measured(f64, f64),
}

impl Worth {
    /// How sure it is, and the numbers, for people.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Suspected => "suspected: neither the planner was asked nor was it measured".to_owned(),
            Self::Estimated(without, with) => {
                format!("planner-estimated (HypoPG): cost {without:.0} without the index, {with:.0} with it")
            }
            Self::Measured(without, with) => format!(
                "measured on a scratch copy: {without:.3} ms without the index, {with:.3} ms with it (medians of {PROVE_RUNS})"
            ),
        }
    }
}

/// The statement that makes an index.
pub(crate) fn create(table: &str, columns: &[String]) -> String {
    format!("CREATE INDEX ON {table} ({})", columns.join(", "))
}

/// What the planner would say with the index; None without HypoPG.
pub(crate) fn estimate(
    connection: Connection,
    step: &Step,
    table: &str,
    columns: &[String],
) -> Option<Worth> {
    let text = sampled(step, Engine::Postgresql);
    let cost = || {
        let answer = connection.run("EXPLAIN index", &format!("EXPLAIN (FORMAT JSON) {text}"));
        let json: Json = serde_json::from_str(&answer.row(0)?.first()?.to_text()?).ok()?;
        json.pointer("/0/Plan/Total Cost").and_then(Json::as_f64)
    };
    let has = connection.run("setup extensions", "SELECT 1 FROM pg_extension WHERE extname = 'hypopg'");
    if has.rows() == 0 {
        return None;
    }
    let without = cost()?;
    let index = create(table, columns).replace('\'', "''");
    let made = connection.run("setup hypopg", &format!("SELECT * FROM hypopg_create_index('{index}')"));
    let with = if made.ok() { cost() } else { None };
    // It exists in this session only, which goes on to ask about others.
    let reset = connection.run("setup hypopg", "SELECT hypopg_reset()");
    if reset.ok() { Some(Worth::Estimated(without, with?)) } else { None }
}

/// Measures the index on a copy of the table, which is dropped again.
///
/// # Errors
/// Why it could not be measured.
pub(crate) fn measure(
    connection: Connection,
    engine: Engine,
    step: &Step,
    table: &str,
    columns: &[String],
) -> Result<Worth, String> {
    let scratch = format!("stresshost_prove_{}", table.to_ascii_lowercase());
    let (own, copy) = (quoted(table, engine), quoted(&scratch, engine));
    let create = match engine {
        Engine::Postgresql => format!("CREATE TABLE {copy} (LIKE {own} INCLUDING ALL)"),
        Engine::Mysql | Engine::Mariadb => format!("CREATE TABLE {copy} LIKE {own}"),
        Engine::Sqlite => {
            return Err("a copy with all indexes cannot be made of a table of SQLite".to_owned());
        }
    };
    let run = |text: &str| asked(connection.run("prove", text)).map_err(|failure| failure.message);
    let count = run(&format!("SELECT COUNT(*) FROM {own}"))?;
    let rows =
        count.row(0).and_then(|row| row.first().and_then(stresshost_sdk::sql::Cell::as_i64)).unwrap_or(0);
    if rows.unsigned_abs() > MAX_PROVE_ROWS {
        return Err(format!("`{table}` has {rows} rows; a copy is made of at most {MAX_PROVE_ROWS}"));
    }
    run(&create)?;
    let measured = compare(connection, engine, step, table, &scratch, columns);
    let dropped = run(&format!("DROP TABLE {copy}"));
    let worth = measured?;
    dropped.map_err(|message| format!("the scratch table `{scratch}` could not be dropped: {message}"))?;
    Ok(worth)
}

fn compare(
    connection: Connection,
    engine: Engine,
    step: &Step,
    table: &str,
    scratch: &str,
    columns: &[String],
) -> Result<Worth, String> {
    let run = |text: &str| asked(connection.run("prove", text)).map_err(|failure| failure.message);
    let (own, copy) = (quoted(table, engine), quoted(scratch, engine));
    let analyze = || match engine {
        Engine::Mysql | Engine::Mariadb => run(&format!("ANALYZE TABLE {copy}")),
        Engine::Postgresql | Engine::Sqlite => run(&format!("ANALYZE {copy}")),
    };
    run(&format!("INSERT INTO {copy} SELECT * FROM {own}"))?;
    analyze()?;
    let texts: Vec<String> =
        (0..PROVE_RUNS).map(|_| renamed(&sampled(step, engine), table, scratch)).collect();
    let median = || -> Result<f64, String> {
        let mut times = Vec::with_capacity(texts.len());
        for text in &texts {
            times.push(run(text)?.duration().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        Ok(times.get(times.len() / 2).copied().unwrap_or_default())
    };
    // The first round only brings the copy into memory.
    median()?;
    let without = median()?;
    let names: Vec<String> = columns.iter().map(|column| quoted(column, engine)).collect();
    run(&format!("CREATE INDEX stresshost_prove_index ON {copy} ({})", names.join(", ")))?;
    analyze()?;
    median()?;
    Ok(Worth::Measured(without, median()?))
}

/// The text with another table in the place of one. An alias that was the table's name stays one.
fn renamed(text: &str, table: &str, scratch: &str) -> String {
    let mut renamed = String::with_capacity(text.len());
    let mut word = String::new();
    let mut quote = None;
    for character in text.chars().chain([' ']) {
        if quote.is_none() && (character.is_alphanumeric() || character == '_') {
            word.push(character);
            continue;
        }
        renamed.push_str(if word.eq_ignore_ascii_case(table) { scratch } else { &word });
        word.clear();
        match quote {
            Some(open) if open == character => quote = None,
            None if character == '\'' => quote = Some(character),
            _ => {}
        }
        renamed.push(character);
    }
    renamed.pop();
    renamed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_renamed_and_strings_are_not() {
        let text = "SELECT products.id FROM products WHERE name = 'products' AND myproducts = 1";
        let expected = "SELECT s.id FROM s WHERE name = 'products' AND myproducts = 1";
        assert_eq!(renamed(text, "Products", "s"), expected);
    }

    #[test]
    fn words_say_how_sure_it_is() {
        assert!(Worth::Suspected.words().starts_with("suspected"));
        assert!(Worth::Estimated(100.0, 4.2).words().contains("cost 100 without the index, 4 with it"));
        assert!(Worth::Measured(2.0, 0.5).words().starts_with("measured on a scratch copy: 2.000 ms"));
    }
}
