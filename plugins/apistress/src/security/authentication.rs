//! Calls without credentials, or with wrong ones.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stresshost_sdk::serde_json::{self, Value, json};

use super::answers::Shape;
use super::stage::{Shown, Stage};
use crate::case::Case;
use crate::client::{Call, Heard};
use crate::document::{Credential, Depth, Operation, Variables};

/// A token that nobody has issued.
const INVALID: &str = "invalid-0000000000000000";

/// A time long gone, for tokens that have expired.
const LONG_AGO_S: u64 = 1_000_000_000;

/// A way in which credentials are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Missing,
    Invalid,
    Empty,
    Changed,
    Unsigned,
    UnsignedInOtherCase,
    NoSignature,
    Expired,
}

impl Wrong {
    /// Those that say the most first: where one of the first three is let in, no token is looked at.
    const ALL: [Self; 8] = [
        Self::Missing,
        Self::Invalid,
        Self::Empty,
        Self::Changed,
        Self::Unsigned,
        Self::Expired,
        Self::NoSignature,
        Self::UnsignedInOtherCase,
    ];

    const fn least_depth(self) -> Depth {
        match self {
            Self::NoSignature | Self::UnsignedInOtherCase => Depth::Deep,
            _ => Depth::Quick,
        }
    }

    const fn told(self) -> &'static str {
        match self {
            Self::Missing => "without credentials",
            Self::Invalid => "with a made-up token",
            Self::Empty => "with an empty token",
            Self::Changed => "with a token of which one character is changed",
            Self::Unsigned => "with a token that says `alg: none`",
            Self::UnsignedInOtherCase => "with a token that says `alg: nOnE`",
            Self::NoSignature => "with a token whose signature is left out",
            Self::Expired => "with a token whose time is over and whose signature does not fit",
        }
    }

    /// Whether it shows that nothing at all is looked at.
    const fn is_all(self) -> bool {
        matches!(self, Self::Missing | Self::Invalid | Self::Empty)
    }

    /// The wrong token; None: this way needs to know more of the right one.
    fn token(self, right: Option<&str>) -> Option<String> {
        match self {
            Self::Missing => None,
            Self::Invalid => Some(INVALID.to_owned()),
            Self::Empty => right.map(|_| String::new()),
            Self::Changed => changed(right?),
            Self::Unsigned => Jwt::read(right?)?.unsigned("none"),
            Self::UnsignedInOtherCase => Jwt::read(right?)?.unsigned("nOnE"),
            Self::NoSignature => Jwt::read(right?).map(|jwt| format!("{}.{}.", jwt.header, jwt.claims)),
            Self::Expired => Jwt::read(right?)?.expired(),
        }
    }
}

/// Only where a caller must be let in can somebody get past that: some send credentials where nobody asks for them.
pub(super) fn applies(operation: &Operation) -> bool {
    operation.auth_required && !operation.credentials.is_empty()
}

pub(super) fn run(stage: &mut Stage<'_, '_>) -> Option<()> {
    if stage.owner.is_none() {
        stage.note("not tested: there is nobody with credentials to compare with");
        return None;
    }
    if stage.operation.method == "DELETE" {
        // The right caller would delete what the wrong one is tested with.
        stage.note("not tested: an object can be deleted only once");
        return None;
    }
    let right = Shape::of(&stage.baseline()?, "");
    for wrong in Wrong::ALL {
        if wrong.least_depth() > stage.depth() {
            continue;
        }
        let Some(call) = call(stage, wrong) else { continue };
        stage.tested.inputs += 1;
        let heard = stage.send(&call)?;
        if heard.succeeded() {
            show(stage, wrong, &call, &heard, &right);
            if wrong.is_all() {
                break;
            }
        }
    }
    Some(())
}

