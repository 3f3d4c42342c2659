//! The findings as SARIF 2.1.0, for code scanning: one run, a rule for each id, a result for each finding.
//!
//! GitHub shows a result only where it has a path and a line. A finding is about a resource of the target and not
//! about a file, so its path is that of the resource, or the plugin's name where it has none. GitHub reads
//! `security-severity` of rules tagged `security` only: those are the rules whose findings say how sure they are.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde::Serialize;
use stresshost_metrics::{Summary, VerdictStatus};
use stresshost_plan::{Analysis, plain_lines};

use crate::escape::one_line;
use crate::facts::{self, Found};
use crate::limits::{MAX_SARIF_RESULTS, MAX_SARIF_TITLE_BYTES};
use crate::{Options, format};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The rule of findings that name none: the format wants one.
const UNNAMED_RULE: &str = "unnamed";

/// Writes the document.
///
/// # Errors
///
/// Those of `out`.
pub fn render(
    summary: &Summary,
    analysis: Option<&Analysis>,
    _options: &Options,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut found = facts::found(summary, analysis);
    found.sort_by(|a, b| key(a).cmp(&key(b)));
    let left_out = found.len().saturating_sub(MAX_SARIF_RESULTS);
    found.truncate(MAX_SARIF_RESULTS);
    let rules = rules(&found);
    let index: BTreeMap<&str, usize> =
        rules.iter().enumerate().map(|(place, rule)| (rule.id.as_str(), place)).collect();
    let results = found.iter().map(|found| result(summary, found, &index)).collect();
    let version = summary.run.host.version.as_str();
    let run = Run {
        tool: Tool { driver: Driver { name: "StressHost", version: one_line(version), rules } },
        automation_details: automation_id(summary).map(|id| AutomationDetails { id }),
        invocations: [invocation(summary, left_out)],
        results,
    };
    let log = Log { version: "2.1.0", schema: SCHEMA, runs: [run] };
    serde_json::to_writer_pretty(&mut *out, &log).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

/// What results are sorted by: the gravest first, then such that the same findings give the same bytes.
fn key(found: &Found) -> (usize, [&str; 5]) {
    let Found { plugin, finding, .. } = found;
    let texts = [&finding.rule, &finding.location, &finding.message, &finding.evidence, plugin];
    (facts::severity_rank(&finding.severity), texts.map(String::as_str))
}

fn rule_id(found: &Found) -> String {
    if found.finding.rule.is_empty() { UNNAMED_RULE.to_owned() } else { one_line(&found.finding.rule) }
}

/// Rules by id; each is as grave as its gravest finding, which stands first.
fn rules(found: &[Found]) -> Vec<Rule> {
    let mut of_rule: BTreeMap<String, Vec<&Found>> = BTreeMap::new();
    for found in found {
        of_rule.entry(rule_id(found)).or_default().push(found);
    }
    of_rule.into_iter().map(|(id, found)| rule(id, &found)).collect()
}

fn rule(id: String, found: &[&Found]) -> Rule {
    let first = found.first().map(|found| &found.finding);
    let severity = first.map_or("", |finding| finding.severity.as_str());
    // Viewers show it as the title of every result: a message that is of one place only would be wrong there.
    let message = first.map_or("", |finding| finding.message.as_str());
    let same = !message.is_empty() && found.iter().all(|found| found.finding.message == message);
    let title = one_line(if same { message } else { &id });
    let title = title.get(..title.floor_char_boundary(MAX_SARIF_TITLE_BYTES)).unwrap_or_default();
    let mut remedies = found.iter().map(|found| &found.finding.remedy);
    let help = remedies.find(|remedy| !remedy.is_empty()).map(|remedy| Message::literal(remedy));
    let plugins = found.iter().filter(|found| !found.plugin.is_empty()).map(|found| one_line(&found.plugin));
    let mut tags: BTreeSet<String> = plugins.collect();
    if found.iter().any(|found| !found.finding.confidence.is_empty()) {
        tags.insert("security".to_owned());
    }
    Rule {
        id,
        short_description: Message::literal(title),
        help,
        default_configuration: Configuration { level: level(severity) },
        properties: RuleProperties { security_severity: security_severity(severity), tags },
    }
}

fn result(summary: &Summary, found: &Found, index: &BTreeMap<&str, usize>) -> Outcome {
    let Found { plugin, count, finding } = found;
    let rule_id = rule_id(found);
    let shown: Vec<&str> = [&finding.message, &finding.evidence]
        .into_iter()
        .map(String::as_str)
        .filter(|text| !text.is_empty())
        .collect();
    let text = if shown.is_empty() { rule_id.clone() } else { shown.join("\n") };
    let fingerprint = fingerprint([&finding.rule, &finding.location, &finding.message]);
    let logical = (!finding.location.is_empty())
        .then(|| LogicalLocation { fully_qualified_name: one_line(&finding.location), kind: "resource" });
    Outcome {
        rule_index: index.get(rule_id.as_str()).copied().unwrap_or_default(),
        rule_id,
        level: level(&finding.severity),
        message: Message::template(&text),
        locations: [Location {
            physical_location: PhysicalLocation {
                artifact_location: ArtifactLocation { uri: uri(summary, found) },
                region: Region { start_line: 1 },
            },
            logical_locations: logical.into_iter().collect(),
        }],
        occurrence_count: (*count > 0).then_some(*count),
        partial_fingerprints: Fingerprints {
            // The one name that GitHub tells alerts apart by.
            primary_location_line_hash: format!("{fingerprint}:1"),
            own: fingerprint,
        },
        properties: ResultProperties {
            plugin: one_line(plugin),
            severity: one_line(&finding.severity),
            confidence: one_line(&finding.confidence),
            evidence: plain_lines(&finding.evidence).into_owned(),
            remedy: plain_lines(&finding.remedy).into_owned(),
        },
    }
}

fn level(severity: &str) -> &'static str {
    match facts::severity_rank(severity) {
        0 | 1 => "error",
        2 => "warning",
        _ => "note",
    }
}

