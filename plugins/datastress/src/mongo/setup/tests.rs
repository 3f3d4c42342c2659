use stresshost_sdk::Workload as _;
use stresshost_sdk::mongo::Server;
use stresshost_sdk::serde_json::{Value, json};
use stresshost_sdk::testing::{self, FakeHost, MongoReply};

use super::*;
use crate::DataStress;
use crate::plan::{LOAD, MONITOR, VERIFY};

const URL: &str = "mongodb://u:secret@localhost/shop";

fn planned(flags: Value) -> Plan {
    DataStress::plan(testing::input(&[URL], flags, ())).unwrap()
}

fn started(flags: Value) -> Result<DataStress, Failure> {
    testing::start_in(&planned(flags), LOAD, 0)
}

fn host() -> FakeHost {
    let host = FakeHost::new();
    host.mongo_server(Server { version: "7.0.15".into(), primary: true, ..Server::default() });
    host
}

fn sent(host: &FakeHost, name: &str) -> Vec<Value> {
    let of_name = host.mongo_commands().into_iter().filter(|sent| sent.name == name);
    of_name.map(|sent| sent.document()).collect()
}

#[test]
fn commands_are_executed_with_values_of_their_kind() {
    let host = host();
    let file = r#"{"update": "users", "updates": [{"q": {"_id": "$1", "tag": "$2"}, "u": {"$set": {"price": "$3", "who": "$4"}}}]}"#;
    let parameters = [
        "_id=constant {\"$oid\": \"0123456789abcdef01234567\"}",
        "tag=sequence 5",
        "price=uniform 1.50..1.50",
        "who=constant Ann",
    ];
    let mut user =
        started(json!({ "query-file": file, "parameter": parameters, "statement-timeout": 250 })).unwrap();
    user.iterate(Iteration { scenario: 0, number: 2 }).unwrap();
    assert_eq!(
        sent(&host, "update users"),
        [json!({ "update": "users", "updates": [{
            "q": { "_id": { "$oid": "0123456789abcdef01234567" }, "tag": 7 },
            "u": { "$set": { "price": 1.5, "who": "Ann" } } }] })]
    );
    let options = host.mongo_targets().pop().unwrap().1;
    assert_eq!(options, [("timeout-ms".to_owned(), "250".to_owned())]);
    host.mongo_reply("update users", MongoReply::error(ErrorKind::Constraint, "11000", "E11000"));
    let failure = user.iterate(Iteration::default()).unwrap_err();
    assert_eq!(failure.to_string(), "constraint: `update users`: E11000 [11000]");
}

#[test]
fn commands_are_chosen_by_their_weights() {
    let host = host();
    let file = "// weight: 3\n{\"find\": \"a\"}\n{\"count\": \"a\"}";
    let mut user = started(json!({ "query-file": file })).unwrap();
    (0..1_000).for_each(|number| user.iterate(Iteration { scenario: 0, number }).unwrap());
    let finds = sent(&host, "find a").len();
    assert!((700..800).contains(&finds), "{finds}");
    assert_eq!(finds + sent(&host, "count a").len(), 1_000);
}

#[test]
fn values_of_files_are_dealt_out() {
    let host = host();
    let flags = json!({ "query-file": r#"{"find": "a", "filter": {"b": "$1"}}"#, "parameter": ["b=feed id"],
        "parameter-file": "id\n41\nx\n" });
    let mut user = started(flags).unwrap();
    (0..2).for_each(|_| user.iterate(Iteration::default()).unwrap());
    let filters: Vec<Value> = sent(&host, "find a").iter().map(|sent| sent["filter"]["b"].clone()).collect();
    assert_eq!(filters, [json!(41), json!("x")]);
}

