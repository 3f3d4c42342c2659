use std::collections::BTreeMap;

use stresshost_sdk::prelude::ErrorKind;
use stresshost_sdk::serde_json::json;
use stresshost_sdk::testing::{FakeHost, MongoReply, MongoSent};

use super::super::{assert_mix, shares};
use super::*;
use crate::database::Database;

fn workload(builtin: Builtin, records: u64) -> Workload {
    let doing = Doing::Records { builtin, records };
    let mut workload = Workload {
        database: Database::read("mongodb://localhost/d", "URL").unwrap(),
        works: vec![Work { name: "w".into(), query_type: QueryType::Mixed, doing }],
        ..Workload::default()
    };
    workload.found.run = "20260101-abcd1234".into();
    workload
}

fn host() -> FakeHost {
    let host = FakeHost::new();
    for name in ["find stresshost_kv", "find stresshost_ycsb"] {
        host.mongo_reply(name, MongoReply::documents([json!({})]));
    }
    for name in ["update stresshost_kv", "update stresshost_ycsb"] {
        host.mongo_reply(name, MongoReply::count(1));
    }
    host
}

fn sent(builtin: Builtin, query_type: QueryType) -> Vec<MongoSent> {
    let host = host();
    let mut user = User::new(&workload(builtin, 100), builtin, query_type, 100).unwrap();
    (0..2_000).for_each(|number| user.iterate(number).unwrap());
    host.mongo_commands()
}

#[test]
fn each_workload_has_its_mix() {
    let (find, update, insert, scan) =
        ("find stresshost_ycsb", "update stresshost_ycsb", "insert stresshost_ycsb", "scan stresshost_ycsb");
    for (builtin, query_type, expected) in [
        (Builtin::YcsbA, QueryType::Mixed, vec![(find, 0.5), (update, 0.5)]),
        (Builtin::YcsbB, QueryType::Mixed, vec![(find, 0.95), (update, 0.05)]),
        (Builtin::YcsbC, QueryType::Read, vec![(find, 1.0)]),
        (Builtin::YcsbD, QueryType::Mixed, vec![(find, 0.95), (insert, 0.05)]),
        (Builtin::YcsbE, QueryType::Mixed, vec![(insert, 0.05), (scan, 0.95)]),
        (Builtin::YcsbF, QueryType::Mixed, vec![(find, 1.0), (update, 0.5)]),
        (Builtin::Kv, QueryType::Read, vec![("find stresshost_kv", 1.0)]),
        (Builtin::Kv, QueryType::Mixed, vec![("find stresshost_kv", 0.8), ("update stresshost_kv", 0.2)]),
        (Builtin::Kv, QueryType::Write, vec![("update stresshost_kv", 1.0)]),
    ] {
        let names = sent(builtin, query_type).into_iter().map(|sent| sent.name);
        let shares: BTreeMap<String, f64> = shares(names, 2_000);
        assert_mix(builtin, &shares, &expected);
    }
}

#[test]
fn commands_are_those_of_ycsb() {
    let of = |builtin, name: &str| {
        let sent = sent(builtin, QueryType::Mixed);
        sent.into_iter().find(|sent| sent.name == name).unwrap()
    };
    let find = of(Builtin::YcsbB, "find stresshost_ycsb");
    let id = find.document()["filter"]["_id"].as_str().unwrap().to_owned();
    assert_eq!(
        find.document(),
        json!({ "find": "stresshost_ycsb", "filter": { "_id": id }, "limit": 1, "singleBatch": true })
    );
    assert!(id.starts_with("user0000000") && id.len() == 13, "{id}");
    assert_eq!(find.options, [("expect".to_owned(), "documents".to_owned())]);
    let update = of(Builtin::YcsbA, "update stresshost_ycsb").document();
    let set = update["updates"][0]["u"]["$set"].as_object().unwrap();
    let (name, value) = set.iter().next().unwrap();
    assert!(set.len() == 1 && name.starts_with("field") && value.as_str().unwrap().len() == 100);
    let insert = of(Builtin::YcsbD, "insert stresshost_ycsb").document();
    let inserted = insert["documents"][0].as_object().unwrap();
    assert!(inserted.len() == 11 && inserted["_id"].as_str().unwrap().starts_with("userrunabcd1234:"));
    let scan = of(Builtin::YcsbE, "scan stresshost_ycsb").document();
    assert_eq!((&scan["sort"], &scan["singleBatch"]), (&json!({ "_id": 1 }), &json!(true)));
    assert!(
        (1..=100).contains(&scan["limit"].as_u64().unwrap()) && scan["filter"]["_id"]["$gte"].is_string()
    );
}

