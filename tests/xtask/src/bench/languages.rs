//! `bench languages`: what a language costs. The examples of the SDKs, which do the same scenario, each alone against a shop.
//!
//! Start: from just before the process is started until it has ended, with one iteration; with the component compiled before,
//! the least of five, and without. Memory: what a run of many users has more of at its peak than a run of one. CPU: of the
//! generator's process, over requests; the shop has the other core.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Value, json};
use stresshost_metrics::Summary;

use crate::bench::child::{self, GENERATOR_CORE, SERVER_CORE, on_cores};
use crate::bench::output::{table, write_json};
use crate::build::{self, Profile};
use crate::sdk_tools;
use crate::tools::{cargo, must, root, target_dir};

/// What a run may take; compiling an interpreter takes a while.
const LIMIT: Duration = Duration::from_secs(300);

/// An example of a language's SDK.
struct Example {
    name: &'static str,
    /// The template of `stresshost new`.
    template: &'static str,
    /// The file of the project that the example replaces.
    file: &'static str,
    example: &'static str,
    /// Another command of `stresshost.yaml`, instead of the template's.
    instead: Option<(&'static str, &'static str)>,
}

const EXAMPLES: [Example; 5] = [
    Example { name: "c", template: "c", file: "app.c", example: "c/example/app.c", instead: None },
    Example { name: "go", template: "go", file: "app.go", example: "go/example/app.go", instead: None },
    Example {
        name: "js (QuickJS)",
        template: "js",
        file: "src/app.js",
        example: "js/example/app.js",
        instead: None,
    },
    Example {
        name: "js (StarlingMonkey)",
        template: "js",
        file: "src/app.js",
        example: "js/example/app.js",
        instead: Some((
            "componentize-qjs, --wit, wit, --world, workload, --js, build/app.js, --sync, --output,",
            "componentize-js, build/app.js, --wit, wit, --world-name, workload, --out,",
        )),
    },
    Example {
        name: "python",
        template: "python",
        file: "app.py",
        example: "python/example/app.py",
        instead: None,
    },
];

/// How much to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Virtual users whose memory is measured
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(2..))]
    users: u32,
    /// Iterations of which the CPU is measured
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(100..))]
    iterations: u32,
    /// Which build of stresshost
    #[arg(long, default_value = "dist")]
    build: Profile,
    /// Also write the results here as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Builds the examples, measures them and prints a table.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let program = build::product(options.build)?;
    must(cargo().args(["build", "--profile", options.build.name(), "-p", "stresshost-shop"]))?;
    let tools = sdk_tools::install()?;
    let work = tempfile::tempdir()?;
    let mut components = vec![("rust", target_dir()?.join("wasm32-wasip2/plugin/examples/shopper.wasm"))];
    for example in &EXAMPLES {
        components.push((example.name, component(&program, &tools, work.path(), example)?));
    }
    let shop = Shop::start(&program)?;
    let rows = components.iter().map(|(language, component)| {
        eprintln!("  {language}");
        Bench { program: &program, component, url: &shop.url, work: work.path() }.measure(language, options)
    });
    let rows = rows.collect::<anyhow::Result<Vec<Row>>>()?;
    println!("\nThe shopper in each language, {} build", options.build.name());
    let head = [
        "language",
        "component KiB",
        "cold start ms",
        "cached start ms",
        "KiB per user",
        "CPU us per request",
    ];
    print!("{}", table(&head, &rows.iter().map(Row::cells).collect::<Vec<_>>()));
    write_json(options.json.as_deref(), "languages", Value::Array(rows.iter().map(Row::json).collect()))
}

/// Builds an example as an author would.
fn component(program: &Path, tools: &Path, work: &Path, example: &Example) -> anyhow::Result<PathBuf> {
    let project = work.join(example.name);
    must(Command::new(program).args(["new", "shopper", "--lang", example.template, "--dir"]).arg(&project))?;
    std::fs::copy(root().join("sdk").join(example.example), project.join(example.file))?;
    if example.template == "js" {
        std::os::unix::fs::symlink(tools.join("js/node_modules"), project.join("node_modules"))?;
    }
    if let Some((command, instead)) = example.instead {
        let settings = project.join("stresshost.yaml");
        std::fs::write(&settings, std::fs::read_to_string(&settings)?.replace(command, instead))?;
    }
    let mut build = Command::new(program);
    build.args(["plugin", "build"]).arg(&project).env("PATH", path_with(&tools.join("python/bin"))?);
    must(&mut build)?;
    Ok(project.join("shopper.wasm"))
}

