//! HTTP to one registry: logging in, bounded answers, redirects that give nothing away.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, LINK, WWW_AUTHENTICATE};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;

use super::challenge::{self, Challenge};
use crate::credentials::{Credential, Credentials};
use crate::error::{Error, Result};
use crate::limits::{
    CONNECT_TIMEOUT, MAX_ERROR_BYTES, MAX_REDIRECTS, MAX_TOKEN_BYTES, READ_TIMEOUT, REQUEST_TIMEOUT,
};
use crate::oci_reference::{OciLocation, is_loopback};

/// Letters that are shown of what a registry says.
const MAX_SHOWN: usize = 200;

/// Speaks to one registry.
pub(super) struct Client {
    http: reqwest::Client,
    location: OciLocation,
    base: Url,
    credentials: Credentials,
    /// What each scope is shown, once a registry has asked for it.
    authorizations: RefCell<BTreeMap<String, HeaderValue>>,
}

impl Client {
    pub(super) fn new(location: OciLocation, credentials: Credentials) -> Result<Self> {
        let scheme = if location.is_loopback() { "http" } else { "https" };
        let broken = |reason: String| Error::Registry { registry: location.to_string(), reason };
        let base = Url::parse(&format!("{scheme}://{}/v2/", location.host))
            .map_err(|error| broken(error.to_string()))?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(scheme).map_err(|error| broken(error.to_string()))?)
            .user_agent(concat!("stresshost/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .redirect(Policy::custom(redirect))
            .build()
            .map_err(|error| broken(error.to_string()))?;
        Ok(Self { http, location, base, credentials, authorizations: RefCell::default() })
    }

    pub(super) const fn location(&self) -> &OciLocation {
        &self.location
    }

    /// A URL below `/v2/`.
    pub(super) fn url(&self, path: &str) -> Result<Url> {
        self.base.join(path).map_err(|error| self.broken(format!("`{path}`: {error}")))
    }

    /// A URL that the registry gave, absolute or relative. It must be as well protected as the registry's own.
    pub(super) fn given_url(&self, text: &str) -> Result<Url> {
        let url = self
            .base
            .join(text)
            .map_err(|error| self.broken(format!("it sends to a malformed URL: {error}")))?;
        if may_speak_to(&url) {
            Ok(url)
        } else {
            Err(self.broken(format!("it sends to {url}, which is not encrypted")))
        }
    }

    /// An error of this registry.
    pub(super) fn broken(&self, reason: impl Into<String>) -> Error {
        Error::Registry { registry: self.location.to_string(), reason: reason.into() }
    }

    /// A request of anything but a component, which must be quick.
    pub(super) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url).timeout(REQUEST_TIMEOUT)
    }

    /// A request whose answer may take as long as it keeps coming.
    pub(super) fn long_request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url)
    }

    /// Sends a request, and once more with what the registry asked for. Answers other than 401 and 403 are the caller's.
    pub(super) async fn send(&self, scope: &str, request: impl Fn() -> RequestBuilder) -> Result<Response> {
        let mut authorization = self.authorizations.borrow().get(scope).cloned();
        let mut asked = false;
        loop {
            let mut builder = request();
            if let Some(value) = &authorization {
                builder = builder.header(AUTHORIZATION, value.clone());
            }
            let response = builder.send().await.map_err(|error| self.unreachable(&error))?;
            match response.status() {
                StatusCode::UNAUTHORIZED if !asked => {
                    asked = true;
                    let value = self.authorize(&response).await?;
                    self.authorizations.borrow_mut().insert(scope.to_owned(), value.clone());
                    authorization = Some(value);
                }
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                    let said = said(response).await;
                    return Err(self.broken(format!(
                        "it refuses this login{said}; check what `docker login {}` or STRESSHOST_REGISTRY_AUTH gave it",
                        self.location.host
                    )));
                }
                _ => return Ok(response),
            }
        }
    }

    /// Turns what the registry asks for into a header.
    async fn authorize(&self, refusal: &Response) -> Result<HeaderValue> {
        let headers =
            refusal.headers().get_all(WWW_AUTHENTICATE).iter().filter_map(|header| header.to_str().ok());
        let challenge = headers.filter_map(challenge::parse).next();
        let challenge =
            challenge.ok_or_else(|| self.broken("it wants a login of a kind that is not known here"))?;
        let credential = self.credentials.of(&self.location.host)?;
        let text = match (challenge, credential) {
            (_, Some(Credential::Bearer(token))) => format!("Bearer {token}"),
            (Challenge::Basic, Some(Credential::Basic { user, password })) => basic(&user, &password),
            (Challenge::Basic, _) => {
                let host = &self.location.host;
                return Err(self.broken(format!(
                    "it wants a login; use `docker login {host}`, or set STRESSHOST_REGISTRY_AUTH={host}=USER:PASSWORD"
                )));
            }
            (Challenge::Bearer { realm, service, scope }, credential) => {
                let token = self.token(&realm, service, scope, credential).await?;
                format!("Bearer {token}")
            }
        };
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| self.broken("the login holds characters that no header can"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Asks a token server. Without credentials it may still give a token for what is public.
    async fn token(
        &self,
        realm: &str,
        service: Option<String>,
        scope: Option<String>,
        credential: Option<Credential>,
    ) -> Result<String> {
        #[derive(Deserialize)]
        struct Answer {
            token: Option<String>,
            access_token: Option<String>,
        }
        let mut url = self.given_url(realm)?;
        let mut fields: Vec<(&str, String)> = Vec::new();
        fields.extend(service.map(|service| ("service", service)));
        fields.extend(scope.map(|scope| ("scope", scope)));
        let request = match credential {
            Some(Credential::Identity(token)) => {
                fields.push(("grant_type", "refresh_token".to_owned()));
                fields.push(("client_id", "stresshost".to_owned()));
                fields.push(("refresh_token", token));
                // The form's encoding is that of a query.
                let mut form = url.clone();
                form.query_pairs_mut().clear().extend_pairs(&fields);
                let body = form.query().unwrap_or_default().to_owned();
                self.request(Method::POST, url)
                    .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(body)
            }
            credential => {
                url.query_pairs_mut().extend_pairs(&fields);
                let request = self.request(Method::GET, url);
                match credential {
                    Some(Credential::Basic { user, password }) => {
                        request.header(AUTHORIZATION, basic(&user, &password))
                    }
                    _ => request,
                }
            }
        };
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            let status = response.status();
            let said = said(response).await;
            let host = &self.location.host;
            return Err(self.broken(format!(
                "its token server answers {status}{said}; use `docker login {host}`, or set \
                 STRESSHOST_REGISTRY_AUTH={host}=USER:PASSWORD"
            )));
        }
        let bytes = self.body(response, MAX_TOKEN_BYTES, "the token").await?;
        let answer: Option<Answer> = serde_json::from_slice(&bytes).ok();
        let token = answer.and_then(|answer| answer.token.or(answer.access_token));
        token.ok_or_else(|| self.broken("its token server answers without a token"))
    }

    /// A whole body within a limit.
    pub(super) async fn body(&self, mut response: Response, limit: u64, what: &str) -> Result<Vec<u8>> {
        let too_large = || self.broken(format!("{what} is larger than {limit} bytes"));
        if response.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if (bytes.len() + chunk.len()) as u64 > limit {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// The error of an answer that was not hoped for.
    pub(super) async fn refused(&self, what: &str, response: Response) -> Error {
        let status = response.status();
        let said = said(response).await;
        self.broken(format!("{what}: it answers {status}{said}"))
    }

    /// The address of a list's next page: distribution specification, "Listing Tags".
    pub(super) fn next_page(&self, response: &Response) -> Result<Option<Url>> {
        let link = response.headers().get(LINK).and_then(|link| link.to_str().ok());
        let Some((address, relation)) = link.and_then(|link| link.trim().strip_prefix('<')?.split_once('>'))
        else {
            return Ok(None);
        };
        if !relation.contains("next") {
            return Ok(None);
        }
        let url = self.given_url(address)?;
        // A login goes with the request; it is for this registry only.
        if url.origin() == self.base.origin() {
            Ok(Some(url))
        } else {
            Err(self.broken("its list goes on elsewhere"))
        }
    }

    pub(super) fn unreachable(&self, error: &reqwest::Error) -> Error {
        self.broken(reason(error))
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// What went wrong first, in few words.
pub(super) fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = if error.is_timeout() { "no answer in time".to_owned() } else { cause.to_string() };
    let text = text.split(" (os error").next().unwrap_or_default();
    let what = if error.is_connect() { "cannot be reached: " } else { "" };
    format!("{what}{}", shown(text))
}

fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect::<String>().escape_debug().to_string()
}

/// What a registry says of its refusal: distribution specification, "Error Codes".
async fn said(mut response: Response) -> String {
    #[derive(Deserialize)]
    struct Answer {
        errors: Vec<Item>,
    }
    #[derive(Deserialize)]
    struct Item {
        code: String,
        #[serde(default)]
        message: String,
    }
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > MAX_ERROR_BYTES {
            break;
        }
    }
    match serde_json::from_slice::<Answer>(&bytes).ok().and_then(|answer| answer.errors.into_iter().next()) {
        Some(Item { code, message }) => format!(" ({}: {})", shown(&code), shown(&message)),
        None => String::new(),
    }
}

/// Without encryption only this machine is spoken to.
fn may_speak_to(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => url.host_str().is_some_and(is_loopback),
        _ => false,
    }
}

