//! A burst of wrong credentials, and whether it is refused at some point.

use super::stage::{Shown, Stage};
use super::words::{checks_credentials, is_secret};
use crate::case::{Case, Input};
use crate::client::{Call, Heard};
use crate::document::Operation;

/// Requests at the same time.
const GROUP: usize = 5;

/// Requests of a burst, by how thorough probes are: limits for credentials are seldom above the middle one.
const BURST: [usize; 3] = [15, 30, 100];

const REMEDY: &str =
    "Count failed attempts by account and by address, and answer 429 with `Retry-After` beyond a few.";

pub(super) fn applies(operation: &Operation) -> bool {
    checks_credentials(operation)
}

pub(super) fn run(stage: &mut Stage<'_, '_>) -> Option<()> {
    if stage.workload.session.as_ref().and_then(|session| session.register) == Some(stage.index) {
        stage.note("not tested: it makes accounts");
        return None;
    }
    // The owner's account is needed afterwards, and may be locked by this.
    let has_account = stage.call_as_somebody_new();
    if !has_account && stage.can_register() {
        return None;
    }
    if !has_account {
        let name = stage.name();
        stage.pretend_to_be(&name);
    }
    let right = stage.case();
    // Whoever refuses the right ones refuses the wrong ones for another reason than their number.
    if has_account {
        let heard = stage.send(&right.call(Some(stage.caller())))?;
        if !heard.succeeded() {
            stage
                .note(format!("not tested: the right request of a new account is answered {}", heard.status));
            return None;
        }
    }
    let wrong = wrong(&right, stage.number()).call(Some(stage.caller()));
    stage.tested.inputs += 1;
    let [quick, standard, deep] = BURST;
    let size = stage.by_depth(quick, standard, deep);
    let (mut answers, mut took_us) = (Vec::with_capacity(size), 0_u64);
    while answers.len() < size {
        let calls = vec![wrong.clone(); GROUP.min(size - answers.len())];
        let heard = stage.send_all(&calls)?;
        // Those of a group run at the same time.
        took_us += heard.iter().map(|heard| heard.duration_us).max().unwrap_or(0);
        answers.extend(heard);
        if let Some(limit) = limit(&answers) {
            stage.note(limit);
            return Some(());
        }
    }
    if has_account {
        let heard = stage.send(&right.call(Some(stage.caller())))?;
        if !heard.succeeded() {
            stage.note(format!(
                "limit seen after {size} requests: the right credentials are answered {}",
                heard.status
            ));
            return Some(());
        }
    }
    judge(stage, &wrong, &answers, took_us, has_account);
    Some(())
}

/// The request with what must not be known to the caller replaced.
fn wrong<'o>(right: &Case<'o>, number: u64) -> Case<'o> {
    let inputs: Vec<Input> =
        right.inputs().into_iter().filter(|input| is_secret(&right.label(input))).collect();
    inputs.iter().fold(right.clone(), |case, input| case.with(input, format!("Wrong-{number}")))
}

/// What shows that there is a limit.
fn limit(answers: &[Heard]) -> Option<String> {
    let was_let_through = |heard: &Heard| heard.status != 403;
    for (index, heard) in answers.iter().enumerate() {
        let after = index + 1;
        let is_refused = matches!(heard.status, 423 | 429);
        let is_locked = heard.status == 403 && answers.first().is_some_and(was_let_through);
        if is_refused || is_locked {
            return Some(format!("limit seen after {after} requests: status {}", heard.status));
        }
        if let Some((name, value)) = heard.headers.iter().find(|(name, _)| announces(name)) {
            return Some(format!("limit seen after {after} requests: header `{name}: {value}`"));
        }
    }
    None
}

/// Whether a header announces a limit.
fn announces(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "retry-after"
        || ["ratelimit", "x-ratelimit", "x-rate-limit"].iter().any(|start| name.starts_with(start))
}

