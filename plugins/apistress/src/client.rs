//! What probes send through, and what they hear back.

use std::collections::HashMap;

use stresshost_sdk::http::{self, Prepared};
use stresshost_sdk::prelude::*;

/// A request with every value in its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Call {
    /// What reports call the operation.
    pub(crate) name: String,
    pub(crate) method: String,
    /// Path and query below the base URL, encoded.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
}

impl Call {
    /// Puts a header in the place of one of the same name.
    #[must_use]
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// What came of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// 0 when there was no answer.
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// The body, as far as it is text; empty when the host did not keep it.
    pub(crate) body: String,
    /// Service time in microseconds.
    pub(crate) duration_us: u64,
    /// Why there was no answer.
    pub(crate) error: String,
}

impl Heard {
    /// First value of a header, by its name in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Whether the status is 200 to 299.
    pub(crate) const fn succeeded(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// Media type in lower case, without parameters.
    pub(crate) fn media_type(&self) -> String {
        let text = self.header("content-type").unwrap_or_default();
        text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }
}

/// Sends calls: the host in a run, a scripted server in tests.
pub(crate) trait Client {
    /// Sends a call and waits for the whole answer. A call that fails is heard with an error.
    fn send(&mut self, call: &Call) -> Heard;

    /// Sends calls at the same time; the answers are in the same order.
    fn send_all(&mut self, calls: &[Call]) -> Vec<Heard>;

    /// A uniform number below `bound`; 0 when that is 0.
    fn draw(&mut self, bound: u64) -> u64;

    /// Scheme, host and port with the path before all operations, for command lines.
    fn base_url(&self) -> &str;
}

/// Sends through the host.
#[derive(Debug, Default)]
pub(crate) struct HostClient {
    base_url: String,
    prepared: HashMap<Shape, Prepared>,
}

/// Calls of one shape differ in the values of slots only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Shape {
    name: String,
    method: String,
    headers: Vec<String>,
    has_body: bool,
    /// Target and body, where they cannot be slots.
    fixed: Vec<String>,
}

impl HostClient {
    pub(crate) fn new(base_url: &str) -> Self {
        Self { base_url: base_url.to_owned(), prepared: HashMap::new() }
    }

    fn prepare(&mut self, call: &Call) -> Result<Prepared, Failure> {
        // Secrets stand where only the host can read them: such a part belongs to the shape.
        let headers = call
            .headers
            .iter()
            .map(|(name, value)| if fixed(value) { format!("{name}: {value}") } else { name.clone() });
        let shape = Shape {
            name: call.name.clone(),
            method: call.method.clone(),
            headers: headers.collect(),
            has_body: call.body.is_some(),
            fixed: [
                Some(&call.target).filter(|target| is_fixed(target)),
                call.body.as_ref().filter(|body| fixed(body)),
            ]
            .into_iter()
            .flatten()
            .cloned()
            .collect(),
        };
        if let Some(prepared) = self.prepared.get(&shape) {
            return Ok(*prepared);
        }
        let mut request = if call.target.starts_with("http") {
            http::Request::new(&call.method, &call.name, &call.target)
        } else if is_fixed(&call.target) {
            http::Request::new(&call.method, &call.name, format!("{}{}", self.base_url, call.target))
        } else {
            let url = format!("{}/{{{{&target}}}}", self.base_url);
            http::Request::new(&call.method, &call.name, url).slot("target")
        };
        for (index, (name, value)) in call.headers.iter().enumerate() {
            if fixed(value) {
                request = request.header(name, value);
            } else {
                request = request.slot(format!("h{index}")).header(name, format!("{{{{h{index}}}}}"));
            }
        }
        if let Some(body) = &call.body {
            request =
                if fixed(body) { request.body(body.as_str()) } else { request.slot("body").body("{{body}}") };
        }
        let prepared = request.expect_status("100-599").prepare()?;
        self.prepared.insert(shape, prepared);
        Ok(prepared)
    }

    fn values(call: &Call) -> Vec<&str> {
        let target = Some(call.target.as_str()).filter(|target| !is_fixed(target));
        let target = target.map(|target| target.strip_prefix('/').unwrap_or(target));
        let headers = call.headers.iter().map(|(_, value)| value.as_str()).filter(|value| !fixed(value));
        let body = call.body.as_deref().filter(|body| !fixed(body));
        target.into_iter().chain(headers).chain(body).collect()
    }
}

/// Whether a part of a call cannot be the value of a slot.
fn fixed(value: &str) -> bool {
    value.contains("{{secret:")
}

fn is_fixed(target: &str) -> bool {
    target.starts_with("http") || fixed(target)
}

/// Sends some calls before each call of one operation, such as what puts something into a cart before a purchase.
pub(crate) struct Preceded<'a> {
    pub(crate) client: &'a mut dyn Client,
    /// Name of the operation.
    pub(crate) name: &'a str,
    pub(crate) before: Vec<Call>,
}

impl Preceded<'_> {
    fn precede(&mut self, call: &Call) {
        if call.name == self.name {
            for before in &self.before {
                self.client.send(before);
            }
        }
    }
}

impl Client for Preceded<'_> {
    fn send(&mut self, call: &Call) -> Heard {
        self.precede(call);
        self.client.send(call)
    }

    fn send_all(&mut self, calls: &[Call]) -> Vec<Heard> {
        if let Some(first) = calls.first() {
            self.precede(first);
        }
        self.client.send_all(calls)
    }

    fn draw(&mut self, bound: u64) -> u64 {
        self.client.draw(bound)
    }

    fn base_url(&self) -> &str {
        self.client.base_url()
    }
}

