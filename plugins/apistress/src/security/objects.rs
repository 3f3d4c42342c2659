//! Objects of one caller, asked for by another.

mod signs;

use stresshost_sdk::serde_json::{self, Map, Value};

use super::answers::Shape;
use super::stage::{Shown, Stage};
use crate::case::{Case, Input};
use crate::client::{Call, Heard};
use crate::document::{Operation, Place};
use crate::identity::Identity;
use signs::made_up;

/// Objects that are tried, by how thorough probes are: further ones are of the same kind.
const MAX_OBJECTS: [usize; 3] = [1, 2, 5];

/// Times that the owner, the other and a made-up object are asked in turn: answers may be alike by chance.
const ROUNDS: usize = 3;

const REMEDY: &str =
    "Look for the object among those of the caller, in every operation that takes its number.";

pub(super) fn applies(operation: &Operation) -> bool {
    matches!(operation.method.as_str(), "GET" | "PUT" | "PATCH" | "DELETE")
        && !operation.credentials.is_empty()
        && operation.parameters.iter().any(|parameter| parameter.place == Place::Path)
}

pub(super) fn run(stage: &mut Stage<'_, '_>) -> Option<()> {
    let (Some(owner), Some(other)) = (stage.owner, stage.other) else {
        stage.note("not tested: it takes two accounts");
        return None;
    };
    if stage.objects.is_empty() {
        stage.note("not tested: no object of the owner is known");
        return None;
    }
    let [quick, standard, deep] = MAX_OBJECTS;
    let objects = stage.objects.clone();
    for object in objects.into_iter().take(stage.by_depth(quick, standard, deep)) {
        let actors = Actors { owner, other, object };
        let is_found = match stage.operation.method.as_str() {
            "GET" => actors.read(stage)?,
            "DELETE" => actors.delete(stage)?,
            _ => actors.write(stage)?,
        };
        if is_found {
            break;
        }
    }
    Some(())
}

/// Whose object, and who wants it.
struct Actors<'w> {
    owner: &'w Identity,
    other: &'w Identity,
    object: &'w [(String, String)],
}