#[test]
fn what_was_chosen_is_told() {
    let host = host();
    host.mongo_reply("setup sample", MongoReply::documents([json!({ "b": 1 }), json!({ "b": 2 })]));
    started(json!({ "query-file": r#"{"find": "a", "filter": {"b": "$1"}}"# })).unwrap();
    let parameters = host.findings().into_iter().find(|finding| finding.rule == told::PARAMETERS).unwrap();
    assert_eq!(parameters.evidence, "find a $1 | one of 2 values | 2 values that a.b has");
    let server = host.findings().into_iter().find(|finding| finding.rule == told::SERVER).unwrap();
    assert_eq!(server.evidence, "MongoDB | 7.0.15 | shop | localhost");
}

#[test]
fn what_hinders_the_load_is_told_in_a_sentence() {
    let host = host();
    host.mongo_server(Server { version: "3.4.24".into(), primary: true, ..Server::default() });
    let failure = started(json!({})).unwrap_err();
    assert_eq!(failure.message, "MongoDB 3.4.24 is too old: 3.6 or newer is wanted");

    let secondary = Server { version: "7.0.15".into(), set: "rs0".into(), ..Server::default() };
    host.mongo_server(secondary);
    let writes = json!({ "query-type": "write" });
    let failure = started(writes).unwrap_err();
    assert_eq!(
        failure.message,
        "`localhost` is no primary of set `rs0` and takes no writes: give the primary's host"
    );
    assert!(started(json!({ "query-file": r#"{"find": "a"}"# })).is_ok(), "it can be read");

    let status = json!({ "connections": { "current": 8, "available": 2 } });
    host.mongo_reply("monitor serverStatus", MongoReply::json(status));
    let failure = started(json!({ "vus": 10, "query-file": r#"{"find": "a"}"# })).unwrap_err();
    assert!(
        failure.message.starts_with(
            "the server takes 10 connections (connections.current + connections.available), 7 are in use, and the run \
             needs 12"
        ),
        "{failure}"
    );
}

#[test]
fn collections_read_whole_are_told_with_an_index() {
    let host = host();
    let plan = json!({ "queryPlanner": { "winningPlan": { "stage": "COLLSCAN" } } });
    host.mongo_reply("explain find a", MongoReply::json(plan));
    host.mongo_reply("setup count", MongoReply::count(9_000));
    let file = r#"{"find": "a", "filter": {"b": "$1", "c": {"$gte": "$2"}}}"#;
    let flags = json!({ "query-plan-analysis": true, "query-file": file, "parameter": ["b=constant 7", "c=constant 8"] });
    started(flags.clone()).unwrap();
    let scan = host.findings().into_iter().find(|finding| finding.rule == told::SCAN).unwrap();
    assert_eq!(scan.message, "collection `a` is read by a sequential scan");
    assert_eq!(scan.evidence, "9000 documents of `a` are read, as the plan has it");
    assert!(
        scan.remedy.starts_with(r#"db.getCollection("a").createIndex({ "b": 1, "c": 1 }) (suspected"#),
        "{}",
        scan.remedy
    );
    let before = host.findings().len();
    host.mongo_reply("setup count", MongoReply::count(9));
    started(flags).unwrap();
    let told = host.findings().split_off(before);
    assert!(!told.iter().any(|finding| finding.rule == told::SCAN), "a small collection is read whole");
}

#[test]
fn records_are_taken_away_when_the_set_up_fails() {
    let host = host();
    let builtin = json!({ "name": "a", "workload": "kv" });
    let own = json!({ "name": "b", "queries": [r#"{"find": "a", "filter": {"b": "$1"}}"#] });
    let config = json!({ "test_scenarios": [builtin, own] });
    let plan = DataStress::plan(testing::input(&[URL], json!({ "rows": 5 }), config)).unwrap();
    host.mongo_reply("setup sample", MongoReply::error(ErrorKind::Permission, "13", "not authorized"));
    let started: Result<DataStress, Failure> = testing::start_in(&plan, LOAD, 0);
    assert!(started.unwrap_err().message.contains("not authorized"));
    assert_eq!(sent(&host, "teardown drop"), [json!({ "drop": "stresshost_kv" })]);
}

#[test]
fn the_servers_numbers_are_compared_and_sampled() {
    let host = host();
    let plan = planned(json!({ "query-file": r#"{"find": "a"}"# }));
    let status =
        |queries: u32| json!({ "opcounters": { "query": queries }, "connections": { "current": queries } });
    host.mongo_reply("monitor serverStatus", MongoReply::json(status(100)));
    let mut user: DataStress = testing::start_in(&plan, VERIFY, 0).unwrap();
    host.mongo_reply("monitor serverStatus", MongoReply::json(status(130)));
    user.iterate(Iteration::default()).unwrap();
    assert_eq!(host.metric("server opcounters.query"), [30.0]);
    assert_eq!(host.metric("server connections.current"), [130.0], "a state");
    assert!(host.metric("server opcounters.insert").is_empty(), "what is not told is no 0");

    let monitor = plan.scenarios.iter().position(|one| one.name == MONITOR).unwrap();
    let mut monitor: DataStress =
        testing::start_in(&plan, LOAD, plan.scenarios[..monitor].iter().map(|one| one.executor.vus()).sum())
            .unwrap();
    monitor.iterate(Iteration::default()).unwrap();
    assert_eq!(host.metric(server::CONNECTIONS), [130.0]);
}

#[test]
fn what_the_data_has_grown_by_is_read_back() {
    let host = host();
    let plan = planned(json!({ "query-type": "write" }));
    let versions = |sum: u32| MongoReply::documents([json!({ "_id": null, "versions": sum })]);
    host.mongo_reply_once("verify ledger", versions(5));
    let mut user: DataStress = testing::start_in(&plan, VERIFY, 0).unwrap();
    host.mongo_reply("verify ledger", versions(25));
    user.iterate(Iteration::default()).unwrap();
    assert_eq!(host.metric(crate::verify::READ_BACK), [20.0]);
}