/// The usual request with wrong credentials.
fn call(stage: &mut Stage<'_, '_>, wrong: Wrong) -> Option<Call> {
    if wrong == Wrong::Missing {
        return Some(stage.case().call(None));
    }
    let right = stage.caller().clone();
    let credentials: Option<Vec<Credential>> =
        stage.operation.credentials.iter().map(|one| spoilt(one, wrong, &right)).collect();
    let operation = Operation { credentials: credentials?, ..stage.operation.clone() };
    let variables = stage.variables();
    Some(Case::usual(&operation, &variables).call(Some(&right)))
}

/// A credential whose variable, or secret, is wrong.
fn spoilt(credential: &Credential, wrong: Wrong, caller: &Variables) -> Option<Credential> {
    let (before, rest) = credential.value.split_once("{{").unwrap_or(("", ""));
    let (slot, after) = rest.split_once("}}").unwrap_or_default();
    // What is held as a secret, or written out, is known to the host only.
    let right = caller.get(slot.trim_start_matches('#'));
    let value = format!("{before}{}{after}", wrong.token(right)?);
    Some(Credential { value: value.trim_end().to_owned(), ..credential.clone() })
}

fn show(stage: &mut Stage<'_, '_>, wrong: Wrong, call: &Call, heard: &Heard, right: &Shape) {
    let answer = Shape::of(heard, "");
    let is_same = answer.is_like(right);
    stage.report(Shown {
        severity: if is_same { "critical" } else { "medium" },
        is_confirmed: is_same,
        message: if is_same {
            format!("The operation answers {} as it does with the right ones.", wrong.told())
        } else {
            format!("The operation succeeds {}, with another answer than with the right ones.", wrong.told())
        },
        evidence: format!("right credentials: {}; {}: {}", right.told(), wrong.told(), answer.told()),
        remedy: "Check the credentials, with their signature and time, before anything else is done.",
        call,
    });
}

/// A token with one character changed where that changes its meaning: the last one of a signature may not.
fn changed(token: &str) -> Option<String> {
    let start = token.rfind('.').map_or(token.len() / 2, |dot| dot + 1);
    let start =
        token.get(start..).and_then(|rest| Some(start + rest.find(|c: char| c.is_ascii_alphanumeric())?))?;
    let (before, rest) = token.split_at_checked(start)?;
    let other = if rest.starts_with('x') { 'y' } else { 'x' };
    Some(format!("{before}{other}{}", rest.get(1..)?))
}

/// The parts of a JSON Web Token (RFC 7519).
struct Jwt<'t> {
    header: &'t str,
    claims: &'t str,
    signature: &'t str,
}

impl<'t> Jwt<'t> {
    fn read(token: &'t str) -> Option<Self> {
        let mut parts = token.split('.');
        let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
        let jwt = Self { header, claims, signature };
        (parts.next().is_none() && part(header)?.is_object() && part(claims)?.is_object()).then_some(jwt)
    }

    fn unsigned(&self, algorithm: &str) -> Option<String> {
        let mut header = part(self.header)?;
        header.as_object_mut()?.insert("alg".to_owned(), json!(algorithm));
        Some(format!("{}.{}.", written(&header), self.claims))
    }

    fn expired(&self) -> Option<String> {
        let mut claims = part(self.claims)?;
        claims.as_object_mut()?.insert("exp".to_owned(), json!(LONG_AGO_S));
        Some(format!("{}.{}.{}", self.header, written(&claims), self.signature))
    }
}

