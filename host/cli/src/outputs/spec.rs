//! `--stream` and `--stream-header` as written.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ArgMatches;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use stresshost_report::streams::{Csv, JsonLines, Otlp, Prometheus, RemoteWrite};

use super::file::FileSink;
use super::post::{Body, PostSink};
use super::scrape::{self, ScrapeSink};
use super::worker::MakeFormat;
use super::{MAX_STREAMS, Sink};
use crate::args;
use crate::exit::usage;

/// Headers of `--stream-header`.
const MAX_HEADERS: usize = 32;

/// Headers that say what is in a request: a stream sets them itself.
const OWN_HEADERS: [&str; 6] = [
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
    "x-prometheus-remote-write-version",
];

/// Path of OTLP metrics, added to URLs that lack it.
const OTLP_PATH: &str = "/v1/metrics";

const FORMS: &str = "jsonl:FILE, csv:FILE, prometheus:ADDRESS:PORT, prometheus-rw:URL or otlp:URL";

/// The streams that were asked for.
#[derive(Debug)]
pub(crate) struct Specs {
    pub(super) streams: Vec<Spec>,
    pub(super) headers: HeaderMap,
    pub(super) ca_pem: Vec<Vec<u8>>,
}

/// A stream that was asked for.
#[derive(Debug, PartialEq)]
pub(super) struct Spec {
    /// As written, without what may be secret.
    pub(super) label: String,
    target: Target,
}

#[derive(Debug, PartialEq)]
enum Target {
    File(FileFormat, Place),
    Scrape(SocketAddr),
    RemoteWrite(Url),
    Otlp(Url),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileFormat {
    JsonLines,
    Csv,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    Stdout,
}

/// An open sink.
pub(super) struct Opened {
    pub(super) sink: Box<dyn Sink>,
    /// What a person needs to know to use it.
    pub(super) note: Option<String>,
}

impl Specs {
    /// Reads the streams and their headers. `ca_pem` are certificates to trust besides the system's.
    ///
    /// # Errors
    /// When one cannot be read, or two want the same file.
    pub(crate) fn read(matches: &ArgMatches, ca_pem: Vec<Vec<u8>>) -> anyhow::Result<Self> {
        let texts = args::texts(matches, "stream");
        if texts.len() > MAX_STREAMS {
            return Err(usage(format!("--stream: {} streams; at most {MAX_STREAMS}", texts.len())));
        }
        let mut streams: Vec<Spec> = Vec::new();
        for text in texts {
            let spec = Spec::parse(&text).map_err(|error| usage(format!("--stream: {error}")))?;
            let taken = |other: &Spec| spec.place().is_some() && other.place() == spec.place();
            if streams.iter().any(taken) {
                return Err(usage(format!("--stream {}: another stream writes there already", spec.label)));
            }
            streams.push(spec);
        }
        let headers = headers(&args::texts(matches, "stream-header"))?;
        if !headers.is_empty() && !streams.iter().any(Spec::sends) {
            return Err(usage("--stream-header: no stream sends requests; only prometheus-rw and otlp do"));
        }
        Ok(Self { streams, headers, ca_pem })
    }

    /// Whether a stream has standard output, so that nothing else may be written there.
    pub(crate) fn takes_stdout(&self) -> bool {
        self.streams.iter().any(|spec| spec.place() == Some(&Place::Stdout))
    }
}

impl Spec {
    fn parse(text: &str) -> Result<Self, String> {
        let unknown = || format!("`{}` is no stream; write {FORMS}", shown(text));
        let (kind, rest) = text.split_once(':').ok_or_else(unknown)?;
        let target = match kind {
            "jsonl" => Target::File(FileFormat::JsonLines, place(kind, rest)?),
            "csv" => Target::File(FileFormat::Csv, place(kind, rest)?),
            "prometheus" => Target::Scrape(address(rest)?),
            "prometheus-rw" => Target::RemoteWrite(url(rest)?),
            "otlp" => Target::Otlp(otlp(url(rest)?)),
            _ => return Err(unknown()),
        };
        let label = match &target {
            Target::RemoteWrite(url) | Target::Otlp(url) => format!("{kind}:{}", public(url)),
            Target::File(..) | Target::Scrape(_) => text.to_owned(),
        };
        Ok(Self { label, target })
    }

