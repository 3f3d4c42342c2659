//! `bench open`: how late stresshost begins its requests at a constant rate, beside oha's latencies at the same rate.
//!
//! The generator has one core, nginx another. Lag is what lies between the instant the schedule intended and the actual
//! start; response time runs from the intended one, as oha's corrected latencies do. The two run one after the other.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};
use stresshost_metrics::{IterationsSummary, Percentiles, Summary};

use crate::bench::child::{GENERATOR_CORE, SERVER_CORE};
use crate::bench::generator::{Generator, Kind, Load};
use crate::bench::nginx::Nginx;
use crate::bench::output::{table, write_json};
use crate::bench::rounds::Sample;

/// The bar: 99.9% of the requests begin within this, and none is dropped.
const LAG_P999_MOST_US: u64 = 1_000;

/// What to measure and how long.
#[derive(Args)]
pub(crate) struct Options {
    /// Requests per second
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// Virtual users of stresshost, connections of oha: the most requests in flight
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    vus: u32,
    /// Seconds of each run
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Also write the results here as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

/// A distribution in microseconds, of which oha tells the same points.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Points {
    p50_us: f64,
    p99_us: f64,
    p999_us: f64,
    max_us: f64,
}

/// What stresshost says of a run.
struct Own {
    lag: Points,
    response: Points,
    own_lag_p99_us: u64,
    iterations: IterationsSummary,
    busiest_core_share: f64,
    verdict: &'static str,
}

/// Measures and prints a table and whether the bar holds.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let (own, oha) = (Generator::find(Kind::Stresshost)?, Generator::find(Kind::Oha)?);
    let server = Nginx::start(Some(SERVER_CORE), 1)?;
    let load = Load {
        url: format!("{}/", server.origin()),
        connections: options.vus,
        rate_per_s: Some(options.rate),
        seconds: options.seconds,
        cores: 1,
        ..Load::default()
    };
    let own = own.run(&load, Some(GENERATOR_CORE))?;
    let oha = oha.run(&load, Some(GENERATOR_CORE))?;
    let (own_sample, oha_sample) = (own.sample()?, oha.sample()?);
    let (own, reference) = (Own::read(&own.summary()?)?, oha_points(&oha.oha()?)?);

    let Options { rate, vus, seconds, .. } = *options;
    println!("\n{rate}/s for {seconds} s, up to {vus} at once, one core; microseconds");
    print_points(&[
        ("stresshost, lag", own.lag),
        ("stresshost, response", own.response),
        ("oha, corrected latency", reference),
    ]);
    print_costs(&[("stresshost", own_sample), ("oha", oha_sample)]);
    own.print();
    let results = json!({
        "rate_per_s": rate, "vus": vus, "seconds": seconds,
        "stresshost": own.json(&own_sample),
        "oha": { "latency": reference.json(), "cost": cost_json(&oha_sample) },
    });
    write_json(options.json.as_deref(), "open", results)
}

impl Own {
    fn read(summary: &Summary) -> anyhow::Result<Self> {
        let overall = summary.overall.as_ref().context("no request ended")?;
        let points = |of: Option<Percentiles>| of.as_ref().map(Points::of).context("no request was timed");
        let mut iterations = IterationsSummary::default();
        for scenario in &summary.scenarios {
            iterations.due += scenario.iterations.due;
            iterations.started += scenario.iterations.started;
            iterations.dropped += scenario.iterations.dropped;
        }
        Ok(Self {
            lag: points(overall.lag_us)?,
            response: points(overall.response_us)?,
            own_lag_p99_us: summary.generator.own_lag_p99_us,
            iterations,
            busiest_core_share: summary.generator.busiest_core_share,
            verdict: summary.verdict.status.label(),
        })
    }

    fn holds(&self) -> bool {
        self.lag.p999_us < LAG_P999_MOST_US as f64 && self.iterations.dropped == 0
    }

