//! The load generators: how each is told what to load, and where it says what it did.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::ValueEnum;
use serde_json::Value;
use stresshost_metrics::Summary;
use tempfile::TempDir;

use crate::bench::child::{self, Finished, on_cores};
use crate::bench::rounds::Sample;
use crate::build::{self, Profile};
use crate::tools::find;

/// What a run may take beside its load: thousands of users or connections have to be made, and to end.
const SLACK: Duration = Duration::from_secs(120);

/// Exit codes of stresshost after which its numbers can be read: pass, and the generator was the bottleneck.
pub(crate) const READABLE: &[i32] = &[0, 12];

/// The tools, in the order in which they take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    Stresshost,
    Wrk,
    Oha,
}

/// A tool that is installed.
pub(crate) struct Generator {
    pub(crate) kind: Kind,
    program: PathBuf,
}

/// What to load, and how.
#[derive(Clone, Default)]
pub(crate) struct Load {
    pub(crate) url: String,
    /// A config for stresshost in place of the URL.
    pub(crate) config: Option<PathBuf>,
    pub(crate) connections: u32,
    /// Requests per second; without it every connection sends its next when the last is answered.
    pub(crate) rate_per_s: Option<u32>,
    pub(crate) seconds: u32,
    /// Threads that generate load.
    pub(crate) cores: u32,
    /// More arguments for stresshost.
    pub(crate) more: &'static [&'static str],
    /// Files in the directory where it runs, by name.
    pub(crate) files: Vec<(String, String)>,
    /// The plugin of stresshost; empty: `devstress`.
    pub(crate) plugin: &'static str,
}

/// A run that ended well, with what it left behind.
pub(crate) struct Ran {
    kind: Kind,
    pub(crate) finished: Finished,
    directory: TempDir,
}

/// Requests answered with success, as the tool itself counts them.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Counts {
    requests: u64,
    requests_per_s: f64,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Stresshost => "stresshost",
            Self::Wrk => "wrk",
            Self::Oha => "oha",
        }
    }
}

impl Generator {
    /// Stresshost, built for a profile.
    pub(crate) fn own(profile: Profile) -> anyhow::Result<Self> {
        Ok(Self { kind: Kind::Stresshost, program: build::product(profile)? })
    }

    /// Finds a tool, or builds it when it is ours.
    pub(crate) fn find(kind: Kind) -> anyhow::Result<Self> {
        let program = match kind {
            Kind::Stresshost => build::product(Profile::Dist)?,
            Kind::Wrk => find("wrk", "apt-get install wrk")?,
            Kind::Oha => find("oha", "cargo install --locked oha")?,
        };
        Ok(Self { kind, program })
    }

    /// Loads, on `cores` alone if some are named.
    pub(crate) fn run(&self, load: &Load, cores: Option<&str>) -> anyhow::Result<Ran> {
        let directory = tempfile::tempdir()?;
        for (name, content) in &load.files {
            std::fs::write(directory.path().join(name), content)?;
        }
        let mut command = on_cores(cores, &self.program)?;
        command.current_dir(directory.path()).args(arguments(self.kind, load));
        let limit = Duration::from_secs(u64::from(load.seconds)) + SLACK;
        let fine = if self.kind == Kind::Stresshost { READABLE } else { &[0] };
        let what = || format!("{} at {} connections", self.kind.name(), load.connections);
        let finished = child::run(self.kind.name(), &mut command, limit).with_context(what)?;
        finished.ended_with(fine).with_context(what)?;
        Ok(Ran { kind: self.kind, finished, directory })
    }
}

/// Arguments of every run of stresshost: the run directory is `out` in the current one.
pub(crate) const OWN: &[&str] =
    &["run", "--plugin", "devstress", "--out", "out", "--output-format", "json", "--quiet"];

fn arguments(kind: Kind, load: &Load) -> Vec<String> {
    let (connections, length) = (load.connections.to_string(), format!("{}s", load.seconds));
    let threads = load.cores.to_string();
    let rate = load.rate_per_s.map(|rate| rate.to_string());
    let mut all: Vec<&str> = Vec::new();
    match kind {
        Kind::Wrk => all.extend(["-t", &threads, "-c", &connections, "-d", &length, &load.url]),
        Kind::Oha => {
            all.extend(["-c", &connections, "-z", &length, "--no-tui", "--output-format", "json"]);
            if let Some(rate) = &rate {
                all.extend(["-q", rate, "--latency-correction"]);
            }
            all.push(&load.url);
        }
        Kind::Stresshost => {
            let own = OWN
                .iter()
                .map(|&arg| if arg == "devstress" && !load.plugin.is_empty() { load.plugin } else { arg });
            all.extend(own);
            all.extend(["--vus", &connections, "--duration", &length, "--cores", &threads]);
            if let Some(rate) = &rate {
                all.extend(["--rate", rate]);
            }
            all.extend(load.more);
            match &load.config {
                Some(config) => {
                    let config = ["--config".to_owned(), config.to_string_lossy().into_owned()];
                    return all.into_iter().map(str::to_owned).chain(config).collect();
                }
                None => all.push(&load.url),
            }
        }
    }
    all.into_iter().map(str::to_owned).collect()
}

