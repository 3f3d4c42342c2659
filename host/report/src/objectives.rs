//! What was asked for and what became of it: thresholds, criteria, phases, the score, and what speaks against a run.

use std::collections::HashMap;

use stresshost_metrics::{
    ErrorKind, OperationSummary, PhaseStatus, PhaseSummary, ScenarioSummary, Score, Summary, ThresholdResult,
    VerdictStatus,
};

use crate::{facts, format};

/// How grave a word is. The word says it too, for those who see no colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grade {
    Good,
    Warn,
    Bad,
    /// Neither: it did not happen.
    Idle,
}

/// The mark of a threshold or criterion.
pub(crate) fn mark(threshold: &ThresholdResult) -> (&'static str, Grade) {
    match threshold.status {
        VerdictStatus::Pass => ("PASS", Grade::Good),
        VerdictStatus::Inconclusive => ("INCONCLUSIVE", Grade::Warn),
        VerdictStatus::Fail if threshold.warn => ("WARN", Grade::Warn),
        status => (status.label(), Grade::Bad),
    }
}

/// The mark of a phase.
pub(crate) fn phase_grade(status: PhaseStatus) -> Grade {
    match status {
        PhaseStatus::Passed => Grade::Good,
        PhaseStatus::Failed | PhaseStatus::Broken => Grade::Bad,
        PhaseStatus::Inconclusive | PhaseStatus::Stopped | PhaseStatus::Running => Grade::Warn,
        PhaseStatus::Skipped => Grade::Idle,
    }
}

/// A value in its unit: `us`, `ratio`, `per_s`, `bytes`, `bytes_per_s`, or a plain number for any other.
pub fn value(unit: &str, value: f64) -> String {
    match unit {
        // Negative times and sizes do not exist; a limit may still be written so.
        "us" if value >= 0.0 && value.is_finite() => format::duration_us(value.round() as u64),
        "bytes" if value >= 0.0 && value.is_finite() => format::bytes(value.round() as u64),
        "ratio" => format::percent_of(value),
        "per_s" => format!("{}/s", format::rate(value)),
        "bytes_per_s" if value >= 0.0 && value.is_finite() => {
            format!("{}/s", format::bytes(value.round() as u64))
        }
        _ => format::number(value),
    }
}

/// Two different values with as many digits as it takes to tell them apart.
fn apart(unit: &str, values: [f64; 2]) -> [String; 2] {
    const MOST_DIGITS: usize = 12;
    let (factor, ending) = match unit {
        "us" => (1.0, "us"),
        "bytes" => (1.0, " B"),
        "ratio" => (100.0, "%"),
        "per_s" => (1.0, "/s"),
        "bytes_per_s" => (1.0, " B/s"),
        _ => (1.0, ""),
    };
    let [a, b] = values.map(|value| value * factor);
    let digits = (0..MOST_DIGITS).find(|&digits| format!("{a:.digits$}") != format!("{b:.digits$}"));
    let digits = digits.unwrap_or(MOST_DIGITS);
    [a, b].map(|value| format!("{value:.digits$}{ending}"))
}

/// What was measured, and the limit beside it with its comparison.
///
/// Two different numbers never read the same: `300ms` beside `< 300ms` would leave the reader guessing, so then both
/// are written with more digits.
pub(crate) fn beside(threshold: &ThresholdResult) -> (String, String) {
    let ThresholdResult { unit, limit, comparison, .. } = threshold;
    let with = |limit: String| if comparison.is_empty() { limit } else { format!("{comparison} {limit}") };
    let limit_text = value(unit, *limit);
    let Some(actual) = threshold.actual else { return ("no data".to_owned(), with(limit_text)) };
    let actual_text = value(unit, actual);
    if actual_text == limit_text && actual.to_bits() != limit.to_bits() && actual.is_finite() {
        let [actual, limit] = apart(unit, [actual, *limit]);
        return (actual, with(limit));
    }
    (actual_text, with(limit_text))
}

/// What a person calls it: their own words where there are any.
pub(crate) fn name(threshold: &ThresholdResult) -> &str {
    if threshold.label.is_empty() { &threshold.expression } else { &threshold.label }
}

/// What the table does not say, in a few words each.
pub(crate) fn remarks(threshold: &ThresholdResult) -> Vec<String> {
    let mut remarks = Vec::new();
    let mut say = |text: String| remarks.push(text);
    if threshold.aborted {
        say("aborted the run".to_owned());
    }
    if !threshold.label.is_empty() {
        say(format!("read as `{}`", threshold.expression));
    }
    if !threshold.reason.is_empty() {
        say(threshold.reason.clone());
    }
    if let Some(t_s) = threshold.worst_t_s {
        say(format!("worst window ended at {}", format::seconds(t_s)));
    }
    if !threshold.phase.is_empty() {
        say(format!("of phase `{}`", threshold.phase));
    }
    if !threshold.plugin.is_empty() {
        say(format!("of plugin `{}`", threshold.plugin));
    }
    if threshold.key {
        say("key: the run fails with it, whatever the score".to_owned());
    }
    #[expect(clippy::float_cmp, reason = "1 is the default, written and read exactly")]
    if threshold.weight != 1.0 {
        say(format!("weight {}", format::number(threshold.weight)));
    }
    if threshold.warn {
        say("only a warning".to_owned());
    }
    remarks
}

