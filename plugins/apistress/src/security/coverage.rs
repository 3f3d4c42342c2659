//! What of the OWASP API Security Top 10 (2023) a run has looked at.

use super::TESTS;

/// One item of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    /// `tested`, `partly`, `not tested` or `not testable`.
    pub(crate) state: &'static str,
    /// The tests with their requests, or why there are none.
    pub(crate) how: String,
}

/// How far requests can tell of an item.
enum Reach {
    Whole,
    /// What is left out.
    Part(&'static str),
    /// Why there is no test.
    NoTest(&'static str),
    /// Why there can be none.
    Never(&'static str),
}

/// The list, with what tests of its items can tell.
const ITEMS: [(&str, &str, Reach); 10] = [
    ("API1:2023", "Broken Object Level Authorization", Reach::Whole),
    (
        "API2:2023",
        "Broken Authentication",
        Reach::Part("passwords are not guessed, and no token is watched until it expires"),
    ),
    (
        "API3:2023",
        "Broken Object Property Level Authorization",
        Reach::Part("fields are known by their names only"),
    ),
    ("API4:2023", "Unrestricted Resource Consumption", Reach::Part("only where credentials are checked")),
    (
        "API5:2023",
        "Broken Function Level Authorization",
        Reach::Part("administrative operations are known by their paths only"),
    ),
    (
        "API6:2023",
        "Unrestricted Access to Sensitive Business Flows",
        Reach::Never("what harms a business is known to its owner only"),
    ),
    (
        "API7:2023",
        "Server Side Request Forgery",
        Reach::NoTest("it takes a listener that the server could call"),
    ),
    (
        "API8:2023",
        "Security Misconfiguration",
        Reach::Part("what shows in answers, and not how the server is set up"),
    ),
    (
        "API9:2023",
        "Improper Inventory Management",
        Reach::NoTest("only operations of the document are called"),
    ),
    (
        "API10:2023",
        "Unsafe Consumption of APIs",
        Reach::Never("it takes a place between the server and the services that it calls"),
    ),
];

/// The list for a run: names of tests with the requests that they sent.
pub(crate) fn coverage(ran: &[(&str, u64)]) -> Vec<Row> {
    ITEMS.iter().map(|(id, title, reach)| row(id, title, reach, ran)).collect()
}

fn row(id: &'static str, title: &'static str, reach: &Reach, ran: &[(&str, u64)]) -> Row {
    let about = TESTS.iter().filter(|test| test.owasp.contains(&id));
    let requests =
        |name: &str| ran.iter().filter(|(ran, _)| *ran == name).map(|(_, requests)| requests).sum::<u64>();
    let counts: Vec<(&str, u64)> = about.map(|test| (test.name, requests(test.name))).collect();
    let sent: Vec<String> = counts
        .iter()
        .filter(|(_, requests)| *requests > 0)
        .map(|(name, requests)| {
            format!("{name} ({requests} {})", if *requests == 1 { "request" } else { "requests" })
        })
        .collect();
    let names: Vec<&str> = counts.iter().map(|(name, _)| *name).collect();
    let (state, how) = match reach {
        Reach::Never(why) => ("not testable", (*why).to_owned()),
        Reach::NoTest(why) => ("not tested", (*why).to_owned()),
        _ if sent.is_empty() => ("not tested", format!("no requests of {}", names.join(", "))),
        Reach::Part(left_out) => ("partly", format!("{}; {left_out}", sent.join(", "))),
        Reach::Whole => ("tested", sent.join(", ")),
    };
    Row { id, title, state, how }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_sent_requests_counts() {
        let rows = coverage(&[
            ("object_authorization", 12),
            ("sql_injection", 300),
            ("sql_injection", 20),
            ("xss", 0),
            ("rate_limit", 1),
            ("unknown", 5),
        ]);
        let states: Vec<&str> = rows.iter().map(|row| row.state).collect();
        assert_eq!(
            states,
            [
                "tested",
                "partly",
                "not tested",
                "partly",
                "not tested",
                "not testable",
                "not tested",
                "partly",
                "not tested",
                "not testable"
            ]
        );
        assert_eq!(rows[0].how, "object_authorization (12 requests)");
        assert_eq!(rows[3].how, "rate_limit (1 request); only where credentials are checked");
        assert_eq!(rows[2].how, "no requests of mass_assignment, data_exposure");
        assert!(rows[7].how.starts_with("sql_injection (320 requests); "), "{}", rows[7].how);
    }

    #[test]
    fn every_test_is_about_an_item() {
        for test in TESTS {
            assert!(!test.owasp.is_empty() && !test.about.is_empty());
            for id in test.owasp {
                assert!(ITEMS.iter().any(|(known, _, _)| known == id), "{id}");
            }
        }
        assert!(coverage(&[]).iter().all(|row| row.state.starts_with("not ")));
    }
}
