//! Runs a program to its end, within a time limit, and measures what it took of the machine.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::tools::find;

/// Core of the generator, where it is pinned; the server has the other.
pub(crate) const GENERATOR_CORE: &str = "0";
pub(crate) const SERVER_CORE: &str = "1";

/// A program that ended.
pub(crate) struct Finished {
    pub(crate) output: Output,
    /// Just before it was started.
    pub(crate) started: Instant,
    pub(crate) wall_s: f64,
    /// User and system time of the whole process.
    pub(crate) cpu_s: f64,
}

/// A program that may use only `cores`, a list as taskset(1) reads it; any core without one.
pub(crate) fn on_cores(cores: Option<&str>, program: &Path) -> anyhow::Result<Command> {
    let Some(cores) = cores else { return Ok(Command::new(program)) };
    let mut command = Command::new(find("taskset", "apt-get install util-linux")?);
    command.args(["-c", cores]).arg(program);
    Ok(command)
}

/// Runs `command` to its end; it is killed, which is an error, when that takes longer than `limit`.
///
/// CPU is that of every child that ends meanwhile, so only one may run at a time.
pub(crate) fn run(name: &str, command: &mut Command, limit: Duration) -> anyhow::Result<Finished> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (before_s, started) = (children_cpu_s()?, now());
    let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    let pid = Pid::from_raw(i32::try_from(child.id())?);
    let (running, ended) = channel::<()>();
    // A thread that sleeps until the limit, since looking at the child now and then would disturb what is measured.
    let watch = std::thread::spawn(move || {
        ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) && kill(pid, Signal::SIGKILL).is_ok()
    });
    let output = child.wait_with_output();
    let wall_s = started.elapsed().as_secs_f64();
    drop(running);
    if watch.join().unwrap_or(false) {
        bail!("{name} did not end within {} s", limit.as_secs());
    }
    Ok(Finished { output: output?, started, wall_s, cpu_s: children_cpu_s()? - before_s })
}

impl Finished {
    /// Its own words as the error when it ended with none of the codes `fine`.
    pub(crate) fn ended_with(&self, fine: &[i32]) -> anyhow::Result<()> {
        let status = self.output.status;
        if status.code().is_some_and(|code| fine.contains(&code)) {
            return Ok(());
        }
        bail!("{status}\n{}{}", self.stdout(), String::from_utf8_lossy(&self.output.stderr))
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }
}

/// The time, to hold the start and the end of another process against.
#[expect(
    clippy::disallowed_methods,
    reason = "this measures processes from outside; no clock is shared with them"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Lets this process and its children have as many descriptors as it may.
pub(crate) fn raise_descriptors() -> anyhow::Result<()> {
    let most = descriptors()?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most).context("cannot raise the limit of file descriptors")
}

/// Descriptors a process may have.
pub(crate) fn descriptors() -> anyhow::Result<u64> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(most)
}

fn children_cpu_s() -> anyhow::Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let s = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(s(usage.user_time()) + s(usage.system_time()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_fails_says_why_in_its_own_words() {
        let limit = Duration::from_secs(60);
        let finished = run("sh", &mut shell("echo said; echo meant >&2; exit 12"), limit).unwrap();
        assert!(finished.ended_with(&[0, 12]).is_ok() && finished.wall_s > 0.0);
        let error = finished.ended_with(&[0]).unwrap_err().to_string();
        assert!(error.contains("said\nmeant"), "{error}");
    }

    #[test]
    fn what_does_not_end_is_killed() {
        let result = run("sleep", Command::new("sleep").arg("600"), Duration::from_millis(50));
        assert!(result.err().unwrap().to_string().contains("sleep did not end"));
    }
}