/// A score of the range that GitHub calls by the same word; what is only told has none.
fn security_severity(severity: &str) -> &'static str {
    match facts::severity_rank(severity) {
        0 => "9.0",
        1 => "7.5",
        2 => "5.0",
        3 => "3.0",
        _ => "0.0",
    }
}

/// A relative reference to what the finding is about.
fn uri(summary: &Summary, found: &Found) -> String {
    let run = &summary.run;
    let names = [&found.plugin, &run.plugin.name, &run.name];
    let named = || names.into_iter().find_map(|name| relative(name));
    path(&found.finding.location).or_else(named).unwrap_or_else(|| "stresshost".to_owned())
}

/// The path in a location such as `GET /products/{id} in browse`, `http://shop:8080/cart` or `products/search`.
fn path(location: &str) -> Option<String> {
    const AROUND: [char; 5] = ['`', '\'', '"', ',', ';'];
    let words = || location.split_whitespace().map(|word| word.trim_matches(AROUND));
    let word = words()
        .find(|word| word.starts_with('/') || word.contains("://"))
        .or_else(|| words().find(|word| word.contains('/')))?;
    let word = word.split(['?', '#']).next().unwrap_or_default();
    let of_url = |(_, after): (&str, &str)| after.split_once('/').map(|(_, path)| path.to_owned());
    match word.split_once("://").filter(|_| !word.starts_with('/')) {
        Some(url) => relative(&of_url(url)?),
        None => relative(word),
    }
}

/// Text as the path of a relative reference; `None` when nothing is left of it.
fn relative(text: &str) -> Option<String> {
    // A consumer may decode dots before it resolves them.
    let climbs =
        |segment: &str| matches!(segment.replace("%2e", ".").replace("%2E", ".").as_str(), "." | "..");
    let segments: Vec<_> =
        text.split('/').filter(|part| !part.is_empty() && !climbs(part)).map(encoded).collect();
    (!segments.is_empty()).then(|| segments.join("/"))
}