    fn place(&self) -> Option<&Place> {
        match &self.target {
            Target::File(_, place) => Some(place),
            _ => None,
        }
    }

    /// Whether it sends requests.
    fn sends(&self) -> bool {
        matches!(self.target, Target::RemoteWrite(_) | Target::Otlp(_))
    }

    pub(super) fn format(&self) -> MakeFormat {
        match self.target {
            Target::File(FileFormat::JsonLines, _) => |context| Box::new(JsonLines::new(context)),
            Target::File(FileFormat::Csv, _) => |context| Box::new(Csv::new(context)),
            Target::Scrape(_) => |context| Box::new(Prometheus::new(context)),
            Target::RemoteWrite(_) => |context| Box::new(RemoteWrite::new(context)),
            Target::Otlp(_) => |context| Box::new(Otlp::new(context)),
        }
    }

    pub(super) fn open(&self, specs: &Specs) -> anyhow::Result<Opened> {
        let quiet = |sink: Box<dyn Sink>| Opened { sink, note: None };
        match &self.target {
            Target::File(_, Place::Stdout) => Ok(quiet(Box::new(FileSink::stdout().map_err(usage)?))),
            Target::File(_, Place::File(path)) => {
                Ok(quiet(Box::new(FileSink::create(path).map_err(usage).context("cannot write the file")?)))
            }
            Target::Scrape(address) => {
                let (sink, address) =
                    ScrapeSink::listen(*address).map_err(usage).context("cannot listen there")?;
                let note = Some(format!("http://{address}{}", scrape::PATH));
                Ok(Opened { sink: Box::new(sink), note })
            }
            Target::RemoteWrite(url) => {
                Ok(quiet(Box::new(PostSink::new(url, specs, Body::Snappy).map_err(usage)?)))
            }
            Target::Otlp(url) => Ok(quiet(Box::new(PostSink::new(url, specs, Body::Plain).map_err(usage)?))),
        }
    }
}

fn place(kind: &str, text: &str) -> Result<Place, String> {
    match text {
        "" => Err(format!("`{kind}:` lacks a file; write {kind}:FILE, or {kind}:- for standard output")),
        "-" => Ok(Place::Stdout),
        path if path.ends_with('/') || Path::new(path).is_dir() => Err(format!("`{path}` is a directory")),
        path => Ok(Place::File(PathBuf::from(path))),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let local = text.strip_prefix("localhost:").map(|port| format!("{}:{port}", Ipv4Addr::LOCALHOST));
    let address = local.as_deref().unwrap_or(text).parse();
    address.map_err(|_| format!("`{text}` is no address to listen on; write 127.0.0.1:9464"))
}

fn url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("`{}` is no URL: {error}", shown(text)))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(format!("`{}` is no URL of a receiver; write http://HOST or https://HOST", shown(text)));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a URL cannot hold a password; write --stream-header 'authorization: ...'".to_owned());
    }
    Ok(url)
}

fn otlp(mut url: Url) -> Url {
    let path = url.path().trim_end_matches('/').to_owned();
    if !path.ends_with(OTLP_PATH) {
        url.set_path(&format!("{path}{OTLP_PATH}"));
    }
    url
}

