//! The flags.

use serde_json::Value;
use stresshost_plan::{Flag, PlanInput, Problem, Spacing, ValueKind};

use super::{LoadFlags, Stages, stages};
use crate::Problems;

impl LoadFlags {
    /// The flags, for [`Descriptor::flags`](stresshost_plan::Descriptor::flags).
    pub fn flags() -> Vec<Flag> {
        let flag = |name: &str, kind: ValueKind, value_name: &str, help: &str, default: &str| Flag {
            name: name.to_owned(),
            aliases: alias(name).map(str::to_owned).into_iter().collect(),
            short: None,
            kind,
            value_name: value_name.to_owned(),
            help: help.to_owned(),
            repeated: false,
            default: (!default.is_empty()).then(|| default.to_owned()),
        };
        let switch = |name: &str, help: &str| flag(name, ValueKind::Switch, "", help, "");
        let duration = |name: &str, help: &str, default: &str| {
            flag(name, ValueKind::Duration, "DURATION", help, default)
        };
        let users = "Virtual users, or as many as this machine safely holds; with --rate, the most iterations in flight";
        let rate =
            "Iterations per second, whatever the target does; without it users iterate as fast as they can";
        let stages =
            "Lines that users (30s:50,1m:100,30s:0) or a rate (30s:100/s,1m:500/s) follow: LENGTH:TARGET,...";
        let arrivals = ValueKind::Choice(["even", "poisson"].map(str::to_owned).to_vec());
        let spaced = "How a rate's arrivals lie: even, or poisson as those of independent people";
        let pacing = "Let each user begin an iteration this often";
        let controlled = "Let `stresshost ctl` change users or rate while the run goes on";
        vec![
            flag("vus", ValueKind::Users, "N|auto", users, "10"),
            flag("rate", ValueKind::Rate, "RATE", rate, ""),
            duration("duration", "Length of the load, ramp included", "30s"),
            duration("ramp-up", "Let users or rate grow over this time", "0s"),
            flag("stages", ValueKind::Text, "STAGES", stages, ""),
            flag("iterations", ValueKind::Integer, "N", "Do this many iterations, shared by the users", ""),
            switch("per-user", "Let each user do the number of --iterations"),
            duration("max-duration", "Drop what is left of --iterations after this time", "10m"),
            flag("arrivals", arrivals, "SPACING", spaced, "even"),
            duration("pacing", pacing, ""),
            switch("controlled", controlled),
            flag("max-vus", ValueKind::Integer, "N", "Most users that --controlled can be asked for", ""),
            duration("warmup", "Report this much of the start apart and judge without it", "0s"),
            duration("graceful-stop", "How long iterations in flight may go on at the end", "30s"),
        ]
    }

    /// Reads the flags; what makes no load becomes problems.
    pub fn read(input: &PlanInput, problems: &mut Problems) -> Self {
        let load = Self::parse(input, problems);
        load.check(flag_name, problems);
        load
    }

    /// Reads the flags without a look at what they make together; only a text that is no stages is a problem.
    pub(crate) fn parse(input: &PlanInput, problems: &mut Problems) -> Self {
        let whole = |name: &str| input.flags.get(name).and_then(Value::as_u64);
        let text = |name: &str| input.flags.get(name).and_then(Value::as_str);
        let switch = |name: &str| input.flags.get(name).and_then(Value::as_bool);
        let stages = text("stages").and_then(|text| match Stages::parse(text) {
            Ok(stages) => Some(stages),
            Err(message) => {
                problems.push(Problem::new("--stages", message).hint(stages::EXAMPLE));
                None
            }
        });
        Self {
            vus: whole("vus"),
            rate_per_s: input.flags.get("rate").and_then(Value::as_f64),
            duration_ms: whole("duration"),
            ramp_up_ms: whole("ramp-up"),
            stages,
            start_vus: None,
            start_rate_per_s: None,
            iterations: whole("iterations"),
            per_user: switch("per-user"),
            max_duration_ms: whole("max-duration"),
            arrivals: text("arrivals").and_then(spacing),
            controlled: switch("controlled"),
            max_vus: whole("max-vus"),
            pacing_ms: whole("pacing"),
            warmup_ms: whole("warmup"),
            graceful_stop_ms: whole("graceful-stop"),
        }
    }
}

fn alias(name: &str) -> Option<&'static str> {
    match name {
        "vus" => Some("users"),
        "rate" => Some("rps"),
        "max-vus" => Some("max-users"),
        _ => None,
    }
}

/// The flag of a part.
pub(super) fn flag_name(part: &str) -> String {
    format!("--{}", part.replace('_', "-"))
}

pub(super) fn spacing(word: &str) -> Option<Spacing> {
    match word {
        "even" => Some(Spacing::Even),
        "poisson" => Some(Spacing::Poisson),
        _ => None,
    }
}