fn judge(stage: &mut Stage<'_, '_>, wrong: &Call, answers: &[Heard], took_us: u64, has_account: bool) {
    let counted = |is: &dyn Fn(u16) -> bool| answers.iter().filter(|heard| is(heard.status)).count();
    let (size, failed) = (answers.len(), counted(&|status| status == 0 || status >= 500));
    if failed * 2 > size {
        stage.note(format!("nothing is shown: {failed} of {size} requests failed"));
        return;
    }
    // Without a right request to compare with, these may be about anything but the credentials.
    let other = counted(&|status| matches!(status, 300..=399 | 403..=421));
    if !has_account && other * 2 > size {
        stage.note(format!("nothing is shown: {other} of {size} requests were refused for other reasons"));
        return;
    }
    let mut statuses: Vec<u16> = answers.iter().map(|heard| heard.status).collect();
    statuses.sort_unstable();
    statuses.dedup();
    let statuses: Vec<String> = statuses.iter().map(u16::to_string).collect();
    stage.report(Shown {
        severity: "medium",
        is_confirmed: has_account,
        message: "A burst of requests that check credentials, or send messages, meets no limit.".to_owned(),
        evidence: format!(
            "none of {size} wrong requests in {:.1} s was refused with 429 or 423 (answered {}){}",
            took_us as f64 / 1e6,
            statuses.join(", "),
            if has_account {
                ", and the right ones still got in afterwards"
            } else {
                "; the account is made up, so that a limit by account would not show"
            }
        ),
        remedy: REMEDY,
        call: wrong,
    });
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::serde_json::json;

    use super::*;
    use crate::client::fake::json as answer;
    use crate::document::{Session, Workload};
    use crate::security::testing::{body, get, probe, probe_in, value, workload};

    fn login() -> Workload {
        let fields = json!({ "username": "{{username}}", "password": "{{password}}" });
        let session = Some(Session { register: Some(1), token: Some(0), users: Vec::new() });
        Workload { session, ..workload(vec![body("/auth/login", fields.clone()), body("/register", fields)]) }
    }

    /// Refuses wrong passwords, and everything with `status` after so many of them.
    fn server(most: usize, status: u16) -> impl FnMut(&Call) -> Heard {
        let (mut password, mut failed) = (String::new(), 0);
        move |call: &Call| {
            if call.target == "/register" {
                password = value(call, "/password");
                return answer(201, "{}");
            }
            if failed >= most {
                return answer(status, "{}");
            }
            if value(call, "/password") == password {
                return answer(200, r#"{"token":"t"}"#);
            }
            failed += 1;
            answer(401, "{}")
        }
    }

    #[test]
    fn no_limit_is_found_and_a_limit_is_not() {
        let (tested, sent) = probe_in("rate_limiting", &login(), &[], server(usize::MAX, 0));
        assert_eq!(tested.findings.len(), 1, "{:?}", tested.notes);
        let finding = &tested.findings[0];
        assert_eq!(finding.confidence, "confirmed");
        assert!(
            finding
                .evidence
                .starts_with("none of 30 wrong requests in 0.0 s was refused with 429 or 423 (answered 401)")
        );
        assert!(
            sent.iter().all(|call| !call.body.as_deref().unwrap().contains("alice")),
            "the owner is left alone"
        );
        for (status, told) in [
            (429, "limit seen after 11 requests: status 429"),
            (403, "limit seen after 11 requests: status 403"),
            (401, "limit seen after 30 requests: the right credentials are answered 401"),
        ] {
            let (tested, _) = probe_in("rate_limiting", &login(), &[], server(10, status));
            assert_eq!((tested.findings.len(), tested.notes), (0, vec![told.to_owned()]));
        }
    }

    #[test]
    fn a_limit_may_be_announced() {
        let (tested, _) = probe("rate_limit", login().operations[0].clone(), |_: &Call| {
            let mut heard = answer(401, "{}");
            heard.headers.push(("X-RateLimit-Remaining".into(), "9".into()));
            heard
        });
        assert_eq!(tested.notes, ["limit seen after 1 requests: header `X-RateLimit-Remaining: 9`"]);
    }

    #[test]
    fn a_server_that_fails_shows_nothing() {
        let (tested, _) = probe("rate_limit", login().operations[0].clone(), |_: &Call| answer(500, "{}"));
        assert!(tested.findings.is_empty());
        let (tested, _) = probe_in("rate_limit", &login(), &[], |call: &Call| {
            answer(if call.target == "/register" { 201 } else { 401 }, "{}")
        });
        assert_eq!(
            tested.notes,
            ["no account of its own could be made for this test: `POST /auth/login` answers 401: {}"]
        );
    }

    #[test]
    fn only_what_checks_credentials_is_tried() {
        for (path, expected) in [
            ("/login", true),
            ("/api/v1/auth/token", true),
            ("/users/password-reset", true),
            ("/auth/register", false),
            ("/authors", false),
            ("/orders", false),
        ] {
            assert_eq!(applies(&body(path, json!({}))), expected, "{path}");
        }
        assert!(!applies(&get("/login", &[])));
    }
}
