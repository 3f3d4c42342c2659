//! Administrative operations, called by those who are no administrators.

use super::answers::Shape;
use super::stage::{Shown, Stage};
use super::words::{checks_credentials, segments};
use crate::client::{Call, Heard};
use crate::document::Operation;

/// Segments of paths that are for administrators.
const ADMINISTRATIVE: [&str; 14] = [
    "admin",
    "admins",
    "administration",
    "administrator",
    "administrators",
    "internal",
    "manage",
    "management",
    "manager",
    "debug",
    "actuator",
    "superuser",
    "sysadmin",
    "backoffice",
];

const REMEDY: &str =
    "Check the role of the caller in every administrative operation, and refuse all by default.";

pub(super) fn applies(operation: &Operation) -> bool {
    segments(&operation.path).any(|segment| ADMINISTRATIVE.contains(&segment.as_str()))
        && !checks_credentials(operation)
}

pub(super) fn run(stage: &mut Stage<'_, '_>) -> Option<()> {
    if stage.operation.method == "DELETE" && !stage.workload.probing.destructive {
        stage.note("not tested: it deletes, and the config does not allow that");
        return None;
    }
    let made_up = made_up(stage)?;
    // Nobody comes first: what anybody may do says nothing of an ordinary account.
    stage.tested.inputs += 1;
    let call = stage.case().call(None);
    let heard = stage.send(&call)?;
    if is_let_in(&heard, &made_up) {
        show(stage, &call, &heard, true, true);
        return Some(());
    }
    if stage.owner.is_none() {
        stage.note("an ordinary account could not be tested: there is none");
        return None;
    }
    stage.tested.inputs += 1;
    let case = stage.case();
    let call = stage.call(&case);
    let heard = stage.send(&call)?;
    if is_let_in(&heard, &made_up) {
        // An account that the config gives may be an administrator's.
        let session = stage.workload.session.as_ref();
        let is_ordinary =
            session.is_some_and(|session| session.register.is_some() && session.users.is_empty());
        show(stage, &call, &heard, false, is_ordinary);
    }
    Some(())
}

/// What a path beside the operation's answers that is not there: a page for everything looks like a success.
fn made_up(stage: &mut Stage<'_, '_>) -> Option<Shape> {
    let number = stage.number();
    let case = stage.case();
    let call = stage.call(&case);
    let (path, _) = call.target.split_once('?').unwrap_or((&call.target, ""));
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let target = format!("{parent}/none-{number}/none");
    let call = Call { method: "GET".to_owned(), body: None, target, ..call };
    Some(Shape::of(&stage.send(&call)?, ""))
}

fn is_let_in(heard: &Heard, made_up: &Shape) -> bool {
    heard.succeeded() && !Shape::of(heard, "").is_like(made_up)
}

fn show(stage: &mut Stage<'_, '_>, call: &Call, heard: &Heard, is_nobody: bool, is_confirmed: bool) {
    let who = if is_nobody { "nobody's credentials" } else { "an ordinary account" };
    stage.report(Shown {
        severity: if is_nobody { "critical" } else { "high" },
        is_confirmed,
        message: if is_nobody {
            "An administrative operation answers without credentials.".to_owned()
        } else {
            "An administrative operation answers an ordinary account.".to_owned()
        },
        evidence: format!(
            "{who}: status {}, {} bytes; a path that is not there answers otherwise",
            heard.status,
            heard.body.len()
        ),
        remedy: REMEDY,
        call,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::fake::json as answer;
    use crate::document::{Session, Workload};
    use crate::security::testing::{get, header, probe_in, with_token, workload};

    fn admin() -> Workload {
        let session = Some(Session { register: Some(0), ..Session::default() });
        Workload { session, ..workload(vec![with_token(get("/admin/users", &[]))]) }
    }

    fn server(call: &Call, lets_in: impl Fn(Option<&str>) -> bool) -> Heard {
        match (call.target.as_str(), lets_in(header(call, "authorization"))) {
            ("/admin/users", true) => answer(200, r#"[{"id":1},{"id":2}]"#),
            ("/admin/users", false) => answer(403, "{}"),
            _ => answer(404, "{}"),
        }
    }

    #[test]
    fn nobody_and_ordinary_accounts_are_told_apart() {
        let (tested, _) = probe_in("bfla", &admin(), &[], |call: &Call| server(call, |_| true));
        assert_eq!((tested.findings.len(), tested.findings[0].severity.as_str()), (1, "critical"));
        let (tested, _) =
            probe_in("bfla", &admin(), &[], |call: &Call| server(call, |token| token.is_some()));
        let finding = &tested.findings[0];
        assert_eq!((finding.severity.as_str(), finding.confidence.as_str()), ("high", "confirmed"));
        let (tested, _) =
            probe_in("bfla", &admin(), &[], |call: &Call| server(call, |token| token == Some("Bearer root")));
        assert!(tested.findings.is_empty());
    }

    #[test]
    fn a_page_for_everything_is_no_administration() {
        let (tested, _) = probe_in("bfla", &admin(), &[], |_: &Call| answer(200, "{}"));
        assert!(tested.findings.is_empty());
    }

    #[test]
    fn an_account_of_the_config_may_be_an_administrator() {
        let (tested, _) = probe_in("bfla", &workload(vec![get("/admin/users", &[])]), &[], |call: &Call| {
            server(call, |_| true)
        });
        assert_eq!(tested.findings[0].severity, "critical");
        let given = workload(vec![with_token(get("/admin/users", &[]))]);
        let (tested, _) = probe_in("bfla", &given, &[], |call: &Call| server(call, |token| token.is_some()));
        assert_eq!(tested.findings[0].confidence, "suspected");
    }

    #[test]
    fn only_whole_segments_are_administrative() {
        for (path, expected) in
            [("/users/manager", true), ("/administer", false), ("/v1/Admin/{id}", true), ("/adminx", false)]
        {
            assert_eq!(applies(&get(path, &[])), expected, "{path}");
        }
    }
}