/// Follows a registry to its storage. Logins are not taken along to other hosts, which reqwest sees to.
fn redirect(attempt: reqwest::redirect::Attempt<'_>) -> reqwest::redirect::Action {
    let was_encrypted = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
    if attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error("it redirects too often");
    }
    if !may_speak_to(attempt.url()) || (was_encrypted && attempt.url().scheme() != "https") {
        return attempt.error("it redirects to what is not encrypted");
    }
    attempt.follow()
}

/// Trusts the system's certificates, or those of `SSL_CERT_FILE`. They are read for `https` only.
fn tls(scheme: &str) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    if scheme == "https" {
        // A system's store may hold certificates that cannot be read; the others still count.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_spoken_to_in_the_clear() {
        for (url, may) in [
            ("https://reg.example/v2/", true),
            ("http://127.0.0.1:5000/", true),
            ("http://[::1]/", true),
            ("http://localhost/", true),
            ("http://reg.example/", false),
            ("http://127.0.0.1.example/", false),
            ("http://169.254.169.254/", false),
            ("ftp://127.0.0.1/", false),
            ("file:///etc/passwd", false),
        ] {
            assert_eq!(may_speak_to(&Url::parse(url).unwrap()), may, "{url}");
        }
    }

    #[test]
    fn given_urls_are_resolved_and_judged() {
        let location = OciLocation { host: "127.0.0.1:5000".into(), prefix: String::new() };
        let client = Client::new(location, Credentials::default()).unwrap();
        let given =
            |text| client.given_url(text).map(|url| url.to_string()).map_err(|error| error.to_string());
        assert_eq!(
            given("/v2/a/blobs/uploads/1?x=y").unwrap(),
            "http://127.0.0.1:5000/v2/a/blobs/uploads/1?x=y"
        );
        assert_eq!(given("https://cdn.example/x").unwrap(), "https://cdn.example/x");
        assert!(given("http://cdn.example/x").unwrap_err().contains("not encrypted"));
        assert_eq!(client.url("a/b/tags/list").unwrap().as_str(), "http://127.0.0.1:5000/v2/a/b/tags/list");
    }
}
