//! `bench apis`: requests per second of APIStress on one core, with no answer, a tenth and all of them held against their
//! schema, beside DevStress with the same requests, in alternating rounds.
//!
//! The server is one nginx on another core. What is compared is throughput: the generator's core is what limits it.

use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;
use serde_json::{Value, json};
use stresshost_metrics::Summary;

use crate::bench::child::{GENERATOR_CORE, SERVER_CORE};
use crate::bench::generator::{Generator, Load};
use crate::bench::nginx::Nginx;
use crate::bench::output::write_json;
use crate::bench::rounds::{Paired, Sample};
use crate::bench::stats::Spread;
use crate::build::Profile;

/// What to measure, how long and how often.
#[derive(Args)]
pub(crate) struct Options {
    /// Connections
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// Seconds of each round
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Rounds that count, of each contestant
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Which build of stresshost
    #[arg(long, default_value = "dist")]
    build: Profile,
    /// Also write the results here as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Contestants: a name, the plugin, its arguments, and of how many answers one is held against the schema (0: of none).
const CONTESTANTS: [(&str, &str, &[&str], u64); 4] = [
    ("devstress", "devstress", &["--header", "Accept: application/json"], 0),
    ("apistress, none", "apistress", &["--schema-file", "api.json", "--validate", "none"], 0),
    ("apistress, 10%", "apistress", &["--schema-file", "api.json", "--validate", "10%"], 10),
    ("apistress, all", "apistress", &["--schema-file", "api.json", "--validate", "all"], 1),
];

/// A document of the JSON that nginx serves, as people write them: nested, with bounds and required fields.
fn document() -> Value {
    let item = json!({ "type": "object", "required": ["sku", "price_cents", "stock"], "properties": {
        "sku": { "type": "string", "minLength": 1, "maxLength": 20 },
        "price_cents": { "type": "integer", "minimum": 0 }, "stock": { "type": "integer", "minimum": 0 } } });
    let schema = json!({ "type": "object", "required": ["id", "items"], "properties": {
        "id": { "type": "integer" }, "note": { "type": "string" },
        "items": { "type": "array", "minItems": 1, "items": { "$ref": "#/components/schemas/Item" } } } });
    let answer = json!({ "content": { "application/json": { "schema": schema } } });
    json!({ "openapi": "3.1.0", "info": { "title": "Items", "version": "1" },
        "components": { "schemas": { "Item": item } }, "paths": { "/json": { "get": { "responses": { "200": answer } } } } })
}

/// Measures and prints a table.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let generator = Generator::own(options.build)?;
    let server = Nginx::start(Some(SERVER_CORE), 1)?;
    let files = vec![("api.json".to_owned(), document().to_string())];
    let load = |index: usize| {
        let (_, plugin, more, _) = CONTESTANTS[index];
        let url = if plugin == "devstress" { format!("{}/json", server.origin()) } else { server.origin() };
        let load = Load {
            url,
            connections: options.connections,
            seconds: options.seconds,
            cores: 1,
            ..Load::default()
        };
        Load { plugin, more, files: files.clone(), ..load }
    };
    let names = CONTESTANTS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    let title = format!("{} connections", options.connections);
    let mut validation_us = vec![0.0; CONTESTANTS.len()];
    let paired = Paired::measure(&title, names, options.rounds, |index| {
        let ran = generator.run(&load(index), Some(GENERATOR_CORE))?;
        validation_us[index] = checked(&ran.summary()?, CONTESTANTS[index].3)?;
        ran.sample()
    })?;
    let build = options.build.name();
    let title = format!(
        "APIs: {} connections, one core, {} rounds, {build} build",
        options.connections, options.rounds
    );
    let rows = paired.report(&title, "contestant", "throughput / devstress", |index| {
        paired.ratios(index, 0, |sample: &Sample| sample.requests_per_s)
    });
    for (index, (name, _, _, one_in)) in CONTESTANTS.iter().enumerate().skip(1) {
        let kept = Spread::of(&paired.ratios(index, 0, |sample: &Sample| sample.requests_per_s)).median;
        if *one_in > 0 {
            println!(
                "{name}: {:.1}% of the throughput; one answer takes {:.1} us to check",
                kept * 100.0,
                validation_us[index]
            );
        }
    }
    write_json(options.json.as_deref(), "apis", rows)
}

/// Microseconds of one validation, when as many answers were checked as should be.
fn checked(summary: &Summary, one_in: u64) -> anyhow::Result<f64> {
    let held =
        |name: &str| summary.checks.iter().find(|check| check.name == name).map_or(0, |check| check.passed);
    let (done, held) = (summary.operations_done(), held("response_schema_conformance"));
    ensure!(summary.findings.is_empty(), "the answers are as documented: {:?}", summary.findings.first());
    let Some(wanted) = done.checked_div(one_in) else { return Ok(0.0) };
    ensure!(
        held + 200 >= wanted && held <= wanted + 200,
        "{held} of {done} answers were checked, not {wanted}"
    );
    let of_validation = summary.metrics.iter().find_map(|metric| match &metric.value {
        stresshost_metrics::MetricValueSummary::Distribution { values, .. } => Some(values.mean),
        _ => None,
    });
    Ok(of_validation.unwrap_or(0.0))
}
