//! What the headers of usual answers give away or leave out.

use super::stage::{Shown, Stage};
use crate::client::{Call, Heard};
use crate::document::Operation;

/// A site that nobody trusts: the name is reserved (RFC 2606).
const STRANGER: &str = "https://evil.example";

/// Headers that name the software.
const SOFTWARE: [&str; 4] = ["server", "x-powered-by", "x-aspnet-version", "x-aspnetmvc-version"];

pub(super) fn applies(operation: &Operation) -> bool {
    operation.method == "GET"
}

pub(super) fn run(stage: &mut Stage<'_, '_>) -> Option<()> {
    let heard = stage.baseline()?;
    let case = stage.case();
    let call = stage.call(&case);
    stage.tested.inputs += 1;
    names_software(stage, &call, &heard);
    leaves_out(stage, &call, &heard);
    trusts_strangers(stage, &call)?;
    traces(stage, &call)
}

fn names_software(stage: &mut Stage<'_, '_>, call: &Call, heard: &Heard) {
    for name in SOFTWARE {
        let Some(value) = heard.header(name).filter(|value| has_version(value)) else { continue };
        stage.report(Shown {
            severity: "low",
            is_confirmed: true,
            message: format!("The header `{name}` tells a version number of the software."),
            evidence: format!("`{name}: {value}`"),
            remedy: "Leave version numbers out of headers.",
            call,
        });
    }
}

/// Whether there is a number with a point in it.
fn has_version(value: &str) -> bool {
    value.split(|c: char| !c.is_ascii_digit() && c != '.').any(|part| {
        part.split_once('.').is_some_and(|(before, after)| {
            !before.is_empty() && after.starts_with(|c: char| c.is_ascii_digit())
        })
    })
}

fn leaves_out(stage: &mut Stage<'_, '_>, call: &Call, heard: &Heard) {
    if heard.body.is_empty() {
        return;
    }
    if !heard
        .header("x-content-type-options")
        .is_some_and(|value| value.trim().eq_ignore_ascii_case("nosniff"))
    {
        stage.report(Shown {
            severity: "low",
            is_confirmed: true,
            message: "The answer has no `X-Content-Type-Options: nosniff`.".to_owned(),
            evidence: format!("status {} with a body of {} bytes", heard.status, heard.body.len()),
            remedy: "Send `X-Content-Type-Options: nosniff` with every answer.",
            call,
        });
    }
    let is_framed =
        heard.header("content-security-policy").is_none() && heard.header("x-frame-options").is_none();
    if heard.media_type() == "text/html" && is_framed {
        stage.report(Shown {
            severity: "low",
            is_confirmed: true,
            message: "An HTML page has neither `Content-Security-Policy` nor `X-Frame-Options`.".to_owned(),
            evidence: format!("status {} with `text/html` and neither header", heard.status),
            remedy: "Send a `Content-Security-Policy` with `frame-ancestors` with every page.",
            call,
        });
    }
}

fn trusts_strangers(stage: &mut Stage<'_, '_>, call: &Call) -> Option<()> {
    let call = call.clone().header("Origin", STRANGER);
    let heard = stage.send(&call)?;
    let allowed = heard.header("access-control-allow-origin").unwrap_or_default();
    let credentials = heard.header("access-control-allow-credentials").unwrap_or_default();
    if !credentials.eq_ignore_ascii_case("true") {
        return Some(());
    }
    let (severity, message) = match allowed {
        STRANGER => ("high", "Any site may call with the credentials of its visitors, and read the answers."),
        "*" => ("medium", "CORS allows every site and credentials together, which browsers refuse."),
        _ => return Some(()),
    };
    let evidence = format!(
        "`Origin: {STRANGER}` gets `access-control-allow-origin: {allowed}` and `access-control-allow-credentials: {credentials}`"
    );
    let remedy = "Allow only the origins that are known, by comparing them with a list.";
    stage.report(Shown {
        severity,
        is_confirmed: true,
        message: message.to_owned(),
        evidence,
        remedy,
        call: &call,
    });
    Some(())
}

fn traces(stage: &mut Stage<'_, '_>, call: &Call) -> Option<()> {
    let marker = format!("sh{}", stage.number());
    let call =
        Call { method: "TRACE".to_owned(), body: None, ..call.clone() }.header("X-Marker", marker.clone());
    let heard = stage.send(&call)?;
    if heard.status == 200 && heard.body.contains(&marker) {
        stage.report(Shown {
            severity: "medium",
            is_confirmed: true,
            message: "TRACE is answered with the headers of the request.".to_owned(),
            evidence: "status 200 with a header of the request in the body".to_owned(),
            remedy: "Refuse TRACE with 405.",
            call: &call,
        });
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::fake::json as answer;
    use crate::security::testing::{get, header, probe, typed};

    fn with(mut heard: Heard, headers: &[(&str, &str)]) -> Heard {
        heard.headers.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        heard
    }

    #[test]
    fn a_careless_server_is_found_in_all_and_a_careful_one_in_nothing() {
        let (tested, _) = probe("headers", get("/page", &[]), |call: &Call| {
            if call.method == "TRACE" {
                return typed(200, "message/http", header(call, "x-marker").unwrap());
            }
            let origin = header(call, "origin").unwrap_or("*");
            let cors =
                [("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true")];
            with(
                with(typed(200, "text/html", "<p>"), &cors),
                &[("Server", "nginx/1.18.0"), ("X-Powered-By", "Express")],
            )
        });
        let found: Vec<&str> = tested.findings.iter().map(|finding| finding.severity.as_str()).collect();
        assert_eq!(found, ["low", "low", "low", "high", "medium"]);
        let (tested, sent) = probe("cors", get("/page", &[]), |call: &Call| {
            if call.method == "TRACE" {
                return answer(405, "{}");
            }
            let headers = [
                ("X-Content-Type-Options", "nosniff"),
                ("Content-Security-Policy", "default-src 'self'"),
                ("Access-Control-Allow-Origin", "*"),
                ("Server", "nginx"),
            ];
            with(typed(200, "text/html", "<p>"), &headers)
        });
        assert_eq!((tested.findings.len(), sent.len()), (0, 3));
    }

    #[test]
    fn every_site_with_credentials_is_a_mistake_that_browsers_refuse() {
        let (tested, _) = probe("cors", get("/page", &[]), |_: &Call| {
            let cors = [("access-control-allow-origin", "*"), ("access-control-allow-credentials", "true")];
            with(with(answer(200, "{}"), &cors), &[("x-content-type-options", "nosniff")])
        });
        assert_eq!((tested.findings.len(), tested.findings[0].severity.as_str()), (1, "medium"));
    }

    #[test]
    fn versions_have_a_point() {
        for (value, expected) in [
            ("nginx/1.18.0", true),
            ("PHP/8.2", true),
            ("nginx", false),
            ("HTTP2 server", false),
            ("v2", false),
            (".", false),
        ] {
            assert_eq!(has_version(value), expected, "{value}");
        }
    }
}
