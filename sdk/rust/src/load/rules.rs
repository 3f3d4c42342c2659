//! Which parts of a load go together.

use stresshost_plan::Problem;

use super::{LoadFlags, Stages};
use crate::Problems;

/// A part of a load, or a kind of it that rules tell apart, such as `user_stages` of `stages`.
type Part = &'static str;

/// Two parts that cannot both shape one load, and why.
const CONTRADICTIONS: &[(Part, Part, &str)] = &[
    ("iterations", "rate", "a number of iterations is done as fast as the users can"),
    ("iterations", "stages", "a number of iterations is done by a fixed number of users"),
    ("iterations", "controlled", "a number of iterations is done by a fixed number of users"),
    ("iterations", "ramp_up", "the users of a number of iterations all begin at once"),
    ("iterations", "duration", "a number of iterations ends when it is done; a max duration limits it"),
    ("stages", "rate", "the stages say the load; a rate's are written `30s:100/s`"),
    ("stages", "duration", "every stage has a length of its own"),
    ("stages", "ramp_up", "every stage is a ramp"),
    ("stages", "controlled", "a controlled load is changed by `stresshost ctl`, not by stages"),
    ("user_stages", "rate_stages", "stages are of users or of a rate"),
    ("user_stages", "vus", "the stages say how many users there are; a first stage `0s:50` begins with 50"),
    ("start_vus", "rate_stages", "the stages are of a rate, which begins with a start rate"),
    ("start_rate", "user_stages", "the stages are of users, of which there are start users at the beginning"),
    ("controlled", "ramp_up", "a controlled load is changed by `stresshost ctl`, not by a ramp"),
    ("controlled", "arrivals", "a rate that is controlled has even arrivals"),
    ("pacing", "rate", "the rate already says when iterations begin"),
    ("pacing", "rate_stages", "the rate already says when iterations begin"),
];

/// A part, the parts of which one must be there with it, and what to do.
const NEEDS: &[(Part, &[Part], &str)] = &[
    ("per_user", &["iterations"], "is about a number of iterations, and there is none"),
    (
        "max_duration",
        &["iterations"],
        "limits a number of iterations, and there is none; others have a duration",
    ),
    ("start_vus", &["stages"], "is where stages begin, and there are none"),
    ("start_rate", &["stages"], "is where stages begin, and there are none"),
    ("arrivals", &["rate", "rate_stages", "controlled"], "is about a rate, and there is none"),
    (
        "max_vus",
        &["controlled"],
        "is for a controlled load; with a rate, the number of users is the most iterations in flight",
    ),
];

/// The part that a kind of it is.
const fn base(part: Part) -> Part {
    match part.as_bytes() {
        b"user_stages" | b"rate_stages" => "stages",
        _ => part,
    }
}

impl LoadFlags {
    /// Parts in the order of the documentation.
    pub(crate) const PARTS: [Part; 16] = [
        "vus",
        "rate",
        "duration",
        "ramp_up",
        "stages",
        "start_vus",
        "start_rate",
        "iterations",
        "per_user",
        "max_duration",
        "arrivals",
        "controlled",
        "max_vus",
        "pacing",
        "warmup",
        "graceful_stop",
    ];

    /// Whether a part is given, be it as `false`.
    pub(crate) fn has(&self, part: &str) -> bool {
        match part {
            "vus" => self.vus.is_some(),
            "rate" => self.rate_per_s.is_some(),
            "duration" => self.duration_ms.is_some(),
            "ramp_up" => self.ramp_up_ms.is_some(),
            "stages" => self.stages.is_some(),
            "user_stages" => matches!(self.stages, Some(Stages::Users(_))),
            "rate_stages" => matches!(self.stages, Some(Stages::Rate(_))),
            "start_vus" => self.start_vus.is_some(),
            "start_rate" => self.start_rate_per_s.is_some(),
            "iterations" => self.iterations.is_some(),
            "per_user" => self.per_user.is_some(),
            "max_duration" => self.max_duration_ms.is_some(),
            "arrivals" => self.arrivals.is_some(),
            "controlled" => self.controlled.is_some(),
            "max_vus" => self.max_vus.is_some(),
            "pacing" => self.pacing_ms.is_some(),
            "warmup" => self.warmup_ms.is_some(),
            "graceful_stop" => self.graceful_stop_ms.is_some(),
            _ => false,
        }
    }

    /// Whether a part has a say in the load.
    fn counts(&self, part: &str) -> bool {
        match part {
            "per_user" => self.per_user == Some(true),
            "controlled" => self.controlled == Some(true),
            part => self.has(part),
        }
    }

    fn clear(&mut self, part: &str) {
        match part {
            "vus" => self.vus = None,
            "rate" => self.rate_per_s = None,
            "duration" => self.duration_ms = None,
            "ramp_up" => self.ramp_up_ms = None,
            "stages" => self.stages = None,
            "start_vus" => self.start_vus = None,
            "start_rate" => self.start_rate_per_s = None,
            "iterations" => self.iterations = None,
            "per_user" => self.per_user = None,
            "max_duration" => self.max_duration_ms = None,
            "arrivals" => self.arrivals = None,
            "controlled" => self.controlled = None,
            "max_vus" => self.max_vus = None,
            "pacing" => self.pacing_ms = None,
            _ => {}
        }
    }

    /// Parts of `self` with a part of `other` that cannot be beside each.
    pub(crate) fn against(&self, other: &Self) -> Vec<(Part, Part)> {
        let both_ways = CONTRADICTIONS.iter().flat_map(|&(one, two, _)| [(one, two), (two, one)]);
        both_ways
            .filter(|(own, theirs)| self.counts(own) && other.counts(theirs))
            .map(|(own, theirs)| (base(own), base(theirs)))
            .collect()
    }

    /// This load without what contradicts `higher`, and without what then lacks something it needs.
    pub(crate) fn below(&self, higher: &Self) -> Self {
        let mut left = self.clone();
        for (own, _) in self.against(higher) {
            left.clear(own);
        }
        // Where stages begin belongs to them.
        if higher.counts("stages") {
            left.clear("start_vus");
            left.clear("start_rate");
        }
        for (part, needed, _) in NEEDS {
            let had = needed.iter().any(|needed| self.counts(needed));
            let has = needed.iter().any(|needed| left.counts(needed) || higher.counts(needed));
            if had && !has {
                left.clear(part);
            }
        }
        left
    }

    /// Adds a problem for each pair of parts that cannot be together, and for each that lacks what it needs.
    pub(super) fn check_together(&self, path: &impl Fn(&str) -> String, problems: &mut Problems) {
        for (one, two, why) in CONTRADICTIONS {
            if self.counts(one) && self.counts(two) {
                let (one, two) = (path(base(one)), path(base(two)));
                let message = format!("`{}` and `{}` cannot both be given: {why}", name(&one), name(&two));
                problems.push(Problem::new(one, message));
            }
        }
        for (part, needed, what) in NEEDS {
            if self.counts(part) && !needed.iter().any(|needed| self.counts(needed)) {
                let at = path(part);
                let message = format!("`{}` {what}", name(&at));
                problems.push(Problem::new(at, message));
            }
        }
    }
}

/// What somebody wrote at a path: the flag, or the last key of a pointer.
fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
