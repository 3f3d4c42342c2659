//! Markup that comes back as markup.

use super::stage::{Shown, Stage};
use super::targets::Target;
use crate::client::{Call, Heard};
use crate::document::{Operation, Place};

/// Markup with a marker `{m}`: plain, out of an attribute, and out of a script.
const PAYLOADS: [&str; 3] = ["<{m}\"'>", "\"><{m}>", "</script><{m}>"];

/// Bytes after the marker within which its end must stand: what lies between may be encoded.
const END_WITHIN: usize = 24;

pub(super) fn applies(operation: &Operation) -> bool {
    operation.body.is_some() || operation.parameters.iter().any(|parameter| parameter.place != Place::Cookie)
}

pub(super) fn run(stage: &mut Stage<'_, '_>) -> Option<()> {
    stage.baseline()?;
    let mut in_data = 0_u64;
    for target in stage.targets() {
        stage.tested.inputs += 1;
        in_data += u64::from(comes_back(stage, &target)?);
    }
    if in_data > 0 {
        stage.note(format!("{in_data} inputs come back in bodies that no browser shows as HTML"));
    }
    Some(())
}

/// Looks for an input's markup in answers; whether it comes back where it does no harm.
fn comes_back(stage: &mut Stage<'_, '_>, target: &Target) -> Option<bool> {
    let mut in_data = false;
    for template in PAYLOADS.iter().take(stage.by_depth(1, 2, PAYLOADS.len())) {
        let marker = format!("sh{}", stage.number());
        let (call, payload) = stage.injected(target, &template.replace("{m}", &marker));
        for call in [call.clone().header("Accept", "text/html"), call] {
            let heard = stage.send(&call)?;
            if !has_markup(&heard.body, &marker) || !matches!(heard.status, 200..=299 | 400..=499) {
                continue;
            }
            match Shows::of(&heard) {
                Shows::Html => {
                    show(stage, target, &call, &payload, &heard, true);
                    return Some(in_data);
                }
                Shows::Perhaps => {
                    show(stage, target, &call, &payload, &heard, false);
                    return Some(in_data);
                }
                Shows::No => in_data = true,
            }
        }
    }
    Some(in_data)
}

/// Whether a browser shows a body as HTML.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shows {
    Html,
    /// It may guess so.
    Perhaps,
    No,
}

impl Shows {
    fn of(heard: &Heard) -> Self {
        let may_guess = !heard
            .header("x-content-type-options")
            .is_some_and(|value| value.eq_ignore_ascii_case("nosniff"));
        match heard.media_type().as_str() {
            "text/html" | "application/xhtml+xml" => Self::Html,
            "" | "text/plain" if may_guess => Self::Perhaps,
            _ => Self::No,
        }
    }
}

/// Whether the marker is the name of an element.
fn has_markup(body: &str, marker: &str) -> bool {
    body.split(&format!("<{marker}")).skip(1).any(|after| after.chars().take(END_WITHIN).any(|c| c == '>'))
}

fn show(
    stage: &mut Stage<'_, '_>,
    target: &Target,
    call: &Call,
    payload: &str,
    heard: &Heard,
    is_html: bool,
) {
    let media_type = heard.media_type();
    let media_type = if media_type.is_empty() { "no media type" } else { &media_type };
    let message = if is_html {
        format!("The {} comes back in HTML as markup.", target.label)
    } else {
        format!("The {} comes back as it is in a body that a browser may take for HTML.", target.label)
    };
    stage.report(Shown {
        severity: if is_html { "high" } else { "info" },
        is_confirmed: is_html,
        message,
        evidence: format!(
            "`{payload}` for the {}: status {}, {media_type}, with `<` and `>` as they were sent",
            target.label, heard.status
        ),
        remedy: "Encode the value for the place in HTML where it is written, or answer with JSON and `X-Content-Type-Options: nosniff`.",
        call,
    });
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::serde_json::json;

    use super::*;
    use crate::client::fake::json as answer;
    use crate::security::testing::{get, header, probe, query, typed};

    fn hello() -> Operation {
        get("/hello", &[("name", json!("you"))])
    }

    #[test]
    fn markup_in_html_is_confirmed_and_encoded_markup_is_not() {
        // Shows HTML only to those who ask for it.
        let page = |call: &Call, name: &str| match header(call, "accept") {
            Some("text/html") => typed(200, "text/html; charset=utf-8", &format!("<p>Hello {name}</p>")),
            _ => answer(200, "{}"),
        };
        let (tested, _) = probe("xss", hello(), |call: &Call| page(call, &query(call, "name")));
        assert_eq!(tested.findings.len(), 1);
        assert_eq!(tested.findings[0].message, "The query parameter `name` comes back in HTML as markup.");
        assert_eq!(tested.findings[0].confidence, "confirmed");
        let (tested, _) =
            probe("xss", hello(), |call: &Call| page(call, &query(call, "name").replace('<', "&lt;")));
        assert!(tested.findings.is_empty() && tested.notes.is_empty());
    }

    #[test]
    fn a_page_that_refuses_may_repeat_markup_too() {
        let (tested, _) = probe("xss", hello(), |call: &Call| match query(call, "name").as_str() {
            "you" => answer(200, "{}"),
            name => typed(404, "text/html", &format!("no {name}")),
        });
        assert_eq!(tested.findings.len(), 1);
    }

    #[test]
    fn json_is_no_markup_and_plain_text_may_be() {
        let (tested, _) = probe("xss", hello(), |call: &Call| {
            answer(200, &json!({ "hello": query(call, "name") }).to_string())
        });
        assert!(tested.findings.is_empty());
        assert_eq!(tested.notes, ["1 inputs come back in bodies that no browser shows as HTML"]);
        let (tested, _) = probe("xss", hello(), |call: &Call| typed(200, "text/plain", &query(call, "name")));
        assert_eq!(
            (tested.findings[0].severity.as_str(), tested.findings[0].confidence.as_str()),
            ("info", "suspected")
        );
        let (tested, _) = probe("xss", hello(), |call: &Call| {
            let mut heard = typed(200, "text/plain", &query(call, "name"));
            heard.headers.push(("X-Content-Type-Options".into(), "nosniff".into()));
            heard
        });
        assert!(tested.findings.is_empty());
    }
}
