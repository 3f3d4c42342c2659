//! What is read of a document.

use serde_json::Value;

use crate::pointer;

/// A document, as far as a test needs it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spec {
    /// Title, as the document gives it.
    pub title: String,
    /// Version of the API, not of OpenAPI.
    pub version: String,
    /// Which OpenAPI it is written in.
    pub openapi: Version,
    /// URLs of its servers, variables replaced by their defaults.
    pub servers: Vec<String>,
    /// Operations in the order of the document.
    pub operations: Vec<Operation>,
    /// Ways to authenticate, by the names that operations use.
    pub schemes: Vec<(String, Scheme)>,
}

impl Spec {
    /// The operation that a link leads to, if it was read.
    pub fn linked(&self, link: &Link) -> Option<&Operation> {
        let leads_to = |operation: &&Operation| match &link.target {
            LinkTarget::Id(id) => operation.id.as_ref() == Some(id),
            LinkTarget::Pointer(reference) => {
                let fragment = reference.strip_prefix('#').and_then(pointer::percent_decoded);
                fragment.is_some_and(|fragment| fragment == operation.pointer)
            }
        };
        self.operations.iter().find(leads_to)
    }
}

/// The language of a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// OpenAPI 3.0, whose schemas are a dialect of their own.
    V30,
    /// OpenAPI 3.1, whose schemas are JSON Schema 2020-12.
    #[default]
    V31,
}

/// One method of one path.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Method in upper case.
    pub method: String,
    /// Path as the document writes it, such as `/products/{id}`.
    pub path: String,
    /// Its `operationId`.
    pub id: Option<String>,
    /// What it does, in a few words.
    pub summary: Option<String>,
    /// Names it is sorted under.
    pub tags: Vec<String>,
    /// JSON pointer of the operation.
    pub pointer: String,
    /// Whether it should no longer be used.
    pub deprecated: bool,
    /// Parameters, those of the path included.
    pub parameters: Vec<Parameter>,
    /// What it takes.
    pub body: Option<Body>,
    /// What it may answer, in the order of the document.
    pub responses: Vec<Response>,
    /// Where its answers lead, in the order of the document.
    pub links: Vec<Link>,
    /// Names of the schemes of each way to be let in; an empty way lets anybody in, no way at all the same.
    pub security: Vec<Vec<String>>,
}

impl Operation {
    /// What reports call it: method and path.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Whether some scheme is needed.
    pub fn needs_auth(&self) -> bool {
        !self.security.is_empty() && self.security.iter().all(|way| !way.is_empty())
    }

    /// What the document says of an answer with this status: the exact one first, then its hundred, then `default`.
    pub fn response(&self, status: u16) -> Option<&Response> {
        let fits = |wanted: Status| self.responses.iter().find(|response| response.status == wanted);
        fits(Status::Exact(status))
            .or_else(|| fits(Status::Hundred(status / 100)))
            .or_else(|| fits(Status::Default))
    }
}

/// A parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// Whether it must be there.
    pub required: bool,
    /// Whether it should no longer be used.
    pub deprecated: bool,
    /// Its schema, as JSON Schema 2020-12.
    pub schema: Value,
    /// An example from the document.
    pub example: Option<Value>,
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// A header.
    Header,
    /// A cookie.
    Cookie,
}

/// What an operation takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// Whether it must be there.
    pub required: bool,
    /// By media type, in the order of the document.
    pub contents: Vec<Content>,
}

/// A body of one media type.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// Media type as written, such as `application/json`.
    pub media_type: String,
    /// Its schema, as JSON Schema 2020-12.
    pub schema: Option<Value>,
    /// An example from the document.
    pub example: Option<Value>,
}

impl Content {
    /// Whether the media type is JSON (RFC 6839: a `+json` suffix is as well).
    pub fn is_json(&self) -> bool {
        is_json(&self.media_type)
    }
}

/// Whether a media type is JSON.
pub(crate) fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// Which statuses it describes.
    pub status: Status,
    /// By media type.
    pub contents: Vec<Content>,
    /// Headers it has.
    pub headers: Vec<Header>,
}

/// Which statuses a response describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// One, such as 200.
    Exact(u16),
    /// A hundred, such as 4 for `4XX`.
    Hundred(u16),
    /// Every status not described otherwise.
    Default,
}

/// Where an answer leads: an operation that can be called with something of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Name in its response.
    pub name: String,
    /// Of which answers.
    pub status: Status,
    /// The operation it leads to.
    pub target: LinkTarget,
    /// By parameter, which may be qualified as in `path.id`: a runtime expression such as `$response.body#/id`, or a constant.
    pub parameters: Vec<(String, String)>,
    /// A runtime expression or a constant for the body.
    pub body: Option<Value>,
}

/// How a link names its operation; [`Spec::linked`] finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkTarget {
    /// By its `operationId`.
    Id(String),
    /// By a reference to its place, such as `#/paths/~1products/get`.
    Pointer(String),
}

/// A header of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// Name.
    pub name: String,
    /// Whether it must be there.
    pub required: bool,
    /// Its schema, as JSON Schema 2020-12.
    pub schema: Value,
}

/// A way to authenticate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `Authorization: Bearer`.
    Bearer,
    /// `Authorization: Basic`.
    Basic,
    /// A key in a header, the query or a cookie.
    ApiKey {
        /// Where.
        place: Place,
        /// Under which name.
        name: String,
    },
    /// OAuth 2 with the client credentials flow.
    ClientCredentials {
        /// Where tokens are given.
        token_url: String,
    },
    /// Anything else, by its type.
    Other(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_response_describes_a_status() {
        let response = |status| Response { status, contents: Vec::new(), headers: Vec::new() };
        let operation = Operation {
            method: "GET".into(),
            path: "/".into(),
            id: None,
            summary: None,
            tags: Vec::new(),
            links: Vec::new(),
            pointer: String::new(),
            deprecated: false,
            parameters: Vec::new(),
            body: None,
            responses: [Status::Default, Status::Hundred(4), Status::Exact(404)].map(response).into(),
            security: vec![vec![], vec!["key".into()]],
        };
        let status = |code| operation.response(code).map(|response| response.status);
        assert_eq!(status(404), Some(Status::Exact(404)));
        assert_eq!(status(400), Some(Status::Hundred(4)));
        assert_eq!(status(200), Some(Status::Default));
        assert!(!operation.needs_auth(), "one way lets anybody in");
    }

    #[test]
    fn json_is_told_by_its_media_type() {
        for (media_type, expected) in [
            ("application/json", true),
            ("Application/Problem+JSON; charset=utf-8", true),
            ("text/json-ish", false),
            ("", false),
        ] {
            assert_eq!(is_json(media_type), expected, "{media_type}");
        }
    }
}