impl Actors<'_> {
    /// A request about the object, with the owner's values: who sends it differs only in credentials.
    fn case<'o>(&self, operation: &'o Operation, is_made_up: bool) -> Case<'o> {
        let case = Case::usual(operation, &self.owner.variables);
        let last = self.object.len().saturating_sub(1);
        self.object.iter().enumerate().fold(case, |case, (index, (name, value))| {
            let value = if is_made_up && index == last { made_up(value) } else { value.clone() };
            match case.parameter(name) {
                Some(place) => case.with(&Input::Parameter(place), value),
                None => case,
            }
        })
    }

    fn read(&self, stage: &mut Stage<'_, '_>) -> Option<bool> {
        let case = self.case(stage.operation, false);
        let call = case.call(Some(&self.other.variables));
        stage.tested.inputs += 1;
        let mut shown = None;
        for _ in 0..ROUNDS {
            let Some(own) = self.own(stage, &case)? else { return Some(false) };
            let heard = stage.send(&call)?;
            let Some(sign) = self.sign(&heard, &own, &call) else { return Some(false) };
            if self.is_for_made_up(stage, &own, &call)? {
                return Some(false);
            }
            shown = Some((own, heard, sign));
        }
        let Some((own, heard, sign)) = shown else { return Some(false) };
        if self.sign(&stage.send(&case.call(None))?, &own, &call).is_some() {
            stage.note("anybody reads the object without credentials, which is a matter of authentication");
            return Some(false);
        }
        self.show(stage, "Another account reads an object of its owner.", &sign, &call, &heard);
        Some(true)
    }

    fn write(&self, stage: &mut Stage<'_, '_>) -> Option<bool> {
        let mut case = self.case(stage.operation, false);
        let Some(reader) = reader(stage) else {
            stage.note("not tested: without an operation that reads the object its values are not known");
            return Some(false);
        };
        let Some(own) = self.own(stage, &self.case(reader, false))? else { return Some(false) };
        // What is written are the values that are there already.
        let Some(body) = current(case.body.as_ref(), &own.body) else {
            stage.note("not tested: the body shares no field with the object as it is read");
            return Some(false);
        };
        case.body = Some(body);
        let Some(own) = self.own(stage, &case)? else { return Some(false) };
        stage.tested.inputs += 1;
        let call = case.call(Some(&self.other.variables));
        let heard = stage.send(&call)?;
        if !heard.succeeded() {
            return Some(false);
        }
        let mut made_up = self.case(stage.operation, true);
        made_up.body.clone_from(&case.body);
        let made_up = made_up.call(Some(&self.other.variables));
        if stage.send(&made_up)?.succeeded() {
            stage.note("a made-up object is written with the same success: nothing is shown");
            return Some(false);
        }
        let Some(sign) = self.sign(&heard, &own, &call).or_else(|| {
            let is_same = heard.body.trim() == own.body.trim() && heard.status == own.status;
            is_same.then(|| "the same answer as the owner gets".to_owned())
        }) else {
            return Some(false);
        };
        self.show(stage, "Another account changes an object of its owner.", &sign, &call, &heard);
        Some(true)
    }

    fn delete(&self, stage: &mut Stage<'_, '_>) -> Option<bool> {
        if !stage.workload.probing.destructive {
            stage.note("not tested: it deletes, and the config does not allow that");
            return Some(false);
        }
        let Some(reader) = reader(stage) else {
            stage.note("not tested: without an operation that reads the object nothing would be shown");
            return Some(false);
        };
        let read = self.case(reader, false);
        if self.own(stage, &read)?.is_none() {
            return Some(false);
        }
        stage.tested.inputs += 1;
        let call = self.case(stage.operation, false).call(Some(&self.other.variables));
        let heard = stage.send(&call)?;
        if !heard.succeeded() {
            return Some(false);
        }
        let after = stage.send(&read.call(Some(&self.owner.variables)))?;
        if !matches!(after.status, 404 | 410) {
            return Some(false);
        }
        let sign = format!("success, and its owner, who could read it before, gets {} now", after.status);
        self.show(stage, "Another account deletes an object of its owner.", &sign, &call, &heard);
        Some(true)
    }

    /// The owner's answer; None inside, with a note, when it is no success.
    fn own(&self, stage: &mut Stage<'_, '_>, case: &Case<'_>) -> Option<Option<Heard>> {
        let heard = stage.send(&case.call(Some(&self.owner.variables)))?;
        if heard.succeeded() {
            return Some(Some(heard));
        }
        stage.note(format!(
            "an object was not tested: its owner gets {} for `{}`",
            heard.status, case.operation.name
        ));
        Some(None)
    }

    /// Whether an object that is not there has the same answer, but for its number: then nothing is shown.
    fn is_for_made_up(&self, stage: &mut Stage<'_, '_>, own: &Heard, call: &Call) -> Option<bool> {
        let case = self.case(stage.operation, true);
        let heard = stage.send(&case.call(Some(&self.other.variables)))?;
        let number = self.object.last().map(|(_, value)| value.as_str()).unwrap_or_default();
        let is_alike =
            heard.succeeded() && Shape::of(&heard, &made_up(number)).is_like(&Shape::of(own, number));
        if is_alike || self.sign(&heard, own, call).is_some() {
            stage.note("a made-up object has the same answer: nothing is shown");
            return Some(true);
        }
        Some(false)
    }

    fn sign(&self, heard: &Heard, own: &Heard, call: &Call) -> Option<String> {
        signs::found(&self.owner.variables, &self.other.variables, heard, own, call)
    }

    fn show(&self, stage: &mut Stage<'_, '_>, message: &str, sign: &str, call: &Call, heard: &Heard) {
        let object: Vec<String> = self.object.iter().map(|(name, value)| format!("{name}={value}")).collect();
        stage.report(Shown {
            severity: "high",
            is_confirmed: true,
            message: message.to_owned(),
            evidence: format!(
                "object {} of the owner for another account: status {} with {sign}",
                object.join(", "),
                heard.status
            ),
            remedy: REMEDY,
            call,
        });
    }
}

/// The operation that reads what this one writes.
fn reader<'w>(stage: &Stage<'_, 'w>) -> Option<&'w Operation> {
    let operations = &stage.workload.operations;
    operations.iter().find(|one| one.method == "GET" && one.path == stage.operation.path)
}