#[test]
fn a_record_that_is_not_there_is_a_failure() {
    let host = FakeHost::new();
    host.mongo_reply("find stresshost_ycsb", MongoReply::documents([]));
    host.mongo_reply("update stresshost_kv", MongoReply::count(0));
    for (builtin, query_type) in [(Builtin::YcsbC, QueryType::Read), (Builtin::Kv, QueryType::Write)] {
        let mut user = User::new(&workload(builtin, 9), builtin, query_type, 9).unwrap();
        assert_eq!(user.iterate(0).unwrap_err().code, "status_unexpected", "{builtin:?}");
    }
    assert!(host.metric(crate::user::ACKNOWLEDGED).is_empty());
}

#[test]
fn collections_are_made_in_batches_and_only_those_are_dropped() {
    for (builtin, name, first) in [
        (Builtin::Kv, "stresshost_kv", json!({ "$numberLong": "0" })),
        (Builtin::YcsbA, "stresshost_ycsb", json!("user000000000")),
    ] {
        let host = host();
        host.mongo_reply("setup count", MongoReply::count(0));
        let mut workload = workload(builtin, LOAD_DOCUMENTS * 2 + 5);
        workload.found.made = make(open(&workload).unwrap(), &workload).unwrap();
        assert_eq!(workload.found.made, [name]);
        let inserts: Vec<_> =
            host.mongo_commands().into_iter().filter(|sent| sent.name == "setup insert").collect();
        let counts: Vec<usize> =
            inserts.iter().map(|sent| sent.document()["documents"].as_array().unwrap().len()).collect();
        assert_eq!(counts, [500, 500, 5]);
        assert_eq!(inserts[0].document()["documents"][0]["_id"], first);
        take(&workload).unwrap();
        assert_eq!(host.mongo_commands().last().unwrap().document(), json!({ "drop": name }));
    }
}

#[test]
fn collections_that_are_there_stay_without_the_runs_own_records() {
    let host = host();
    host.mongo_reply("setup count", MongoReply::count(100));
    let mut workload = workload(Builtin::YcsbD, 100);
    workload.found.made = make(open(&workload).unwrap(), &workload).unwrap();
    assert!(workload.found.made.is_empty());
    take(&workload).unwrap();
    let last = host.mongo_commands().pop().unwrap().document();
    assert_eq!(
        last["deletes"],
        json!([{ "q": { "_id": { "$gte": "userrunabcd1234:", "$lt": "userrunabcd1234;" } }, "limit": 0 }])
    );
    workload.works[0].doing = Doing::Records { builtin: Builtin::YcsbD, records: 900 };
    let failure = make(open(&workload).unwrap(), &workload).unwrap_err();
    assert!(failure.message.contains("is there with 100 documents where 900 are wanted"), "{failure}");
    assert!(!host.mongo_commands().iter().any(|sent| sent.name == "teardown drop"));
}

#[test]
fn a_load_that_fails_leaves_nothing_behind() {
    let host = host();
    host.mongo_reply("setup count", MongoReply::count(0));
    host.mongo_reply("setup insert", MongoReply::error(ErrorKind::ServerError, "14031", "disk full"));
    let workload = workload(Builtin::Kv, 10);
    let failure = make(open(&workload).unwrap(), &workload).unwrap_err();
    assert!(failure.message.contains("disk full"), "{failure}");
    assert_eq!(host.mongo_commands().last().unwrap().document(), json!({ "drop": "stresshost_kv" }));
}

#[test]
fn acknowledged_changes_are_counted_and_read_back() {
    let host = host();
    let workload = workload(Builtin::Kv, 9);
    let mut user = User::new(&workload, Builtin::Kv, QueryType::Write, 9).unwrap();
    (0..3).for_each(|number| user.iterate(number).unwrap());
    host.mongo_reply(
        "update stresshost_kv",
        MongoReply::error(ErrorKind::OutcomeUnknown, "64", "not replicated"),
    );
    user.iterate(3).unwrap_err();
    host.mongo_reply("update stresshost_kv", MongoReply::error(ErrorKind::Serialization, "112", "conflict"));
    user.iterate(4).unwrap_err();
    assert_eq!(host.metric(crate::user::ACKNOWLEDGED), [1.0; 3]);
    assert_eq!(host.metric(crate::user::UNKNOWN), [1.0]);
    let change = host.mongo_commands().pop().unwrap().document()["updates"][0]["u"].clone();
    assert_eq!(change["$inc"], json!({ "version": 1 }));
    host.mongo_reply("verify ledger", MongoReply::documents([json!({ "_id": null, "versions": 12 })]));
    let connection = open(&workload).unwrap();
    assert_eq!(ledger(connection, &workload).unwrap(), [("kv".to_owned(), 12.0)]);
    let of_ycsb = self::workload(Builtin::YcsbA, 9);
    assert!(ledger(connection, &of_ycsb).unwrap().is_empty());
}