/// A segment of a path in the letters of RFC 3986. A colon is one of them, yet not in the first segment of a relative
/// reference. What is encoded already stays as it is.
fn encoded(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        let is_code = matches!(after, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
        let plain = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=@".contains(byte);
        if plain || *byte == b'%' && is_code {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// FNV-1a of 64 bits, which stays what it is from version to version. No text holds the byte between two of them.
fn fingerprint(texts: [&str; 3]) -> String {
    let bytes = texts.into_iter().flat_map(|text| text.bytes().chain([0xff]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// The plan's name and, after the last slash, the run's id: what GitHub reads as category and run.
fn automation_id(summary: &Summary) -> Option<String> {
    let (name, id) = (one_line(&summary.run.name), one_line(&summary.run.id));
    match (name.is_empty(), id.is_empty()) {
        (true, true) => None,
        (true, false) => Some(id),
        (false, _) => Some(format!("{name}/{id}")),
    }
}

fn invocation(summary: &Summary, left_out: usize) -> Invocation {
    let started = &summary.run.started;
    let told = (left_out > 0).then(|| Notification {
        level: "warning",
        message: Message::template(&format!(
            "{} findings of the least severity are left out.",
            format::count(u64::try_from(left_out).unwrap_or(u64::MAX))
        )),
    });
    Invocation {
        execution_successful: summary.verdict.status != VerdictStatus::Fault,
        start_time_utc: is_utc(started).then(|| started.clone()),
        tool_execution_notifications: told.into_iter().collect(),
    }
}

/// Whether a text is a time such as `2026-03-01T12:00:00Z`, with or without a fraction of a second.
fn is_utc(text: &str) -> bool {
    let Some(time) = text.strip_suffix('Z') else { return false };
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let shape = b"0000-00-00T00:00:00";
    let fits = |(byte, like): (u8, &u8)| if *like == b'0' { byte.is_ascii_digit() } else { byte == *like };
    whole.len() == shape.len()
        && whole.bytes().zip(shape).all(fits)
        && !fraction.is_empty()
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
}

#[derive(Serialize)]
struct Log {
    version: &'static str,
    #[serde(rename = "$schema")]
    schema: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    #[serde(skip_serializing_if = "Option::is_none")]
    automation_details: Option<AutomationDetails>,
    invocations: [Invocation; 1],
    results: Vec<Outcome>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
struct Driver {
    name: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    version: String,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: String,
    short_description: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<Message>,
    default_configuration: Configuration,
    properties: RuleProperties,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct RuleProperties {
    #[serde(rename = "security-severity")]
    security_severity: &'static str,
    tags: BTreeSet<String>,
}

#[derive(Serialize)]
struct AutomationDetails {
    id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time_utc: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Message,
}

/// A result, by a name that hides nothing.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    rule_id: String,
    rule_index: usize,
    level: &'static str,
    message: Message,
    locations: [Location; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    occurrence_count: Option<u64>,
    partial_fingerprints: Fingerprints,
    properties: ResultProperties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<LogicalLocation>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    fully_qualified_name: String,
    kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fingerprints {
    #[serde(rename = "stresshost/v1")]
    own: String,
    primary_location_line_hash: String,
}

#[derive(Serialize)]
struct ResultProperties {
    #[serde(skip_serializing_if = "String::is_empty")]
    plugin: String,
    severity: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    confidence: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    evidence: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    remedy: String,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

impl Message {
    /// Text that is shown as it is. A link in it would be one that a plugin or a server has made up.
    fn literal(text: &str) -> Self {
        Self { text: plain_lines(text).replace("](", "] (") }
    }

    /// Text of a place whose text may have arguments: there the format wants braces doubled.
    fn template(text: &str) -> Self {
        let Self { text } = Self::literal(text);
        Self { text: text.replace('{', "{{").replace('}', "}}") }
    }
}