/// The fields of a usual body with the values that an object has.
fn current(usual: Option<&Value>, object: &str) -> Option<Value> {
    let object: Value = serde_json::from_str(object).ok()?;
    let fields = usual?.as_object()?.keys();
    let fields: Map<String, Value> =
        fields.filter_map(|key| Some((key.clone(), object.get(key)?.clone()))).collect();
    (!fields.is_empty()).then_some(Value::Object(fields))
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::serde_json::json;

    use super::*;
    use crate::client::fake::json as answer;
    use crate::document::{Body, Workload};
    use crate::security::testing::{at, get, header, probe_in, with_token, workload};

    const OBJECT: &str = r#"{"id":7,"note":"mine","user_id":41}"#;

    fn objects() -> Vec<(usize, Vec<(String, String)>)> {
        vec![(0, vec![("id".to_owned(), "7".to_owned())])]
    }

    fn order() -> Operation {
        with_token(get("/orders/{id}", &[("id", json!(1))]))
    }

    fn changing(method: &str) -> Workload {
        let body =
            Some(Body { media_type: "application/json".into(), schema: None, value: json!({ "note": "x" }) });
        let body = body.filter(|_| method != "DELETE");
        let name = format!("{method} /orders/{{id}}");
        let mut workload =
            workload(vec![Operation { method: method.into(), name, body, ..order() }, order()]);
        workload.probing.destructive = method == "DELETE";
        workload
    }

    /// Gives object 7 to those who are let in.
    fn server(call: &Call, lets_in: impl Fn(&str) -> bool) -> Heard {
        let token = header(call, "authorization").unwrap_or_default();
        match (at(call, 1).as_str(), token) {
            (_, "") => answer(401, "{}"),
            ("7", token) if lets_in(token) => answer(200, OBJECT),
            _ => answer(404, "{}"),
        }
    }

    #[test]
    fn another_account_that_reads_is_found_and_its_twin_is_not() {
        let workload = workload(vec![order()]);
        let (tested, sent) = probe_in("bola", &workload, &objects(), |call: &Call| server(call, |_| true));
        assert_eq!(tested.findings.len(), 1, "{:?}", tested.notes);
        assert!(
            tested.findings[0].evidence.contains("the owner's number 41"),
            "{}",
            tested.findings[0].evidence
        );
        assert_eq!(sent.len(), 3 * ROUNDS + 1);
        let (tested, _) = probe_in("bola", &workload, &objects(), |call: &Call| {
            server(call, |token| token.ends_with("alice"))
        });
        assert!(tested.findings.is_empty() && tested.inputs == 1);
    }

    #[test]
    fn what_everybody_gets_is_nobodys_object() {
        let workload = workload(vec![order()]);
        for (answered, anonymous) in [("{}", 401), (OBJECT, 401), (OBJECT, 200)] {
            let (tested, _) = probe_in("bola", &workload, &objects(), |call: &Call| {
                match (header(call, "authorization"), at(call, 1).as_str()) {
                    (None, _) => answer(anonymous, answered),
                    (_, "7") => answer(200, answered),
                    _ if anonymous == 401 => answer(200, answered),
                    _ => answer(404, "{}"),
                }
            });
            assert!(tested.findings.is_empty() && tested.notes.len() == 1, "{answered} {anonymous}");
        }
    }

    #[test]
    fn another_account_that_writes_is_found() {
        let workload = changing("PATCH");
        let (tested, sent) = probe_in("bola", &workload, &objects(), |call: &Call| server(call, |_| true));
        assert_eq!(tested.findings.len(), 1, "{:?}", tested.notes);
        let written = sent.iter().filter_map(|call| call.body.as_deref());
        assert!(written.into_iter().all(|body| body == r#"{"note":"mine"}"#), "the values stay as they are");
        let (tested, _) = probe_in("bola", &workload, &objects(), |call: &Call| {
            server(call, |token| token.ends_with("alice"))
        });
        assert!(tested.findings.is_empty());
    }

    #[test]
    fn another_account_that_deletes_is_found_where_deleting_is_allowed() {
        let mut workload = changing("DELETE");
        let mut is_there = true;
        let mut vulnerable = |call: &Call| {
            let heard = if is_there { server(call, |_| true) } else { answer(404, "{}") };
            is_there &= call.method != "DELETE";
            heard
        };
        let (tested, _) = probe_in("bola", &workload, &objects(), &mut vulnerable);
        assert_eq!(tested.findings.len(), 1);
        workload.probing.destructive = false;
        let (tested, sent) = probe_in("bola", &workload, &objects(), |call: &Call| server(call, |_| true));
        assert!(tested.findings.is_empty() && sent.is_empty());
    }
}