fn part(text: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

fn written(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::fake::json as answer;
    use crate::document::Place;
    use crate::security::testing::{get, header, probe, probe_in, with_token, workload};

    fn orders() -> Operation {
        with_token(get("/orders", &[]))
    }

    fn list() -> Heard {
        answer(200, r#"[{"id":1}]"#)
    }

    #[test]
    fn whoever_lets_anybody_in_is_found() {
        let (tested, _) = probe("auth", orders(), |_: &Call| list());
        assert_eq!(tested.findings.len(), 1, "one finding is enough where nothing is looked at");
        let finding = &tested.findings[0];
        assert_eq!((finding.severity.as_str(), finding.confidence.as_str()), ("critical", "confirmed"));
        assert!(finding.message.contains("without credentials"));
        let (tested, _) = probe("auth", orders(), |call: &Call| match header(call, "authorization") {
            Some(_) => list(),
            None => answer(401, "{}"),
        });
        assert!(tested.findings[0].message.contains("made-up token"));
        let (tested, _) = probe("auth", orders(), |call: &Call| match header(call, "authorization") {
            Some("Bearer t-alice") => list(),
            _ => answer(200, r#"{"error":"who are you?"}"#),
        });
        assert_eq!(tested.findings[0].confidence, "suspected");
    }

    #[test]
    fn whoever_looks_is_not() {
        let (tested, sent) = probe("auth", orders(), |call: &Call| match header(call, "authorization") {
            Some("Bearer t-alice") => list(),
            _ => answer(401, "{}"),
        });
        assert!(tested.findings.is_empty());
        let headers: Vec<Option<&str>> = sent.iter().map(|call| header(call, "authorization")).collect();
        assert_eq!(
            headers,
            [
                Some("Bearer t-alice"),
                None,
                Some("Bearer invalid-0000000000000000"),
                Some("Bearer"),
                Some("Bearer t-axice")
            ]
        );
    }

    #[test]
    fn a_token_must_be_signed() {
        let claims = json!({ "sub": "alice", "exp": 4_000_000_000_u64 });
        let token = format!("{}.{}.c2lnbmVk", written(&json!({ "alg": "HS256" })), written(&claims));
        let forms = |wrong: Wrong| wrong.token(Some(&token)).unwrap();
        assert!(forms(Wrong::Changed).ends_with(".x2lnbmVk"));
        assert_eq!(part(forms(Wrong::Unsigned).split('.').next().unwrap()), Some(json!({ "alg": "none" })));
        assert!(forms(Wrong::NoSignature).ends_with('.'));
        assert_eq!(part(forms(Wrong::Expired).split('.').nth(1).unwrap()).unwrap()["exp"], LONG_AGO_S);
        // Reads the claims, and forgets the signature where the token says that there is none.
        let mut operation = orders();
        operation.credentials[0].value = "Bearer {{jwt}}".to_owned();
        let mut owner = crate::security::testing::somebody("alice", "41");
        owner.variables.set("jwt", token.clone());
        let workload = workload(vec![operation]);
        let mut client = crate::client::fake::FakeClient::new(|call: &Call| {
            let sent =
                header(call, "authorization").unwrap_or_default().trim_start_matches("Bearer ").to_owned();
            let is_none =
                Jwt::read(&sent).is_some_and(|jwt| part(jwt.header) == Some(json!({ "alg": "none" })));
            if sent == token || is_none { list() } else { answer(401, "{}") }
        });
        let mut world = crate::security::World {
            client: &mut client,
            workload: &workload,
            owner: Some(&owner),
            other: None,
            objects: &[],
        };
        let test = crate::security::find("authentication").unwrap();
        let tested = crate::security::run(test, 0, &mut world);
        assert_eq!(tested.findings.len(), 1);
        assert!(tested.findings[0].message.contains("alg: none"), "{}", tested.findings[0].message);
    }

    #[test]
    fn a_secret_is_replaced_as_a_whole() {
        let mut operation = get("/orders", &[]);
        let value = "{{secret:key}}".to_owned();
        operation.auth_required = true;
        operation.credentials = vec![Credential { place: Place::Query, name: "key".into(), value }];
        let (_, sent) = probe_in("auth", &workload(vec![operation]), &[], |call: &Call| {
            if call.target.contains("secret") { list() } else { answer(403, "{}") }
        });
        let targets: Vec<&str> = sent.iter().map(|call| call.target.as_str()).collect();
        assert_eq!(
            targets,
            ["/orders?key={{secret:key}}", "/orders", "/orders?key=invalid-0000000000000000"]
        );
    }
}