/// A URL without its query, where tokens may be.
fn public(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

/// A text that is no stream, without what may be secret in it.
fn shown(text: &str) -> String {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    // Before an `@` there may be a password.
    match text.rsplit_once('@') {
        Some((_, rest)) => format!("...@{rest}"),
        None => text.to_owned(),
    }
}

/// Headers such as `authorization: Bearer TOKEN`. Their values are never shown.
fn headers(texts: &[String]) -> anyhow::Result<HeaderMap> {
    if texts.len() > MAX_HEADERS {
        return Err(usage(format!("--stream-header: {} headers; at most {MAX_HEADERS}", texts.len())));
    }
    let mut headers = HeaderMap::new();
    for text in texts {
        let (name, value) = text
            .split_once(':')
            .ok_or_else(|| usage("--stream-header: a header is 'NAME: VALUE', this one has no colon"))?;
        let name: HeaderName = name
            .trim()
            .parse()
            .map_err(|_| usage(format!("--stream-header: `{}` is no name of a header", name.trim())))?;
        if OWN_HEADERS.contains(&name.as_str()) {
            return Err(usage(format!("--stream-header: `{name}` is set by the stream")));
        }
        let mut value = HeaderValue::from_str(value.trim())
            .map_err(|_| usage(format!("--stream-header: the value of `{name}` is no header's value")))?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Target {
        Spec::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).target
    }

    #[test]
    fn streams_as_written() {
        let file = |path: &str| Place::File(path.into());
        assert_eq!(parsed("jsonl:a:b.jsonl"), Target::File(FileFormat::JsonLines, file("a:b.jsonl")));
        assert_eq!(parsed("jsonl:-"), Target::File(FileFormat::JsonLines, Place::Stdout));
        assert_eq!(parsed("csv:out/x.csv"), Target::File(FileFormat::Csv, file("out/x.csv")));
        for text in ["prometheus:127.0.0.1:9464", "prometheus:localhost:9464"] {
            assert_eq!(parsed(text), Target::Scrape(([127, 0, 0, 1], 9464).into()));
        }
        assert!(matches!(parsed("prometheus:[::]:9464"), Target::Scrape(_)));
        assert!(matches!(parsed("prometheus-rw:https://h/api/v1/write"), Target::RemoteWrite(_)));
    }

    #[test]
    fn the_path_of_otlp_is_added_where_it_is_missing() {
        for (text, url) in [
            ("http://h:4318", "http://h:4318/v1/metrics"),
            ("http://h:4318/", "http://h:4318/v1/metrics"),
            ("http://h:4318/v1/metrics", "http://h:4318/v1/metrics"),
            ("https://h/otlp/?k=v", "https://h/otlp/v1/metrics?k=v"),
        ] {
            assert_eq!(parsed(&format!("otlp:{text}")), Target::Otlp(url.parse().expect("a URL")), "{text}");
        }
    }

    #[test]
    fn what_is_no_stream_is_refused_with_words() {
        for (text, words) in [
            ("", "is no stream"),
            ("jsonl", "prometheus-rw:URL"),
            ("kafka:broker", "`kafka:broker` is no stream"),
            ("jsonl:", "lacks a file"),
            ("csv:/tmp/", "is a directory"),
            ("prometheus:9464", "127.0.0.1:9464"),
            ("prometheus:example.com:80", "is no address"),
            ("otlp:localhost:4318", "http://HOST"),
            ("otlp:ftp://h", "http://HOST"),
            ("otlp:http://", "is no URL"),
            ("prometheus-rw:http://u:hunter2@h/", "--stream-header"),
        ] {
            let refused = Spec::parse(text).unwrap_err();
            assert!(refused.contains(words) && !refused.contains("hunter2"), "{text}: {refused}");
        }
    }

    #[test]
    fn secrets_are_not_in_what_is_shown() {
        let spec = Spec::parse("prometheus-rw:https://h/write?token=hunter2#hunter2").expect("a stream");
        assert_eq!(spec.label, "prometheus-rw:https://h/write");
        for bad in ["otlp:htp://u:hunter2@h/?hunter2", "loki:http://u:hunter2@h"] {
            let refused = Spec::parse(bad).unwrap_err();
            assert!(!refused.contains("hunter2"), "{refused}");
        }
        let map = headers(&["Authorization: Bearer hunter2".into()]).expect("a header");
        assert!(!format!("{map:?}").contains("hunter2"));
        for bad in ["hunter2", "a b: hunter2", "x: hunter2\u{7f}", "content-type: hunter2"] {
            let refused = format!("{:#}", headers(&[bad.into()]).unwrap_err());
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }
}