/// How many held, in one sentence.
pub(crate) fn tally(thresholds: &[ThresholdResult]) -> String {
    let with = |wanted: &str| thresholds.iter().filter(|threshold| mark(threshold).0 == wanted).count();
    let mut parts = vec![format!("{} of {} held", with("PASS"), thresholds.len())];
    for (word, text) in [("FAIL", "failed"), ("WARN", "warned"), ("INCONCLUSIVE", "without an answer")] {
        let count = with(word);
        if count > 0 {
            parts.push(format!("{count} {text}"));
        }
    }
    parts.join(", ")
}

/// The score in one sentence, and whether it was enough.
pub(crate) fn score(score: &Score) -> (String, Grade) {
    let share = if score.of > 0.0 { score.met / score.of } else { f64::NAN };
    let (word, grade) = match share.partial_cmp(&score.required) {
        None => ("nothing to weigh", Grade::Warn),
        Some(std::cmp::Ordering::Less) => ("missed", Grade::Bad),
        Some(_) => ("met", Grade::Good),
    };
    let text = format!(
        "{} of {} ({}), {} needed: {word}",
        format::number(score.met),
        format::number(score.of),
        format::percent_of(share),
        format::percent_of(score.required)
    );
    (text, grade)
}

/// When a phase began and how long it lasted; dashes where it never did.
pub(crate) fn times(phase: &PhaseSummary) -> [String; 2] {
    match phase.started_s {
        Some(started) => [format::seconds(started), format::seconds(phase.duration_s)],
        None => ["-".to_owned(), "-".to_owned()],
    }
}

/// The phases that come before; `-` when there are none.
pub(crate) fn after(phase: &PhaseSummary) -> String {
    if phase.depends_on.is_empty() { "-".to_owned() } else { phase.depends_on.join(", ") }
}

/// Scenarios or operations of one phase and plugin.
pub(crate) struct Group<'a, T> {
    /// `phase peak, plugin sqlstress`; empty when the run tells neither apart.
    pub(crate) title: String,
    /// In the order of the summary.
    pub(crate) members: Vec<&'a T>,
}

/// What has a place in a run: a phase and a plugin, either of which may be empty.
pub(crate) trait Placed {
    fn place(&self) -> (&str, &str);
}

impl Placed for OperationSummary {
    fn place(&self) -> (&str, &str) {
        (&self.phase, &self.plugin)
    }
}

impl Placed for ScenarioSummary {
    fn place(&self) -> (&str, &str) {
        (&self.phase, &self.plugin)
    }
}

/// Members by phase, in the order of the plan, and by plugin, in the order in which they appear.
pub(crate) fn groups<'a, T: Placed>(summary: &Summary, members: &'a [T]) -> Vec<Group<'a, T>> {
    let mut index: HashMap<(&str, &str), usize> = HashMap::new();
    let mut found: Vec<(&str, Group<'a, T>)> = Vec::new();
    for member in members {
        let place = member.place();
        let at = *index.entry(place).or_insert_with(|| {
            found.push((place.0, Group { title: place_title(place), members: Vec::new() }));
            found.len() - 1
        });
        if let Some((_, group)) = found.get_mut(at) {
            group.members.push(member);
        }
    }
    let ranks: HashMap<&str, usize> =
        summary.phases.iter().enumerate().map(|(rank, phase)| (phase.name.as_str(), rank)).collect();
    found.sort_by_key(|(phase, _)| ranks.get(phase).copied().unwrap_or(ranks.len()));
    found.into_iter().map(|(_, group)| group).collect()
}

/// Title of what is said of every group at once; empty when there is only one.
pub(crate) fn together(summary: &Summary) -> &'static str {
    let mut places = summary.operations.iter().map(Placed::place);
    let first = places.next();
    if places.any(|place| Some(place) != first) { "together" } else { "" }
}

/// A place in words; empty when it has none.
pub(crate) fn place_title((phase, plugin): (&str, &str)) -> String {
    let named = [("phase", phase), ("plugin", plugin)].into_iter().filter(|(_, name)| !name.is_empty());
    named.map(|(sort, name)| format!("{sort} {name}")).collect::<Vec<_>>().join(", ")
}

/// Phases that went on at some moment of a stretch of time, by name.
pub(crate) fn phases_between(summary: &Summary, from_s: f64, to_s: f64) -> Vec<&str> {
    let overlaps = |phase: &&PhaseSummary| {
        phase.started_s.is_some_and(|start| start < to_s && start + phase.duration_s > from_s)
    };
    summary.phases.iter().filter(overlaps).map(|phase| phase.name.as_str()).collect()
}