impl Ran {
    /// The summary of a run of stresshost.
    pub(crate) fn summary(&self) -> anyhow::Result<Summary> {
        summary(self.directory.path())
    }

    /// The report of a run of oha.
    pub(crate) fn oha(&self) -> anyhow::Result<Value> {
        serde_json::from_slice(&self.finished.output.stdout).context("oha printed no JSON")
    }

    /// What a request took.
    pub(crate) fn sample(&self) -> anyhow::Result<Sample> {
        let counts = match self.kind {
            Kind::Stresshost => own_counts(&self.summary()?),
            Kind::Wrk => wrk_counts(&self.finished.stdout())?,
            Kind::Oha => oha_counts(&self.oha()?)?,
        };
        ensure!(counts.requests > 0, "{} made no requests: {}", self.kind.name(), self.finished.stdout());
        let Finished { cpu_s, wall_s, .. } = self.finished;
        Ok(Sample {
            cost_us: cpu_s * 1e6 / counts.requests as f64,
            requests_per_s: counts.requests_per_s,
            cores_used: cpu_s / wall_s,
        })
    }
}

/// The summary of a run of stresshost whose run directory is `out` in `directory`.
pub(crate) fn summary(directory: &Path) -> anyhow::Result<Summary> {
    let path = directory.join("out/summary.json");
    let text = std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(serde_json::from_slice(&text)?)
}

fn own_counts(summary: &Summary) -> Counts {
    let requests = summary.operations_done().saturating_sub(summary.operations_failed());
    Counts { requests, requests_per_s: requests as f64 / summary.run.duration_s }
}

fn wrk_counts(text: &str) -> anyhow::Result<Counts> {
    let refused = text.lines().find(|line| line.contains("Non-2xx"));
    ensure!(refused.is_none(), "wrk got answers that are no success: {text}");
    let number = |line: Option<&str>, word: usize| {
        let word = line.and_then(|line| line.split_whitespace().nth(word));
        word.map(str::to_owned).with_context(|| format!("wrk printed no count: {text}"))
    };
    let done = number(text.lines().find(|line| line.contains(" requests in ")), 0)?;
    let rate = number(text.lines().find(|line| line.starts_with("Requests/sec:")), 1)?;
    let wrong = "wrk's count is no number";
    Ok(Counts { requests: done.parse().context(wrong)?, requests_per_s: rate.parse().context(wrong)? })
}

fn oha_counts(report: &Value) -> anyhow::Result<Counts> {
    let requests = report["statusCodeDistribution"]["200"].as_u64().unwrap_or(0);
    let load_s = report["summary"]["total"].as_f64().context("oha does not say how long it took")?;
    Ok(Counts { requests, requests_per_s: requests as f64 / load_s })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_are_read_from_each_tools_own_words() {
        let wrk = "Running 4s test\n  400123 requests in 4.00s, 465.97MB read\nRequests/sec: 100030.75\n";
        let counts = wrk_counts(wrk).unwrap();
        assert_eq!(counts, Counts { requests: 400_123, requests_per_s: 100_030.75 });
        assert!(wrk_counts("nothing").is_err());
        assert!(wrk_counts(&format!("{wrk}  Non-2xx or 3xx responses: 3\n")).is_err());
        let oha = json!({ "summary": { "total": 2.0 }, "statusCodeDistribution": { "200": 76, "500": 3 } });
        assert_eq!(oha_counts(&oha).unwrap(), Counts { requests: 76, requests_per_s: 38.0 });
    }

    #[test]
    fn every_tool_gets_the_same_load() {
        let load = Load { url: "http://x/".into(), connections: 50, seconds: 4, cores: 1, ..Load::default() };
        let words = |kind, load: &Load| arguments(kind, load).join(" ");
        assert_eq!(words(Kind::Wrk, &load), "-t 1 -c 50 -d 4s http://x/");
        assert!(words(Kind::Oha, &load).starts_with("-c 50 -z 4s "));
        assert!(words(Kind::Stresshost, &load).ends_with("--vus 50 --duration 4s --cores 1 http://x/"));
        let open = Load { rate_per_s: Some(20_000), ..load };
        assert!(words(Kind::Oha, &open).ends_with("-q 20000 --latency-correction http://x/"));
        let config = Load { config: Some("c.yaml".into()), more: &["--ignore-capacity"], ..open };
        let own = words(Kind::Stresshost, &config);
        assert!(own.ends_with("--cores 1 --rate 20000 --ignore-capacity --config c.yaml"), "{own}");
    }
}