#[expect(clippy::disallowed_methods, reason = "PATH is the machine's, not a setting of stresshost")]
fn path_with(directory: &Path) -> anyhow::Result<std::ffi::OsString> {
    let path = std::env::var("PATH").unwrap_or_default();
    Ok(std::env::join_paths(std::iter::once(directory.to_owned()).chain(std::env::split_paths(&path)))?)
}

/// A shop on a port of its own, which ends with this value.
struct Shop {
    child: Child,
    url: String,
}

impl Shop {
    fn start(program: &Path) -> anyhow::Result<Self> {
        use std::io::BufRead;

        let mut command = on_cores(Some(SERVER_CORE), &program.with_file_name("shop"))?;
        let mut child =
            command.args(["--port", "0"]).stdout(Stdio::piped()).spawn().context("cannot start the shop")?;
        let mut url = String::new();
        let stdout = child.stdout.take().context("the shop has no output")?;
        std::io::BufReader::new(stdout).read_line(&mut url)?;
        Ok(Self { child, url: url.trim().to_owned() })
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

struct Bench<'a> {
    program: &'a Path,
    component: &'a Path,
    url: &'a str,
    work: &'a Path,
}

impl Bench<'_> {
    fn measure(&self, language: &str, options: &Options) -> anyhow::Result<Row> {
        let cold = tempfile::tempdir()?;
        let (_, cold_s) = self.run(cold.path(), 1, 1)?;
        let starts: Vec<f64> = (0..5)
            .map(|_| self.run(cold.path(), 1, 1).map(|(_, wall_s)| wall_s))
            .collect::<anyhow::Result<_>>()?;
        let one = self.run(cold.path(), 1, 10)?.0;
        let many = self.run(cold.path(), options.users, 10 * options.users)?.0;
        let load = self.run(cold.path(), 1, options.iterations)?.0;
        let (little, requests) = (one.generator.cpu_s, load.operations_done() - one.operations_done());
        let more = many.generator.rss_max_bytes.saturating_sub(one.generator.rss_max_bytes);
        Ok(Row {
            language: language.to_owned(),
            component_bytes: std::fs::metadata(self.component)?.len(),
            cold_ms: cold_s * 1e3,
            cached_ms: starts.iter().copied().fold(f64::INFINITY, f64::min) * 1e3,
            user_bytes: more / u64::from(options.users - 1),
            request_us: (load.generator.cpu_s - little) * 1e6 / requests as f64,
        })
    }

    /// A run to its end; its summary and how long it took.
    fn run(&self, cache: &Path, users: u32, iterations: u32) -> anyhow::Result<(Summary, f64)> {
        let out = self.work.join("out");
        drop(std::fs::remove_dir_all(&out));
        let mut command = on_cores(Some(GENERATOR_CORE), self.program)?;
        command.args(["run", "--plugin"]).arg(self.component).arg(self.url);
        command.args(["--vus", &users.to_string(), "--iterations", &iterations.to_string(), "--cores", "1"]);
        command
            .args(["--quiet", "--output-format", "json", "--out"])
            .arg(&out)
            .env("STRESSHOST_CACHE_DIR", cache);
        let finished = child::run("stresshost", &mut command, LIMIT)?;
        // 12: a short run on a busy machine may be invalid, which matters little here.
        finished.ended_with(&[0, 12])?;
        let summary: Summary = serde_json::from_slice(&std::fs::read(out.join("summary.json"))?)?;
        if summary.operations_done() != 3 * u64::from(iterations) {
            bail!("{} operations, not {}", summary.operations_done(), 3 * iterations);
        }
        Ok((summary, finished.wall_s))
    }
}

/// What one language costs.
struct Row {
    language: String,
    component_bytes: u64,
    cold_ms: f64,
    cached_ms: f64,
    user_bytes: u64,
    request_us: f64,
}

impl Row {
    fn cells(&self) -> Vec<String> {
        vec![
            self.language.clone(),
            (self.component_bytes / 1024).to_string(),
            format!("{:.0}", self.cold_ms),
            format!("{:.0}", self.cached_ms),
            (self.user_bytes / 1024).to_string(),
            format!("{:.1}", self.request_us),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "language": self.language, "component_bytes": self.component_bytes, "cold_ms": self.cold_ms,
            "cached_ms": self.cached_ms, "user_bytes": self.user_bytes, "request_us": self.request_us,
        })
    }
}
