use stresshost_sdk::Workload as _;
use stresshost_sdk::serde_json::{Value, json};
use stresshost_sdk::sql::Cell;
use stresshost_sdk::testing::{self, FakeHost, SqlReply};

use super::*;
use crate::DataStress;

const PHASE: &str = crate::plan::LOAD;

fn planned(flags: Value, config: Value) -> stresshost_sdk::prelude::Plan {
    let url = ["postgresql://u:secret@localhost/shop"];
    DataStress::plan(testing::input(&url, flags, config)).unwrap()
}

fn started(flags: Value, config: Value) -> Result<DataStress, Failure> {
    testing::start_in(&planned(flags, config), PHASE, 0)
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn server(engine: Engine, version: &str) -> Server {
    Server { engine, version: version.to_owned(), ..Server::default() }
}

#[test]
fn an_order_is_one_transaction_that_uses_what_it_was_returned() {
    let host = FakeHost::new();
    let config = json!({ "test_scenarios": [{ "name": "orders", "query_type": "mixed", "queries": [
        "INSERT INTO orders (user_id, status) VALUES ($1, 'pending') RETURNING id",
        "INSERT INTO order_items (order_id, quantity) VALUES ($1, $2)"],
        "parameters": { "user_id": "constant 7", "quantity": 2 } }] });
    host.sql_parameters("INSERT orders", &["INT4"]);
    host.sql_parameters("INSERT order_items", &["INT8", "INT4"]);
    host.sql_reply("INSERT orders", SqlReply::rows(&["id"], [[Cell::Integer(41)]]));
    let mut user = started(json!({}), config).unwrap();
    let before = host.statements().len();
    user.iterate(Iteration::default()).unwrap();
    let sent: Vec<(String, Vec<Cell>)> =
        host.statements().into_iter().skip(before).map(|sent| (sent.name, sent.values)).collect();
    assert_eq!(
        sent,
        [
            ("BEGIN".to_owned(), vec![]),
            ("INSERT orders".to_owned(), vec![Cell::Integer(7)]),
            ("INSERT order_items".to_owned(), vec![Cell::Integer(41), Cell::Integer(2)]),
            ("COMMIT".to_owned(), vec![]),
        ]
    );
    host.sql_reply_once(
        "INSERT order_items",
        SqlReply::error(ErrorKind::Deadlock, "40P01", "deadlock detected"),
    );
    let failure = user.iterate(Iteration::default()).unwrap_err();
    assert_eq!(
        (failure.code.as_str(), failure.message.as_str()),
        ("deadlock", "`INSERT order_items`: deadlock detected [40P01]")
    );
    assert_eq!(host.statements().last().unwrap().name, "ROLLBACK");
}

#[test]
fn readers_cannot_write_and_connections_are_named() {
    let host = FakeHost::new();
    started(json!({ "query-file": "SELECT 1" }), json!(null)).unwrap();
    let opened = host.sql_opened();
    let user = &opened.last().unwrap().options;
    assert!(user.contains(&("read-only".to_owned(), "true".to_owned())), "{user:?}");
    assert!(
        user.contains(&("application-name".to_owned(), "stresshost/test/0/queries".to_owned())),
        "{user:?}"
    );
}

#[test]
fn what_hinders_the_load_is_told_in_a_sentence() {
    let host = FakeHost::new();
    host.sql_server(server(Engine::Postgresql, "9.6.24"));
    let failure = started(json!({ "query-file": "SELECT 1" }), json!(null)).unwrap_err();
    assert_eq!(failure.message, "PostgreSQL 9.6.24 is too old: 12.0 or newer is wanted");

    let host = FakeHost::new();
    let row = [text("5"), text("5")];
    host.sql_reply("monitor statistics", SqlReply::rows(&["setting", "numbackends"], [row]));
    let failure = started(json!({ "vus": 10, "query-file": "SELECT 1" }), json!(null)).unwrap_err();
    assert!(
        failure
            .message
            .contains("the server takes 5 connections (max_connections), 4 are in use, and the run needs 12"),
        "{failure}"
    );

    let host = FakeHost::new();
    host.sql_parameters("SELECT a", &["INT4", "INT4"]);
    let failure =
        started(json!({ "query-file": "-- a\nSELECT b FROM a WHERE c = $1" }), json!(null)).unwrap_err();
    assert_eq!(
        failure.message,
        "statement `SELECT a`: the server counts 2 parameters, its text 1 (--query-file line 2)"
    );
}

#[test]
fn versions_are_compared_by_their_numbers() {
    for (version, expected) in
        [("11.9", true), ("12.1", false), ("PostgreSQL 9.6", true), ("17beta1", false), ("", false)]
    {
        assert_eq!(older(version, [12, 0]), expected, "{version}");
    }
    assert!(older("10.4.33-MariaDB", [10, 5]) && !older("10.11.6-MariaDB", [10, 5]));
}

#[test]
fn what_was_chosen_is_told() {
    let host = FakeHost::new();
    started(
        json!({ "query-file": "SELECT b FROM a WHERE c = $1", "parameter": ["c=uniform 1..9"] }),
        json!(null),
    )
    .unwrap();
    let findings = host.findings();
    let parameters = findings.iter().find(|finding| finding.rule == told::PARAMETERS).unwrap();
    assert_eq!(
        (parameters.location.as_str(), parameters.evidence.as_str()),
        ("queries", "SELECT a $1 | uniform 1..9 | declared")
    );
}

#[test]
fn plans_that_read_tables_whole_are_told_with_an_index() {
    let host = FakeHost::new();
    let plan = json!([{ "Plan": { "Node Type": "Seq Scan", "Relation Name": "a", "Total Cost": 10, "Plan Rows": 5,
        "Actual Rows": 5, "Actual Loops": 1, "Rows Removed by Filter": 9995 } }]);
    host.sql_reply("EXPLAIN SELECT a", SqlReply::rows(&["plan"], [[text(&plan.to_string())]]));
    started(
        json!({ "query-plan-analysis": true, "query-file": "SELECT b FROM a WHERE c = $1" }),
        json!(null),
    )
    .unwrap();
    let scan = host.findings().into_iter().find(|finding| finding.rule == told::SCAN).unwrap();
    assert_eq!(scan.evidence, "10000 rows of `a` are read, 9995 of them thrown away by the condition");
    assert!(scan.remedy.starts_with("CREATE INDEX ON a (c) (suspected"), "{}", scan.remedy);
}

#[test]
fn a_broken_invariant_and_the_ledger_are_told_after_the_load() {
    let host = FakeHost::new();
    let config = json!({ "invariants": [{ "name": "no debts", "sql": "SELECT id FROM a WHERE b < 0" }] });
    let plan = planned(json!({ "workload": "tpcb" }), config);
    host.sql_reply("setup table", SqlReply::rows(&["count"], [[Cell::Integer(1_000_000)]]));
    host.sql_reply_once("verify ledger", SqlReply::rows(&["count"], [[Cell::Integer(5)]]));
    let mut user: DataStress = testing::start_in(&plan, crate::plan::VERIFY, 0).unwrap();
    host.sql_reply_once("verify invariant", SqlReply::rows(&["id"], [[Cell::Integer(3)]]));
    host.sql_reply("verify ledger", SqlReply::rows(&["count"], [[Cell::Integer(25)]]));
    user.iterate(Iteration { scenario: 2, number: 0 }).unwrap();
    assert_eq!(host.check("invariant no debts"), (0, 1));
    assert_eq!(host.checks().len(), 4, "three of TPC-B, too");
    assert_eq!(host.metric(crate::verify::READ_BACK), [20.0]);
    let finding = host.findings().into_iter().find(|finding| finding.rule == "invariant").unwrap();
    assert_eq!(
        (finding.location.as_str(), finding.evidence.as_str()),
        ("no debts", "1 rows, the first: id = 3")
    );
}

#[test]
fn an_acknowledged_transaction_is_counted_and_an_unknown_one_apart() {
    let host = FakeHost::new();
    host.sql_reply("setup table", SqlReply::rows(&["count"], [[Cell::Integer(1_000_000)]]));
    let mut user = started(json!({ "workload": "tpcb" }), json!(null)).unwrap();
    user.iterate(Iteration::default()).unwrap();
    host.sql_reply_once("COMMIT", SqlReply::error(ErrorKind::OutcomeUnknown, "", "closed"));
    user.iterate(Iteration::default()).unwrap_err();
    assert_eq!(host.metric(crate::user::ACKNOWLEDGED), [1.0]);
    assert_eq!(host.metric(crate::user::UNKNOWN), [1.0]);
}