    fn print(&self) {
        let IterationsSummary { due, started, dropped, .. } = self.iterations;
        println!("  due {due} = started {started} + dropped {dropped}, verdict {}", self.verdict);
        println!(
            "  late by the generator's own fault at p99: {} us; its core was busy for {:.0}% of the load",
            self.own_lag_p99_us,
            self.busiest_core_share * 100.0,
        );
        println!(
            "  The bar, p99.9 of lag below {LAG_P999_MOST_US} us and nothing dropped, {}",
            if self.holds() { "holds." } else { "does not hold." },
        );
    }

    fn json(&self, sample: &Sample) -> Value {
        let IterationsSummary { due, started, dropped, .. } = self.iterations;
        json!({
            "lag": self.lag.json(), "response": self.response.json(), "own_lag_p99_us": self.own_lag_p99_us,
            "due": due, "started": started, "dropped": dropped, "busiest_core_share": self.busiest_core_share,
            "verdict": self.verdict, "bar_holds": self.holds(), "cost": cost_json(sample),
        })
    }
}

impl Points {
    fn of(percentiles: &Percentiles) -> Self {
        let Percentiles { p50, p99, p999, max, .. } = *percentiles;
        let [p50_us, p99_us, p999_us, max_us] = [p50, p99, p999, max].map(|us| us as f64);
        Self { p50_us, p99_us, p999_us, max_us }
    }

    fn cells(&self) -> [f64; 4] {
        [self.p50_us, self.p99_us, self.p999_us, self.max_us]
    }

    fn json(&self) -> Value {
        json!({ "p50_us": self.p50_us, "p99_us": self.p99_us, "p999_us": self.p999_us, "max_us": self.max_us })
    }
}

/// oha counts in seconds.
fn oha_points(report: &Value) -> anyhow::Result<Points> {
    let us = |value: &Value| value.as_f64().map(|s| s * 1e6).context("oha told no latencies");
    let latency = &report["latencyPercentiles"];
    Ok(Points {
        p50_us: us(&latency["p50"])?,
        p99_us: us(&latency["p99"])?,
        p999_us: us(&latency["p99.9"])?,
        max_us: us(&report["summary"]["slowest"])?,
    })
}

fn print_points(rows: &[(&str, Points)]) {
    let row = |(name, points): &(&str, Points)| {
        let cells = points.cells().map(|us| format!("{us:.0}"));
        std::iter::once((*name).to_owned()).chain(cells).collect()
    };
    let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
    print!("{}", table(&["", "p50", "p99", "p99.9", "max"], &rows));
}

fn print_costs(rows: &[(&str, Sample)]) {
    let row = |(name, sample): &(&str, Sample)| {
        let Sample { cost_us, requests_per_s, cores_used } = sample;
        vec![
            (*name).to_owned(),
            format!("{cost_us:.2}"),
            format!("{requests_per_s:.0}"),
            format!("{cores_used:.2}"),
        ]
    };
    let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
    print!("{}", table(&["", "CPU us/request", "requests/s", "cores used"], &rows));
}

fn cost_json(sample: &Sample) -> Value {
    let Sample { cost_us, requests_per_s, cores_used } = sample;
    json!({ "cost_us": cost_us, "requests_per_s": requests_per_s, "cores_used": cores_used })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oha_tells_the_same_points_in_seconds() {
        let report = json!({
            "summary": { "slowest": 0.5 },
            "latencyPercentiles": { "p50": 0.25, "p99": 0.25, "p99.9": 0.5 },
        });
        let points = oha_points(&report).unwrap();
        assert_eq!(points.cells(), [250_000.0, 250_000.0, 500_000.0, 500_000.0]);
        assert!(oha_points(&json!({})).is_err());
    }

    #[test]
    fn the_bar_is_of_lag_and_of_what_was_dropped() {
        let own = |p999_us: f64, dropped: u64| {
            let points = Points { p50_us: 1.0, p99_us: 2.0, p999_us, max_us: 9_000.0 };
            let iterations = IterationsSummary { dropped, ..IterationsSummary::default() };
            let (lag, response) = (points, points);
            Own { lag, response, own_lag_p99_us: 1, iterations, busiest_core_share: 0.5, verdict: "PASS" }
        };
        assert!(own(999.0, 0).holds());
        assert!(!own(1_000.0, 0).holds() && !own(10.0, 1).holds());
    }
}
