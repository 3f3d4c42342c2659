//! Operations and scripted servers for tests.

use stresshost_sdk::serde_json::{self, Value, json};

use super::{Tested, World, applies, find, run};
use crate::client::fake::FakeClient;
use crate::client::{Call, Heard};
use crate::document::{Body, Credential, Operation, Parameter, Place, Workload};
use crate::identity::Identity;

/// A GET; parameters are in the path where their names stand there.
pub(super) fn get(path: &str, parameters: &[(&str, Value)]) -> Operation {
    let parameter = |(name, value): &(&str, Value)| Parameter {
        name: (*name).to_owned(),
        place: if path.contains(&format!("{{{name}}}")) { Place::Path } else { Place::Query },
        required: true,
        schema: json!({ "type": if value.is_number() { "integer" } else { "string" } }),
        value: Some(value.clone()),
    };
    Operation {
        name: format!("GET {path}"),
        method: "GET".into(),
        path: path.into(),
        parameters: parameters.iter().map(parameter).collect(),
        ..Operation::default()
    }
}

/// A POST with a JSON body.
pub(super) fn body(path: &str, value: Value) -> Operation {
    Operation {
        name: format!("POST {path}"),
        method: "POST".into(),
        path: path.into(),
        body: Some(Body { media_type: "application/json".into(), schema: None, value }),
        ..Operation::default()
    }
}

/// The same operation for callers with a token.
pub(super) fn with_token(operation: Operation) -> Operation {
    let value = "Bearer {{token}}".to_owned();
    let credentials = vec![Credential { place: Place::Header, name: "Authorization".into(), value }];
    Operation { credentials, auth_required: true, ..operation }
}

/// Somebody with the token `t-` and their name.
pub(super) fn somebody(name: &str, id: &str) -> Identity {
    let mut identity = Identity::named(&Workload::default(), name);
    identity.variables.set("token", format!("t-{name}"));
    identity.variables.set("user_id", id);
    identity
}

/// The workload of operations.
pub(super) fn workload(operations: Vec<Operation>) -> Workload {
    Workload { operations, run: "r1".into(), ..Workload::default() }
}

/// Runs a test on an operation, with an owner.
pub(super) fn probe(
    test: &str,
    operation: Operation,
    answer: impl FnMut(&Call) -> Heard,
) -> (Tested, Vec<Call>) {
    probe_in(test, &workload(vec![operation]), &[], answer)
}

/// Runs a test on the first operation of a workload, with two identities and objects of the first of them.
pub(super) fn probe_in(
    test: &str,
    workload: &Workload,
    objects: &[(usize, Vec<(String, String)>)],
    answer: impl FnMut(&Call) -> Heard,
) -> (Tested, Vec<Call>) {
    let test = find(test).unwrap();
    let mut client = FakeClient::new(answer);
    let (owner, other) = (somebody("alice", "41"), somebody("mallory", "42"));
    assert!(applies(test, &workload.operations[0]), "{}", test.name);
    let mut world =
        World { client: &mut client, workload, owner: Some(&owner), other: Some(&other), objects };
    let tested = run(test, 0, &mut world);
    assert_eq!(tested.requests, client.sent.len() as u64, "every request is counted");
    (tested, client.sent)
}

/// The value of a query parameter.
pub(super) fn query(call: &Call, name: &str) -> String {
    let (_, query) = call.target.split_once('?').unwrap_or_default();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(known, _)| *known == name).map(|(_, value)| decoded(value)).collect()
}

/// The segment of the path with this index.
pub(super) fn at(call: &Call, index: usize) -> String {
    let path = call.target.split('?').next().unwrap();
    decoded(path.split('/').nth(index + 1).unwrap_or_default())
}

/// The text at a pointer of the body.
pub(super) fn value(call: &Call, pointer: &str) -> String {
    let body: Value = serde_json::from_str(call.body.as_deref().unwrap_or_default()).unwrap_or_default();
    body.pointer(pointer).map(crate::case::text).unwrap_or_default()
}

/// The value of a header.
pub(super) fn header<'c>(call: &'c Call, name: &str) -> Option<&'c str> {
    call.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// An answer of a media type.
pub(super) fn typed(status: u16, media_type: &str, body: &str) -> Heard {
    let headers = vec![("content-type".to_owned(), media_type.to_owned())];
    Heard { status, headers, body: body.to_owned(), duration_us: 1_000, ..Heard::default() }
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let hex = (*first == b'%')
            .then(|| text.get(text.len() - after.len()..text.len() - after.len() + 2))
            .flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
