//! Why two runs may not be comparable.

use crate::{ScenarioSummary, Summary, VerdictStatus};

/// Length of a run against another's beyond which it is worth a word.
const LONGER: f64 = 1.5;

pub(super) fn of(a: &Summary, b: &Summary) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut differ = |what: &str, in_a: &str, in_b: &str| {
        if in_a != in_b {
            warnings.push(format!("{what} differs: {} in A, {} in B", quoted(in_a), quoted(in_b)));
        }
    };
    differ("the plan's name", &a.run.name, &b.run.name);
    differ("the plugin", &a.run.plugin.name, &b.run.plugin.name);
    differ("the plugin's version", &a.run.plugin.version, &b.run.plugin.version);
    differ("the plugin's digest", &a.run.plugin.digest, &b.run.plugin.digest);
    differ("the version of stresshost", &a.run.host.version, &b.run.host.version);
    differ("the operating system", &a.run.host.os, &b.run.host.os);
    differ("the processor architecture", &a.run.host.arch, &b.run.host.arch);
    differ("the number of cores", &a.run.host.cores.to_string(), &b.run.host.cores.to_string());
    differ("what was loaded", &a.run.targets.join(", "), &b.run.targets.join(", "));
    for scenario in &a.scenarios {
        let same = |other: &&ScenarioSummary| {
            (&other.phase, &other.plugin, &other.name) == (&scenario.phase, &scenario.plugin, &scenario.name)
        };
        if let Some(other) = b.scenarios.iter().find(same) {
            differ(&format!("the load of scenario `{}`", scenario.name), &scenario.load, &other.load);
        }
    }
    let (short, long) = (a.run.duration_s.min(b.run.duration_s), a.run.duration_s.max(b.run.duration_s));
    if long > LONGER * short {
        warnings.push(format!(
            "the runs differ in length: {:.1} s of A, {:.1} s of B",
            a.run.duration_s, b.run.duration_s
        ));
    }
    for (name, run) in [("A", a), ("B", b)] {
        match run.verdict.status {
            VerdictStatus::Invalid => warnings.push(format!(
                "run {name} is invalid: its generator was the bottleneck, and its numbers say nothing about the target"
            )),
            VerdictStatus::Fault | VerdictStatus::Unreachable | VerdictStatus::Denied => {
                warnings.push(format!("run {name} ended with {}", run.verdict.status.label()));
            }
            VerdictStatus::Pass | VerdictStatus::Fail | VerdictStatus::Inconclusive => {}
        }
        if run.run.interrupted {
            warnings.push(format!("run {name} was interrupted"));
        }
    }
    warnings
}

fn quoted(text: &str) -> String {
    if text.is_empty() { "nothing".to_owned() } else { format!("`{text}`") }
}
