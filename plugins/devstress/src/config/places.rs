//! Where the parts of a plan stand in the config, so that what the host would refuse is shown there.

use stresshost_sdk::prelude::*;

/// Paths in the plan with what they were made of.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// Path of the config, to which paths without an entry are relative.
    root: String,
    known: Vec<(String, String)>,
}

impl Places {
    pub(crate) fn new(root: impl Into<String>) -> Self {
        Self { root: root.into(), known: Vec::new() }
    }

    /// Says that the part of the plan at `plan` was made of the config's at `config`.
    pub(crate) fn add(&mut self, plan: impl Into<String>, config: impl Into<String>) {
        self.known.push((plan.into(), config.into()));
    }

    /// The problem with its place in the config.
    pub(crate) fn problem(&self, problem: Problem) -> Problem {
        Problem { path: self.path(&problem.path), ..problem }
    }

    fn path(&self, plan: &str) -> String {
        let rest_of = |known: &str| {
            plan.strip_prefix(known)
                .filter(|rest| rest.is_empty() || rest.starts_with('/'))
                .map(str::to_owned)
        };
        let found = self
            .known
            .iter()
            .filter_map(|(known, config)| Some((known.len(), config, rest_of(known)?)))
            .max_by_key(|(length, ..)| *length);
        let (_, config, rest) = found.unwrap_or((0, &self.root, plan.to_owned()));
        // Keys differ by the unit, and the plan has levels that the config has not.
        let keys = rest
            .split('/')
            .skip(1)
            .filter(|key| !matches!(*key, "executor" | "expression" | "scope" | "pause"))
            .map(|key| if key == "rate_per_s" { "rate" } else { key.trim_end_matches("_ms") });
        keys.fold(config.clone(), |path, key| format!("{path}/{key}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_known_path_counts() {
        let mut places = Places::new("--scenarios");
        places.add("/phases/0", "/phases/1");
        places.add("/phases/0/depends_on/0", "/phases/1/depends_on");
        places.add("/warmup_ms", "--warmup");
        for (plan, config) in [
            ("/phases/0/duration_ms", "/phases/1/duration"),
            ("/phases/0/depends_on/0", "/phases/1/depends_on"),
            ("/phases/0/depends_on/1", "/phases/1/depends_on/1"),
            ("/phases/01", "--scenarios/phases/01"),
            ("/warmup_ms", "--warmup"),
            ("/mixes/0/executor/rate_per_s", "--scenarios/mixes/0/rate"),
            ("", "--scenarios"),
        ] {
            assert_eq!(places.problem(Problem::new(plan, "")).path, config, "{plan}");
        }
    }
}
