//! What the numbers say.

use stresshost_sdk::prelude::*;

use crate::conformance::CHECKS;

/// Reads the summary.
pub(crate) fn analyze(summary: &Summary) -> Analysis {
    let mut analysis = Analysis::default();
    let mut table =
        vec![["check", "answers held against it", "conform", "share"].map(str::to_owned).to_vec()];
    for check in summary.checks.iter().filter(|check| CHECKS.contains(&check.name.as_str())) {
        let count = check.passed + check.failed;
        if count == 0 {
            continue;
        }
        let share = check.passed as f64 / count as f64 * 100.0;
        let row = [check.name.clone(), count.to_string(), check.passed.to_string(), format!("{share:.2}%")];
        table.push(row.to_vec());
    }
    if table.len() > 1 {
        let answers: u64 = summary.operations.iter().map(|operation| operation.count).sum();
        let text = format!(
            "Of {answers} answers those that were sampled; what the document does not speak of is not counted."
        );
        analysis.sections.push(Section { title: "Conformance".to_owned(), text: vec![text], table });
    }
    slow(summary, &mut analysis);
    analysis
}

/// The slowest operations, for a reader who wants to know where to begin.
fn slow(summary: &Summary, analysis: &mut Analysis) {
    const SHOWN: usize = 5;
    let mut timed: Vec<(u64, u64, &str)> = summary
        .operations
        .iter()
        .filter_map(|operation| Some((operation.response_us?.p95, operation.count, operation.name.as_str())))
        .collect();
    if timed.len() < 2 {
        return;
    }
    timed.sort_by(|a, b| b.cmp(a));
    let mut table = vec![["operation", "p95", "count"].map(str::to_owned).to_vec()];
    for (p95_us, count, name) in timed.into_iter().take(SHOWN) {
        let ms = p95_us as f64 / 1_000.0;
        table.push(vec![name.to_owned(), format!("{ms:.2} ms"), count.to_string()]);
    }
    let text = vec!["By the 95th percentile of response time.".to_owned()];
    analysis.sections.push(Section { title: "Slowest operations".to_owned(), text, table });
}
