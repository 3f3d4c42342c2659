//! A condition that always holds and one that never does, in the place of a value.

use super::{Shape, Stage, Target, show};

/// Two values that differ in whether a condition holds.
struct Pair {
    holds: &'static str,
    fails: &'static str,
    /// The word of both that makes a condition of them, and one that no database knows.
    word: (&'static str, &'static str),
    is_for_texts: bool,
}

impl Pair {
    /// Whether the condition that holds adds rows, rather than the one that fails takes them away.
    fn adds(&self) -> bool {
        self.word.0 == " OR "
    }
}

const AND: (&str, &str) = (" AND ", " ANX ");
const OR: (&str, &str) = (" OR ", " OX ");

const PAIRS: [Pair; 8] = [
    Pair { holds: "{x}' AND '1'='1", fails: "{x}' AND '1'='2", word: AND, is_for_texts: true },
    Pair { holds: "{x} AND 1=1", fails: "{x} AND 1=2", word: AND, is_for_texts: false },
    Pair {
        holds: "{x}%' AND '1'='1' AND '%'='",
        fails: "{x}%' AND '1'='2' AND '%'='",
        word: AND,
        is_for_texts: true,
    },
    Pair { holds: "{x}' OR '1'='1", fails: "{x}' OR '1'='2", word: OR, is_for_texts: true },
    Pair { holds: "{x} OR 1=1", fails: "{x} OR 1=2", word: OR, is_for_texts: false },
    Pair { holds: "{x}') AND ('1'='1", fails: "{x}') AND ('1'='2", word: AND, is_for_texts: true },
    Pair { holds: "{x}) AND (1=1", fails: "{x}) AND (1=2", word: AND, is_for_texts: false },
    Pair { holds: "{x}\" AND \"1\"=\"1", fails: "{x}\" AND \"1\"=\"2", word: AND, is_for_texts: true },
];

/// Requests that must have the same answer before differences mean anything.
const STABLE: usize = 3;

/// Whether the answers follow the truth of a condition.
pub(super) fn differ(stage: &mut Stage<'_, '_>, target: &Target) -> Option<bool> {
    let Some(usual) = usual(stage, target)? else { return Some(false) };
    // In a statement that writes, a condition that always holds is about every row there is.
    let may_add = stage.only_reads();
    for pair in PAIRS.iter().take(stage.by_depth(5, 7, PAIRS.len())) {
        // A number's parameter may be written between quotes, a text's seldom without.
        if (pair.adds() && !may_add)
            || (target.is_text && !pair.is_for_texts && stage.by_depth(true, false, false))
        {
            continue;
        }
        if follows(stage, target, pair, &usual)? {
            return Some(true);
        }
    }
    Some(false)
}

/// The form of the usual answer; None inside, with a note, when it is not the same each time.
fn usual(stage: &mut Stage<'_, '_>, target: &Target) -> Option<Option<Shape>> {
    let mut first: Option<Shape> = None;
    for _ in 0..STABLE {
        let shape = shape(stage, target, "{x}")?;
        match &first {
            Some(first) if !first.is_like(&shape) => {
                stage.note(format!(
                    "the {} has no stable answer: conditions would show nothing",
                    target.label
                ));
                return Some(None);
            }
            Some(_) => {}
            None => first = Some(shape),
        }
    }
    Some(first)
}

fn shape(stage: &mut Stage<'_, '_>, target: &Target, template: &str) -> Option<Shape> {
    let (call, payload) = stage.injected(target, template);
    let heard = stage.send(&call)?;
    Some(Shape::of(&heard, &payload))
}

/// Whether two answers are what a condition makes of the usual one.
fn tells(pair: &Pair, usual: &Shape, holds: &Shape, fails: &Shape) -> bool {
    let (same, other) = if pair.adds() { (fails, holds) } else { (holds, fails) };
    // A refusal for other reasons than what was found is no answer to the condition.
    let is_answer = |shape: &Shape| !matches!(shape.status, 0 | 403 | 429 | 500..);
    let changed = if pair.adds() { other.has_more_than(usual) } else { !other.is_like(usual) };
    same.is_like(usual) && is_answer(other) && changed
}

fn follows(stage: &mut Stage<'_, '_>, target: &Target, pair: &Pair, usual: &Shape) -> Option<bool> {
    let rounds = stage.by_depth(3, 4, 5);
    let mut last: Option<(Shape, Shape)> = None;
    for round in 0..rounds {
        let holds = shape(stage, target, pair.holds)?;
        // Most inputs are done here, with one request.
        if !pair.adds() && !holds.is_like(usual) {
            return Some(false);
        }
        let fails = shape(stage, target, pair.fails)?;
        if !tells(pair, usual, &holds, &fails) {
            return Some(false);
        }
        // Whoever reads the values as words sees the same difference where there is no condition.
        if round > 0 {
            let control = |text: &str| text.replace(pair.word.0, pair.word.1);
            let holds = shape(stage, target, &control(pair.holds))?;
            let fails = shape(stage, target, &control(pair.fails))?;
            if tells(pair, usual, &holds, &fails) {
                return Some(false);
            }
        }
        last = Some((holds, fails));
    }
    let Some((holds, fails)) = last else { return Some(false) };
    let (call, payload) = stage.injected(target, pair.holds);
    let (_, opposite) = stage.injected(target, pair.fails);
    let evidence = format!(
        "`{payload}` and `{opposite}` for the {}, {rounds} times in turn: {} and {}, while a pair without a condition shows no such difference",
        target.label,
        holds.told(),
        fails.told()
    );
    let message =
        format!("The {} reaches SQL: the answer follows the truth of a condition in it.", target.label);
    show(stage, message, evidence, &call);
    Some(true)
}
