//! What the doors share: where the built programs are, and how to run them.
//!
//! `cargo xtask test` builds what is needed here. A program that is missing is an error that says how to build it.

mod docker_registry;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use stresshost_metrics::{MAX_CORE_SHARE, MAX_OWN_LAG_US, MIN_LATE_STARTS, Summary, VerdictStatus};

pub use docker_registry::DockerRegistry;

/// Directory of this build's programs, such as `target/debug`: the doors run from `deps` below it.
fn build_dir() -> PathBuf {
    let door = std::env::current_exe().expect("path of this test");
    let deps = door.parent().expect("a test lies in a directory");
    deps.parent().expect("`deps` lies in the build directory").to_owned()
}

fn built(path: PathBuf, command: &str) -> PathBuf {
    assert!(path.exists(), "`{}` is missing: run `cargo xtask test`, or `{command}`", path.display());
    path
}

/// A program of this workspace, such as `stresshost` or `shop`.
pub fn program(name: &str) -> PathBuf {
    built(build_dir().join(name), "cargo build -p stresshost -p stresshost-shop")
}

/// A first-party plugin's component.
pub fn plugin(name: &str) -> PathBuf {
    let path = build_dir().join(format!("../wasm32-wasip2/plugin/{name}.wasm"));
    built(path, &format!("cargo build -p {name} --target wasm32-wasip2 --profile plugin"))
}

/// A test guest's component; see `tests/guests`.
pub fn guest(name: &str) -> PathBuf {
    let path = build_dir().join(format!("../wasm32-wasip2/plugin/examples/{name}.wasm"));
    built(path, "cargo build -p stresshost-guests --examples --target wasm32-wasip2 --profile plugin")
}

/// Directory of the tools that make components of other languages, as `cargo xtask sdk-tools` installs them.
pub fn sdk_tools() -> PathBuf {
    built(build_dir().join("../sdk-tools"), "cargo xtask sdk-tools")
        .canonicalize()
        .expect("path of the tools")
}

/// A component of the Rust SDK's examples.
pub fn rust_example(name: &str) -> PathBuf {
    let path = build_dir().join(format!("../wasm32-wasip2/plugin/examples/{name}.wasm"));
    built(path, "cargo build -p stresshost-sdk --example shopper --target wasm32-wasip2 --profile plugin")
}

/// Where a build of a new Rust project goes, so that its dependencies are compiled once.
pub fn shared_target() -> PathBuf {
    build_dir().join("../sdk-target")
}

/// A temporary directory with a home of its own, so that no test sees the user's files or another test's.
pub struct Project {
    dir: tempfile::TempDir,
}

impl Default for Project {
    fn default() -> Self {
        Self { dir: tempfile::tempdir().expect("temporary directory") }
    }
}

impl Project {
    /// The directory commands run in.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file into the directory.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).expect("write a test's file");
        path
    }

    /// `stresshost`, to be run in the directory with a clean environment.
    pub fn stresshost(&self) -> Command {
        self.command(&program("stresshost"))
    }

    /// A program, to be run in the directory with a clean environment. Compiled plugins are shared between tests in
    /// the build directory: compiling them anew for each test would only cost time.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path())
            .env("STRESSHOST_CACHE_DIR", build_dir().join("stresshost-test-cache"))
            .env("COLUMNS", "100");
        command
    }

    /// Runs `stresshost` with these arguments to its end.
    pub fn run(&self, args: &[&str]) -> Finished {
        Finished::of(self.stresshost().args(args).output().expect("start stresshost"))
    }

    /// Runs a first-party plugin with `--out out` and reads its summary back.
    pub fn measure(&self, plugin_name: &str, args: &[&str]) -> (Finished, Summary) {
        let component = plugin(plugin_name);
        let component = component.to_str().expect("UTF-8 path");
        let finished =
            self.run(&[&["run", "--plugin", component, "--out", "out", "--no-progress"], args].concat());
        let summary = self.summary("out");
        (finished, summary)
    }

    /// The summary in a run directory.
    pub fn summary(&self, run_dir: &str) -> Summary {
        let path = self.path().join(run_dir).join("summary.json");
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("`{}`: {error}", path.display()));
        serde_json::from_slice(&bytes).expect("a summary")
    }
}

/// A command that has ended.
#[derive(Debug)]
pub struct Finished {
    /// Exit code; `None` when a signal ended it.
    pub exit: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Finished {
    /// What a command that was started otherwise left behind.
    pub fn of(output: Output) -> Self {
        Self {
            exit: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8 output"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8 errors"),
        }
    }

    /// Asserts the exit code, showing everything when it is another.
    pub fn expect_exit(&self, exit: i32) -> &Self {
        assert_eq!(self.exit, Some(exit), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

/// A pass; or the verdict that the generator was the bottleneck, if its own numbers say so too: on a busy machine that
/// is a true word about the machine, and whatever else the test holds must hold all the same.
pub fn expect_pass(finished: &Finished, summary: &Summary) {
    let spoilt = expect_verdict(finished, summary, VerdictStatus::Pass, 0);
    assert!(spoilt == 0 || spoilt == summary.verdict.reasons.len(), "{:?}", summary.verdict);
}

/// The verdict that no operation reached the target; or, as with [`expect_pass`], a true word about the machine.
pub fn expect_unreachable(finished: &Finished, summary: &Summary) {
    expect_verdict(finished, summary, VerdictStatus::Unreachable, 3);
}

/// This verdict; or that the generator was the bottleneck, and in how many of its own numbers that shows.
fn expect_verdict(finished: &Finished, summary: &Summary, status: VerdictStatus, exit: i32) -> usize {
    if summary.verdict.status != VerdictStatus::Invalid {
        finished.expect_exit(exit);
        assert_eq!(summary.verdict.status, status, "{:?}", summary.verdict);
        return 0;
    }
    finished.expect_exit(12);
    let generator = &summary.generator;
    let late = generator.own_lag_p99_us > MAX_OWN_LAG_US && generator.own_late_starts >= MIN_LATE_STARTS;
    let busy = generator.busiest_core_share >= MAX_CORE_SHARE;
    let shown = [late, busy].iter().filter(|holds| **holds).count();
    assert!(shown > 0, "{:?}: {generator:?}", summary.verdict);
    shown
}
