//! `bench memory`: resident bytes of a virtual user, with a live connection and without one.
//!
//! The value is what a run of N users has more of at its peak than a run of one, over N; what the kernel holds for sockets
//! is not part of it. With a connection: every user keeps sending on one it keeps alive. Without: so few iterations are due
//! that almost no user ever has one. For comparison: the best that k6 publishes of itself is 360 KB per virtual user.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Value, json};

use crate::bench::child::{GENERATOR_CORE, SERVER_CORE};
use crate::bench::generator::{Generator, Kind, Load};
use crate::bench::nginx::Nginx;
use crate::bench::output::{table, write_json};

/// Iterations per second of users that are to stay without a connection.
const IDLE_RATE_PER_S: u32 = 10;

const MIB: f64 = 1024.0 * 1024.0;

/// What to measure and how long.
#[derive(Args)]
pub(crate) struct Options {
    /// Numbers of virtual users
    #[arg(long, value_delimiter = ',', default_value = "1000,10000,50000", value_parser = clap::value_parser!(u32).range(2..))]
    vus_list: Vec<u32>,
    /// Most users that each get a connection: it takes a descriptor on both sides and a local port
    #[arg(long, default_value_t = 10_000)]
    connected_most: u32,
    /// Seconds of each load
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Also write the results here as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

/// The peak of one run.
struct Point {
    connected: bool,
    users: u32,
    rss_max_bytes: u64,
    /// The same of a run with one user.
    base_bytes: u64,
}

/// Measures, prints a table and fails when a number of users could not be run.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let generator = Generator::find(Kind::Stresshost)?;
    let server = Nginx::start(Some(SERVER_CORE), 1)?;
    let load =
        Load { url: format!("{}/", server.origin()), seconds: options.seconds, cores: 1, ..Load::default() };
    let (mut points, mut failed) = (Vec::new(), Vec::new());
    for connected in [true, false] {
        let base_bytes = rss_max_bytes(&generator, &load, connected, 1)?;
        let most = if connected { options.connected_most } else { u32::MAX };
        for &users in options.vus_list.iter().filter(|&&users| users <= most) {
            eprintln!("  {users} users, {}", name(connected));
            match rss_max_bytes(&generator, &load, connected, users) {
                Ok(rss_max_bytes) => points.push(Point { connected, users, rss_max_bytes, base_bytes }),
                // The others can be measured all the same.
                Err(error) => failed.push(format!("{users} users, {}: {error:#}", name(connected))),
            }
        }
    }
    println!("\nPeak of resident memory");
    let head = ["", "users", "KiB per user", "MiB in all", "MiB of one user"];
    print!("{}", table(&head, &points.iter().map(Point::cells).collect::<Vec<_>>()));
    let results = points.iter().map(Point::json).collect();
    write_json(options.json.as_deref(), "memory", Value::Array(results))?;
    if !failed.is_empty() {
        bail!("not everything could be measured:\n{}", failed.join("\n"));
    }
    Ok(())
}

const fn name(connected: bool) -> &'static str {
    if connected { "connected" } else { "without connection" }
}

fn rss_max_bytes(generator: &Generator, load: &Load, connected: bool, users: u32) -> anyhow::Result<u64> {
    let load = Load { connections: users, ..load.clone() };
    let load = if connected {
        load
    } else {
        // stresshost expects a descriptor and a port for every user, which these do not take.
        Load { rate_per_s: Some(IDLE_RATE_PER_S), more: &["--ignore-capacity"], ..load }
    };
    let ran = generator.run(&load, Some(GENERATOR_CORE)).with_context(|| {
        format!("`stresshost plan` names what {users} users need; `sysctl vm.max_map_count` may be too low")
    })?;
    let summary = ran.summary()?;
    let connects = summary.operations.iter().filter_map(|operation| operation.phases_us.get("connect"));
    let made: u64 = connects.map(|connect| connect.count).sum();
    if connected && made < u64::from(users) {
        bail!("only {made} of {users} users had a connection; give more --seconds");
    }
    Ok(summary.generator.rss_max_bytes)
}

impl Point {
    fn bytes_per_user(&self) -> f64 {
        self.rss_max_bytes.saturating_sub(self.base_bytes) as f64 / f64::from(self.users)
    }

    fn cells(&self) -> Vec<String> {
        vec![
            name(self.connected).to_owned(),
            self.users.to_string(),
            format!("{:.1}", self.bytes_per_user() / 1024.0),
            format!("{:.0}", self.rss_max_bytes as f64 / MIB),
            format!("{:.0}", self.base_bytes as f64 / MIB),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "connected": self.connected, "users": self.users, "bytes_per_user": self.bytes_per_user(),
            "rss_max_bytes": self.rss_max_bytes, "one_user_rss_max_bytes": self.base_bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_costs_what_many_have_more_than_one() {
        let point = Point { connected: true, users: 1_000, rss_max_bytes: 120 << 20, base_bytes: 20 << 20 };
        assert_eq!(point.bytes_per_user(), 104_857.6);
        assert_eq!(point.cells(), ["connected", "1000", "102.4", "120", "20"]);
    }
}