fn hear(response: http::Response) -> Heard {
    let error = if response.ok() { String::new() } else { response.error_name() };
    Heard {
        status: response.status(),
        headers: response.headers(),
        body: response.text().unwrap_or_default(),
        duration_us: u64::try_from(response.duration().as_micros()).unwrap_or(u64::MAX),
        error,
    }
}

impl Client for HostClient {
    fn send(&mut self, call: &Call) -> Heard {
        match self.prepare(call) {
            Ok(prepared) => hear(prepared.fire(&Self::values(call))),
            Err(failure) => Heard { error: failure.message, ..Heard::default() },
        }
    }

    fn send_all(&mut self, calls: &[Call]) -> Vec<Heard> {
        let prepared: Result<Vec<Prepared>, Failure> = calls.iter().map(|call| self.prepare(call)).collect();
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(failure) => {
                return calls
                    .iter()
                    .map(|_| Heard { error: failure.message.clone(), ..Heard::default() })
                    .collect();
            }
        };
        let values: Vec<Vec<&str>> = calls.iter().map(Self::values).collect();
        let shots: Vec<http::Shot<'_>> =
            prepared.iter().zip(&values).map(|(prepared, values)| prepared.shot(values)).collect();
        http::send_all(&shots).into_iter().map(hear).collect()
    }

    fn draw(&mut self, bound: u64) -> u64 {
        stresshost_sdk::random::below(bound)
    }

    fn base_url(&self) -> &str {
        &self.base_url
    }
}

/// A command line that sends the same call; secrets are named, not shown.
pub(crate) fn curl(base_url: &str, call: &Call) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let mut line = format!("curl -X {} {}", call.method, quoted(&format!("{base_url}{}", call.target)));
    for (name, value) in &call.headers {
        line.push_str(&format!(" -H {}", quoted(&format!("{name}: {value}"))));
    }
    if let Some(body) = &call.body {
        line.push_str(&format!(" -d {}", quoted(body)));
    }
    line
}

#[cfg(test)]
pub(crate) mod fake {
    //! A scripted server.

    use super::{Call, Client, Heard};

    /// Answers every call by a function, and keeps what was sent.
    pub(crate) struct FakeClient<F> {
        pub(crate) answer: F,
        pub(crate) sent: Vec<Call>,
        drawn: u64,
    }

    impl<F: FnMut(&Call) -> Heard> FakeClient<F> {
        pub(crate) fn new(answer: F) -> Self {
            Self { answer, sent: Vec::new(), drawn: 0 }
        }
    }

    impl<F: FnMut(&Call) -> Heard> Client for FakeClient<F> {
        fn send(&mut self, call: &Call) -> Heard {
            self.sent.push(call.clone());
            (self.answer)(call)
        }

        fn send_all(&mut self, calls: &[Call]) -> Vec<Heard> {
            calls.iter().map(|call| self.send(call)).collect()
        }

        fn draw(&mut self, bound: u64) -> u64 {
            self.drawn =
                self.drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.drawn >> 33).checked_rem(bound).unwrap_or(0)
        }

        fn base_url(&self) -> &str {
            "http://api.test"
        }
    }

    /// An answer with a JSON body.
    pub(crate) fn json(status: u16, body: &str) -> Heard {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Heard { status, headers, body: body.to_owned(), duration_us: 1_000, ..Heard::default() }
    }
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::testing::{FakeHost, Reply};

    use super::*;

    #[test]
    fn the_command_line_survives_a_shell() {
        let call = Call {
            method: "POST".into(),
            target: "/a?b=1&c=2".into(),
            headers: vec![("X".into(), "it's".into())],
            body: Some("{\"a\":\"$HOME\"}".into()),
            ..Call::default()
        };
        assert_eq!(
            curl("http://h", &call),
            r#"curl -X POST 'http://h/a?b=1&c=2' -H 'X: it'\''s' -d '{"a":"$HOME"}'"#
        );
    }

    #[test]
    fn what_comes_before_an_operation_is_sent_before_each_of_its_calls() {
        let mut client = fake::FakeClient::new(|_: &Call| Heard::default());
        let call = |name: &str| Call { name: name.into(), ..Call::default() };
        let mut preceded = Preceded { client: &mut client, name: "pay", before: vec![call("add")] };
        preceded.send(&call("read"));
        preceded.send(&call("pay"));
        preceded.send_all(&[call("pay"), call("pay")]);
        let names: Vec<&str> = client.sent.iter().map(|call| call.name.as_str()).collect();
        assert_eq!(names, ["read", "add", "pay", "add", "pay", "pay"]);
    }

    #[test]
    fn calls_of_one_shape_are_prepared_once_and_sent_as_they_are() {
        let host = FakeHost::new();
        host.reply_to("POST /a", Reply::json(409, "{}"));
        let mut client = HostClient::new("http://h/v1");
        let call = |id: &str| {
            let call = Call {
                name: "POST /a".into(),
                method: "POST".into(),
                target: format!("/a?x=%27{id}"),
                ..Call::default()
            };
            Call { body: Some(format!("{{\"id\":\"{id}\"}}")), ..call }.header("X-Id", id)
        };
        assert_eq!(client.send(&call("1")).status, 409);
        assert_eq!(client.send_all(&[call("2"), call("{{h0}}")]).len(), 2);
        assert_eq!(client.prepared.len(), 1);
        let sent = host.requests();
        assert_eq!(sent[1].url, "http://h/v1/a?x=%272");
        assert_eq!(
            (sent[2].header("x-id"), sent[2].text().as_str()),
            (Some("{{h0}}"), "{\"id\":\"{{h0}}\"}")
        );
    }
}
