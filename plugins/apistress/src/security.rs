//! Security tests of an operation: requests that differ from its usual one, and what their answers prove.

mod answers;
mod assignment;
mod authentication;
pub(crate) mod coverage;
mod disclosure;
mod exposure;
mod functions;
mod misconfiguration;
mod objects;
mod rate;
mod sql;
mod stage;
mod targets;
mod words;
mod xss;

#[cfg(test)]
mod adversaries;
#[cfg(test)]
mod testing;

use stresshost_sdk::prelude::Finding;

use crate::client::Client;
use crate::document::{Operation, Workload};
use crate::identity::Identity;
use stage::Stage;

/// What the tests work with.
pub(crate) struct World<'a> {
    pub(crate) client: &'a mut dyn Client,
    pub(crate) workload: &'a Workload,
    /// Somebody with credentials; None: there are none.
    pub(crate) owner: Option<&'a Identity>,
    /// Somebody else with credentials.
    pub(crate) other: Option<&'a Identity>,
    /// Objects that belong to the owner: by index of the operation, the values of its path parameters.
    pub(crate) objects: &'a [(usize, Vec<(String, String)>)],
}

/// What came of a test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tested {
    /// Inputs, credentials or objects that were tried.
    pub(crate) inputs: u64,
    /// Requests that were sent.
    pub(crate) requests: u64,
    pub(crate) findings: Vec<Finding>,
    /// Why something could not be tested, and what was seen that is no finding.
    pub(crate) notes: Vec<String>,
}

/// A security test.
pub(crate) struct Test {
    pub(crate) name: &'static str,
    /// Other names that configs use for it.
    pub(crate) aliases: &'static [&'static str],
    /// Items of the OWASP API Security Top 10 that it is about.
    pub(crate) owasp: &'static [&'static str],
    pub(crate) about: &'static str,
    applies: fn(&Operation) -> bool,
    /// None: the test ended early, and a note says why.
    run: fn(&mut Stage<'_, '_>) -> Option<()>,
}

/// Every security test, in the order in which reports list them.
pub(crate) const TESTS: &[Test] = &[
    Test {
        name: "sql_injection",
        aliases: &["injection", "sqli"],
        owasp: &["API8:2023"],
        about: "whether an input reaches an SQL statement: by errors, by true and false conditions, by delays",
        applies: sql::applies,
        run: sql::run,
    },
    Test {
        name: "xss",
        aliases: &["xss_attacks"],
        owasp: &["API8:2023"],
        about: "whether an input comes back in HTML as markup",
        applies: xss::applies,
        run: xss::run,
    },
    Test {
        name: "authentication_bypass",
        aliases: &["auth", "authentication"],
        owasp: &["API2:2023"],
        about: "whether an operation with credentials answers without them, or with wrong ones",
        applies: authentication::applies,
        run: authentication::run,
    },
    Test {
        name: "object_authorization",
        aliases: &["bola", "idor"],
        owasp: &["API1:2023"],
        about: "whether somebody else gets at an object of its owner",
        applies: objects::applies,
        run: objects::run,
    },
    Test {
        name: "function_authorization",
        aliases: &["bfla"],
        owasp: &["API5:2023"],
        about: "whether an ordinary account, or nobody, gets at administrative operations",
        applies: functions::applies,
        run: functions::run,
    },
    Test {
        name: "mass_assignment",
        aliases: &[],
        owasp: &["API3:2023"],
        about: "whether a privileged field that is not part of a body is taken from it",
        applies: assignment::applies,
        run: assignment::run,
    },
    Test {
        name: "rate_limit",
        aliases: &["rate_limit_validation", "rate_limiting"],
        owasp: &["API4:2023", "API2:2023"],
        about: "whether a burst of wrong credentials is refused at some point",
        applies: rate::applies,
        run: rate::run,
    },
    Test {
        name: "misconfiguration",
        aliases: &["headers", "cors"],
        owasp: &["API8:2023"],
        about: "CORS, TRACE, version numbers and missing headers",
        applies: misconfiguration::applies,
        run: misconfiguration::run,
    },
    Test {
        name: "error_handling",
        aliases: &["stack_traces", "error_disclosure"],
        owasp: &["API8:2023"],
        about: "whether malformed input gets a stack trace or a server error",
        applies: disclosure::applies,
        run: disclosure::run,
    },
    Test {
        name: "data_exposure",
        aliases: &["excessive_data"],
        owasp: &["API3:2023"],
        about: "whether answers hold passwords, keys and the like",
        applies: exposure::applies,
        run: exposure::run,
    },
];

/// A test by its name or another name, in any case, with `-` or `_`.
pub(crate) fn find(name: &str) -> Option<&'static Test> {
    let name = name.trim().to_ascii_lowercase().replace('-', "_");
    TESTS.iter().find(|test| test.name == name || test.aliases.contains(&name.as_str()))
}

/// Whether an operation has something that the test is about.
pub(crate) fn applies(test: &Test, operation: &Operation) -> bool {
    (test.applies)(operation)
}

/// Runs a test on an operation.
pub(crate) fn run(test: &Test, operation_index: usize, world: &mut World<'_>) -> Tested {
    let Some(operation) = world.workload.operations.get(operation_index) else {
        return Tested { notes: vec!["there is no such operation".to_owned()], ..Tested::default() };
    };
    let mut stage = Stage::new(test.name, operation_index, operation, world);
    // Why a test ends early is in its notes.
    (test.run)(&mut stage).unwrap_or_default();
    stage.tested
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_finds_its_test_and_no_other() {
        for test in TESTS {
            for name in [test.name].iter().chain(test.aliases) {
                assert_eq!(
                    find(&name.to_uppercase().replace('_', "-")).map(|test| test.name),
                    Some(test.name)
                );
            }
        }
        assert!(find("nothing").is_none());
        let mut names: Vec<&str> = TESTS
            .iter()
            .flat_map(|test| [test.name].into_iter().chain(test.aliases.iter().copied()))
            .collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
