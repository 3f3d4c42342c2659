//! What must hold for the interval log of a run, whatever is left of it.

use stresshost_metrics::record::{rebuild, rebuild_log};
use stresshost_metrics::{MAX_RECORDS, RunInfo, RunLog, audit};
use stresshost_plan::Plan;

/// The plan of the run: two phases, three scenarios, plugins that share it, thresholds of every kind of window.
const PLAN: &str = r#"{
    "schema": "stresshost.plan/1", "name": "test",
    "scenarios": [
        {"name": "a", "phase": "first", "executor": {"type": "constant-vus", "vus": 5, "duration_ms": 20000}},
        {"name": "b", "phase": "first", "part": 1,
            "executor": {"type": "constant-vus", "vus": 5, "duration_ms": 20000}},
        {"name": "c", "phase": "second", "executor": {"type": "constant-vus", "vus": 5, "duration_ms": 20000}}
    ],
    "parts": [
        {"plugin": "web", "version": "", "digest": "", "phase": ""},
        {"plugin": "db", "version": "", "digest": "", "phase": "first"}
    ],
    "phases": [
        {"name": "first", "criteria": [{"expression": "errors < 50%"}]},
        {"name": "second", "depends_on": ["first"], "criteria": [{"expression": "response_us.p95 < 1s over 2s"}]}
    ],
    "thresholds": [
        {"expression": "http.response_us{scenario=a}.p95 < 100s over 2s"},
        {"expression": "checks.rate > 30%"},
        {"expression": "generator.cpu < 90%"}
    ]
}"#;

/// Reads `input` as an interval log, line by line and whole.
///
/// A damaged line is an error, never a panic. What can be read gives a summary that can be written and audited, and
/// the log in memory holds no more records than were read or may be kept.
pub fn check(input: &[u8]) {
    let plan: Plan = serde_json::from_str(PLAN).expect("the plan is one");
    let rebuilt = rebuild_log(&plan, "web", RunInfo::default(), input);
    let log = RunLog::read(input);
    if let Err(error) = &log {
        assert!(!error.to_string().is_empty());
        // Rebuilding reads with the same reader, so it stops there or before.
        assert!(rebuilt.is_err(), "{error}");
    }
    let rebuilt = match rebuilt {
        Ok(rebuilt) => rebuilt,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let log = log.expect("a log that was rebuilt can be read");
    assert!(log.records.len() <= MAX_RECORDS && log.records.len() as u64 <= rebuilt.records);
    assert_eq!(log.end().is_none(), rebuilt.cut_short);
    serde_json::to_string(&rebuilt.summary).expect("a summary can be written");
    drop(audit(&rebuilt.summary, &rebuilt));
    let again = rebuild(&plan, "web", RunInfo::default(), log.records.into_iter());
    again.expect("a merged log can be rebuilt as the log itself");
}