/// The numbers that show that the generator was the bottleneck; empty unless the verdict says so.
pub(crate) fn evidence(summary: &Summary) -> Vec<String> {
    if summary.verdict.status != VerdictStatus::Invalid {
        return Vec::new();
    }
    let used = &summary.generator;
    let mut found = vec![
        format!("own lag p99 {}", format::duration_us(used.own_lag_p99_us)),
        format!("busiest core {}", format::percent_of(used.busiest_core_share)),
        format!("all cores {}", format::percent_of(used.cpu_share)),
    ];
    let due = facts::total(summary.scenarios.iter().map(|s| s.iterations.due));
    let dropped = facts::total(summary.scenarios.iter().map(|s| s.iterations.dropped));
    if dropped > 0 {
        let share = format::percent(dropped, due);
        found.push(format!(
            "{} of {} iterations due were dropped ({share})",
            format::count(dropped),
            format::count(due)
        ));
    }
    for kind in ErrorKind::ALL.iter().copied().filter(|kind| kind.is_exhaustion()) {
        let count =
            facts::total(summary.operations.iter().filter_map(|op| op.errors.get(kind.name())).copied());
        if count > 0 {
            let why = kind.explain().trim_end_matches('.');
            found.push(format!("{} operations failed: {why}", format::count(count)));
        }
    }
    found
}

/// What an invalid run's numbers are worth.
pub(crate) const WORTHLESS: &str = "These numbers say nothing about the target.";

#[cfg(test)]
mod tests {
    use super::*;

    fn threshold(unit: &str, actual: Option<f64>, limit: f64) -> ThresholdResult {
        ThresholdResult {
            expression: "x < 1".into(),
            label: String::new(),
            phase: String::new(),
            plugin: String::new(),
            actual,
            comparison: "<".into(),
            limit,
            unit: unit.into(),
            status: VerdictStatus::Pass,
            samples: 1,
            warn: false,
            key: false,
            weight: 1.0,
            worst_t_s: None,
            aborted: false,
            reason: String::new(),
        }
    }

    #[test]
    fn values_are_written_in_their_unit() {
        let table = [
            ("us", 812.0, "812us"),
            ("us", 36_890.0, "36.9ms"),
            ("us", 2.5e6, "2.50s"),
            ("us", -1.0, "-1"),
            ("ratio", 0.000_797, "0.08%"),
            ("ratio", 1.0, "100%"),
            ("per_s", 4_999.6, "5,000/s"),
            ("bytes", 1_572_864.0, "1.50 MiB"),
            ("bytes_per_s", 1_572_864.0, "1.50 MiB/s"),
            ("", 12_345.0, "12,345"),
            ("furlongs", 0.5, "0.5"),
            ("us", f64::NAN, "-"),
            ("bytes", f64::INFINITY, "-"),
        ];
        for (unit, number, expected) in table {
            assert_eq!(value(unit, number), expected, "{number} {unit}");
        }
    }

    #[test]
    fn different_numbers_never_read_the_same() {
        let table = [
            ("us", Some(300_400.0), 300_000.0, ("300400us", "< 300000us")),
            ("us", Some(300_000.25), 300_000.0, ("300000.2us", "< 300000.0us")),
            ("us", Some(300_000.0), 300_000.0, ("300ms", "< 300ms")),
            ("us", Some(310_000.0), 300_000.0, ("310ms", "< 300ms")),
            ("ratio", Some(0.501_1), 0.501_2, ("50.11%", "< 50.12%")),
            ("", None, 5.0, ("no data", "< 5")),
        ];
        for (unit, actual, limit, expected) in table {
            let (actual, limit) = beside(&threshold(unit, actual, limit));
            assert_eq!((actual.as_str(), limit.as_str()), expected);
        }
    }

    #[test]
    fn a_score_says_whether_it_was_enough() {
        let table = [
            (4.0, 5.0, 0.8, "4 of 5 (80.0%), 80.0% needed: met"),
            (3.5, 5.0, 0.8, "3.5 of 5 (70.0%), 80.0% needed: missed"),
            (0.0, 0.0, 0.8, "0 of 0 (-), 80.0% needed: nothing to weigh"),
        ];
        for (met, of, required, expected) in table {
            assert_eq!(score(&Score { met, of, required }).0, expected);
        }
    }

    #[test]
    fn a_failed_warning_is_no_failure() {
        let failed = ThresholdResult { status: VerdictStatus::Fail, ..threshold("", Some(2.0), 1.0) };
        assert_eq!(mark(&failed), ("FAIL", Grade::Bad));
        assert_eq!(mark(&ThresholdResult { warn: true, ..failed }), ("WARN", Grade::Warn));
    }
}
