//! TPC-B-like: money moves between an account, its teller and its branch, and a row of history remembers it. The
//! transaction is pgbench's, and so are the sizes: a branch has 10 tellers and 100,000 accounts.

use crate::builtin::{Table, step};
use crate::document::Step;
use crate::generator::Generator;
use crate::statement::Class;

const TELLERS: u64 = 10;
const ACCOUNTS: u64 = 100_000;

/// Every sum of balances is the sum of what was moved.
pub(crate) const INVARIANTS: &[(&str, &str)] = &[
    (
        "account balances add up to the history",
        "SELECT a.total, h.total FROM (SELECT COALESCE(SUM(abalance), 0) AS total FROM stresshost_accounts) a, \
         (SELECT COALESCE(SUM(delta), 0) AS total FROM stresshost_history) h WHERE a.total <> h.total",
    ),
    (
        "teller balances add up to the history",
        "SELECT t.total, h.total FROM (SELECT COALESCE(SUM(tbalance), 0) AS total FROM stresshost_tellers) t, \
         (SELECT COALESCE(SUM(delta), 0) AS total FROM stresshost_history) h WHERE t.total <> h.total",
    ),
    (
        "branch balances add up to the history",
        "SELECT b.total, h.total FROM (SELECT COALESCE(SUM(bbalance), 0) AS total FROM stresshost_branches) b, \
         (SELECT COALESCE(SUM(delta), 0) AS total FROM stresshost_history) h WHERE b.total <> h.total",
    ),
];

pub(crate) fn tables(branches: u64) -> Vec<Table> {
    vec![
        Table {
            name: "stresshost_branches",
            columns: "(bid BIGINT PRIMARY KEY, bbalance BIGINT NOT NULL)",
            rows: branches,
            row: |number| format!("({}, 0)", number + 1),
        },
        Table {
            name: "stresshost_tellers",
            columns: "(tid BIGINT PRIMARY KEY, bid BIGINT NOT NULL, tbalance BIGINT NOT NULL)",
            rows: branches * TELLERS,
            row: |number| format!("({}, {}, 0)", number + 1, number / TELLERS + 1),
        },
        Table {
            name: "stresshost_accounts",
            columns: "(aid BIGINT PRIMARY KEY, bid BIGINT NOT NULL, abalance BIGINT NOT NULL)",
            rows: branches * ACCOUNTS,
            row: |number| format!("({}, {}, 0)", number + 1, number / ACCOUNTS + 1),
        },
        Table {
            name: "stresshost_history",
            columns: "(tid BIGINT NOT NULL, bid BIGINT NOT NULL, aid BIGINT NOT NULL, delta BIGINT NOT NULL, \
                      mtime TIMESTAMP NOT NULL)",
            rows: 0,
            row: |_| "(0, 0, 0, 0, CURRENT_TIMESTAMP)".to_owned(),
        },
    ]
}

pub(crate) fn steps(branches: u64) -> Vec<Step> {
    let shared = |name: &str, count: u64| {
        let max = i64::try_from(count).unwrap_or(i64::MAX);
        let by = Box::new(Generator::Uniform { min: 1, max });
        (Generator::Shared { name: name.to_owned(), by }, "as TPC-B draws it, once a transaction")
    };
    let (aid, tid, bid) = (
        || shared("aid", branches * ACCOUNTS),
        || shared("tid", branches * TELLERS),
        || shared("bid", branches),
    );
    let delta = || {
        let by = Box::new(Generator::Uniform { min: -5_000, max: 5_000 });
        (Generator::Shared { name: "delta".to_owned(), by }, "as TPC-B draws it, once a transaction")
    };
    let update = |name: &str, text: &str, key: (Generator, &'static str)| {
        step(name, text, 1, Class::Write, vec![delta(), key])
    };
    vec![
        update(
            "UPDATE accounts",
            "UPDATE stresshost_accounts SET abalance = abalance + $1 WHERE aid = $2",
            aid(),
        ),
        step(
            "SELECT accounts",
            "SELECT abalance FROM stresshost_accounts WHERE aid = $1",
            1,
            Class::Read,
            vec![aid()],
        ),
        update(
            "UPDATE tellers",
            "UPDATE stresshost_tellers SET tbalance = tbalance + $1 WHERE tid = $2",
            tid(),
        ),
        update(
            "UPDATE branches",
            "UPDATE stresshost_branches SET bbalance = bbalance + $1 WHERE bid = $2",
            bid(),
        ),
        step(
            "INSERT history",
            "INSERT INTO stresshost_history (tid, bid, aid, delta, mtime) VALUES ($1, $2, $3, $4, CURRENT_TIMESTAMP)",
            1,
            Class::Write,
            vec![tid(), bid(), aid(), delta()],
        ),
    ]
}
