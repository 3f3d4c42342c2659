//! Contestants that stay connected and run in turns of a tenth of a second, one stopped while the other runs: what the
//! machine's neighbours do meets all of them alike, which rounds of seconds leave to chance.

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::bench::child::now;
use crate::bench::rounds::Sample;

/// How long a contestant runs before the next does.
const TURN: Duration = Duration::from_millis(100);

/// A contestant that is stopped is still answered what it has asked for. Nobody else runs meanwhile.
const DRAIN: Duration = Duration::from_millis(2);

/// A contestant that works; killed when dropped.
pub(crate) struct Contestant {
    name: String,
    child: Child,
    pid: Pid,
    said: File,
}

impl Contestant {
    /// Starts it and stops it as soon as `works`, which asks its server, says so. Err with its own words when it ends before,
    /// or `limit` passes.
    pub(crate) fn start(
        name: &str,
        mut command: Command,
        limit: Duration,
        works: impl Fn() -> bool,
    ) -> anyhow::Result<Self> {
        let (said, started) = (tempfile::tempfile()?, now());
        command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said.try_clone()?);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let pid = Pid::from_raw(i32::try_from(child.id())?);
        let mut contestant = Self { name: name.to_owned(), child, pid, said };
        while !works() {
            contestant.goes_on()?;
            if started.elapsed() > limit {
                bail!("{name} did not begin within {} s\n{}", limit.as_secs(), contestant.words()?);
            }
        }
        contestant.signal(Signal::SIGSTOP)?;
        Ok(contestant)
    }

    /// Its own words as the error when it has ended.
    fn goes_on(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{} ended: {status}\n{}", self.name, self.words()?),
            None => Ok(()),
        }
    }

    fn words(&self) -> anyhow::Result<String> {
        let (mut said, mut words) = (&self.said, Vec::new());
        said.rewind()?;
        said.read_to_end(&mut words)?;
        Ok(String::from_utf8_lossy(&words).into_owned())
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        Ok(kill(self.pid, signal)?)
    }

    /// Lets it run for a turn; how long that was.
    fn turn(&self) -> anyhow::Result<Duration> {
        let started: Instant = now();
        self.signal(Signal::SIGCONT)?;
        sleep(TURN);
        self.signal(Signal::SIGSTOP)?;
        let ran = started.elapsed();
        sleep(DRAIN);
        Ok(ran)
    }

    /// Nanoseconds of CPU that its threads have taken, by the scheduler's own account (proc(5), `schedstat`).
    fn cpu_ns(&mut self) -> anyhow::Result<u64> {
        self.goes_on()?;
        let mut ns = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.pid))? {
            let path = thread?.path().join("schedstat");
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            let first = text.split_whitespace().next().context("`schedstat` is empty")?;
            ns += first.parse::<u64>().with_context(|| format!("`schedstat` begins with {first}"))?;
        }
        Ok(ns)
    }
}

impl Drop for Contestant {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to do.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// One round: each contestant gets `turns` turns, in every other pair in the opposite order. `done` says how many requests
/// of each the server has served so far; it is asked before and after, when all are stopped.
pub(crate) fn round(
    contestants: &mut [Contestant],
    turns: u32,
    done: impl Fn() -> anyhow::Result<Vec<u64>>,
) -> anyhow::Result<Vec<Sample>> {
    let cpu = |contestants: &mut [Contestant]| -> anyhow::Result<Vec<u64>> {
        contestants.iter_mut().map(Contestant::cpu_ns).collect()
    };
    let (done_before, cpu_before) = (done()?, cpu(contestants)?);
    let mut ran = vec![Duration::ZERO; contestants.len()];
    for turn in 0..turns {
        for place in 0..contestants.len() {
            let index = if turn % 2 == 0 { place } else { contestants.len() - 1 - place };
            ran[index] += contestants[index].turn()?;
        }
    }
    let (done_after, cpu_after) = (done()?, cpu(contestants)?);
    let mut samples = Vec::new();
    for (index, ran) in ran.iter().enumerate() {
        let count = done_after[index].saturating_sub(done_before[index]);
        ensure!(count > 0, "{}: nothing was served", contestants[index].name);
        let cpu_ns = cpu_after[index].saturating_sub(cpu_before[index]) as f64;
        samples.push(Sample {
            cost_us: cpu_ns / 1e3 / count as f64,
            requests_per_s: count as f64 / ran.as_secs_f64(),
            cores_used: cpu_ns / ran.as_nanos() as f64,
        });
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    /// A shell that does nothing but count.
    fn counting() -> Contestant {
        Contestant::start("sh", shell("while :; do i=$((i+1)); done"), LIMIT, || true).unwrap()
    }

    #[test]
    fn each_runs_in_its_turns_only() {
        let mut contestants = [counting(), counting()];
        let asked = std::cell::Cell::new(0);
        let done = || {
            asked.set(asked.get() + 1);
            Ok(vec![asked.get() * 1_000, asked.get() * 3_000])
        };
        let samples = round(&mut contestants, 2, done).unwrap();
        assert_eq!(asked.get(), 2);
        for sample in &samples {
            // Of four turns two are its own: one that was never stopped would have used two cores' worth of them.
            assert!(sample.cores_used > 0.0 && sample.cores_used < 1.5, "{sample:?}");
        }
        let (rate, other) = (samples[0].requests_per_s, samples[1].requests_per_s);
        assert!(rate > 0.0 && rate <= 1_000.0 / (2.0 * TURN.as_secs_f64()), "{rate}");
        assert!(other > rate, "three times as many in about the same time: {other} and {rate}");
    }

    #[test]
    fn a_contestant_that_ends_says_why_in_its_own_words() {
        let ended = Contestant::start("sh", shell("echo said; echo meant >&2; exit 3"), LIMIT, || false);
        let error = ended.err().unwrap().to_string();
        assert!(error.contains("sh ended") && error.contains("said\nmeant"), "{error}");

        let mut gone = counting();
        gone.child.kill().unwrap();
        gone.child.wait().unwrap();
        let error = round(&mut [gone], 1, || Ok(vec![0])).unwrap_err().to_string();
        assert!(error.contains("sh ended"), "{error}");
    }

    #[test]
    fn a_contestant_that_does_not_begin_is_no_longer_waited_for() {
        let idle = Contestant::start("sh", shell("exec sleep 600"), Duration::from_millis(50), || false);
        assert!(idle.err().unwrap().to_string().contains("sh did not begin"));
    }
}
