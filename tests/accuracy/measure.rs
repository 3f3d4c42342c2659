//! Running the program with DevStress, and what must hold of every summary whatever the server did.

use std::process::{Child, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use stresshost_clock::{Clock, NS_PER_MS};
use stresshost_metrics::{OperationSummary, Percentiles, Snapshot, Summary};
use stresshost_shop::{Faults, Shop, ShopConfig, ShopThread};
use stresshost_tests::{Finished, Project, plugin};
pub(crate) use stresshost_tests::{expect_pass, expect_unreachable};

/// How long an event that must come is awaited before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Pause between two looks at something that only can be looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Tests that assert times have the machine to themselves; those that assert counts share it.
static MACHINE: RwLock<()> = RwLock::new(());

/// For a test that asserts times.
pub(crate) fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// For a test that asserts counts.
pub(crate) fn beside_others() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}

/// A shop with these faults, on a thread of its own.
pub(crate) fn shop(faults: Faults) -> ShopThread {
    Shop::start_in_thread(ShopConfig { faults, ..ShopConfig::default() }).expect("start the shop")
}

/// Runs DevStress to its end with `--out out` and asserts what must hold of every summary.
pub(crate) fn measure(project: &Project, args: &[&str]) -> (Finished, Summary) {
    let (finished, summary) = project.measure("devstress", args);
    assert_adds_up(project, &summary);
    (finished, summary)
}

/// The same with a config, and a verdict that nothing but this machine may spoil.
pub(crate) fn measure_config(config: &str) -> Summary {
    let project = Project::default();
    project.write("config.yaml", config);
    let (finished, summary) = measure(&project, &["--config", "config.yaml", "--seed", "1"]);
    expect_pass(&finished, &summary);
    summary
}

/// The one operation of a summary.
pub(crate) fn only(summary: &Summary) -> &OperationSummary {
    let [operation] = summary.operations.as_slice() else {
        panic!("one operation expected: {:#?}", summary.operations);
    };
    operation
}

/// Percentiles that must be there.
pub(crate) fn some(percentiles: Option<Percentiles>) -> Percentiles {
    percentiles.expect("a distribution with values")
}

/// The operation of this name.
pub(crate) fn named<'a>(summary: &'a Summary, name: &str) -> &'a OperationSummary {
    let mut found = summary.operations.iter().filter(|operation| operation.name == name);
    match (found.next(), found.next()) {
        (Some(operation), None) => operation,
        _ => panic!("one operation `{name}` expected: {:#?}", summary.operations),
    }
}

/// Every line of `snapshots.jsonl`.
pub(crate) fn snapshots(project: &Project) -> Vec<Snapshot> {
    let path = project.path().join("out/snapshots.jsonl");
    let text = std::fs::read_to_string(path).expect("snapshots.jsonl");
    text.lines().map(|line| serde_json::from_str(line).expect("a snapshot")).collect()
}

/// Nothing vanishes: whatever was due, started and sent ended in one of the ways there are, and every document of the
/// run directory tells the same.
pub(crate) fn assert_adds_up(project: &Project, summary: &Summary) {
    let warmup = summary.warmup.as_ref();
    let scenarios = summary.scenarios.iter().chain(warmup.iter().flat_map(|warmup| &warmup.scenarios));
    for scenario in scenarios {
        let i = scenario.iterations;
        assert_eq!(i.due, i.started + i.dropped, "{i:?}");
        assert_eq!(i.started, i.finished + i.failed + i.interrupted + i.faulted, "{i:?}");
    }
    let operations = || summary.operations.iter().chain(warmup.iter().flat_map(|warmup| &warmup.operations));
    for operation in operations() {
        assert_eq!(operation.fired, operation.count, "in flight at the end: {operation:?}");
        // What was cut off took no time that could be known.
        let timed = operation.count - operation.errors.get("interrupted").copied().unwrap_or(0);
        for times in [operation.service_us, operation.response_us, operation.lag_us] {
            assert_eq!(times.map_or(0, |times| times.count), timed, "{operation:?}");
        }
        let answered: u64 = operation.statuses.values().sum();
        assert!(answered <= operation.count, "{operation:?}");
        assert!(operation.failed() + answered >= operation.count, "neither answer nor error: {operation:?}");
    }
    let (mut done, mut failed, mut received) = (0, 0, 0);
    for operation in operations() {
        done += operation.count;
        failed += operation.failed();
        received += operation.bytes.received;
    }
    let snapshots = snapshots(project);
    let sum = |field: fn(&Snapshot) -> u64| snapshots.iter().map(field).sum::<u64>();
    assert_eq!(
        [sum(|s| s.fired), sum(|s| s.done), sum(|s| s.errors), sum(|s| s.bytes_received)],
        [done, done, failed, received],
        "snapshots.jsonl against summary.json"
    );
    let points =
        |field: fn(&stresshost_metrics::SeriesPoint) -> u64| summary.series.iter().map(field).sum::<u64>();
    assert_eq!([points(|p| p.fired), points(|p| p.done), points(|p| p.errors)], [done, done, failed]);
}

/// A run that is under way. Dropping it kills what is left of it.
pub(crate) struct Running {
    pid: Pid,
    ended: mpsc::Receiver<Output>,
    output: Option<Output>,
}

impl Running {
    /// Starts DevStress with `--out out`.
    pub(crate) fn start(project: &Project, args: &[&str]) -> Self {
        let mut command = project.stresshost();
        command.arg("run").arg("--plugin").arg(plugin("devstress"));
        command.args(["--out", "out", "--no-progress"]).args(args);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child: Child = child.expect("start stresshost");
        let pid = Pid::from_child(&child);
        let (tell, ended) = mpsc::sync_channel(1);
        std::thread::spawn(move || tell.send(child.wait_with_output().expect("wait for stresshost")));
        Self { pid, ended, output: None }
    }

    /// Sends a signal, unless it has ended.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if !self.ended_within(Duration::ZERO) {
            kill_process(self.pid, signal).expect("signal stresshost");
        }
    }

    /// Whether it ends within `limit`.
    pub(crate) fn ended_within(&mut self, limit: Duration) -> bool {
        if self.output.is_none() {
            self.output = self.ended.recv_timeout(limit).ok();
        }
        self.output.is_some()
    }

    /// Waits until a condition holds, before it ends.
    pub(crate) fn await_that(&mut self, what: &str, holds: impl FnMut() -> bool) {
        let held = holds_before(what, |limit| self.ended_within(limit), holds);
        assert!(held, "stresshost ended before: {what}");
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Finished {
        assert!(self.ended_within(PATIENCE), "stresshost does not end");
        Finished::of(self.output.take().expect("it has ended"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended_within(Duration::ZERO) && kill_process(self.pid, Signal::KILL).is_ok() {
            self.ended_within(PATIENCE);
        }
    }
}

/// Waits until a condition holds that only can be looked at, or an end comes, which is awaited between two looks; whether
/// it holds.
pub(crate) fn holds_before(
    what: &str,
    mut end_within: impl FnMut(Duration) -> bool,
    mut holds: impl FnMut() -> bool,
) -> bool {
    let clock = Clock::start();
    while !end_within(LOOK_AGAIN) {
        if holds() {
            return true;
        }
        assert!(u128::from(clock.now_ns()) < PATIENCE.as_nanos(), "never happened: {what}");
    }
    false
}

/// Watches how long the machine makes a thread wait that wants to run: one that waits in vain again and again, and looks
/// how late it wakes.
pub(crate) struct Waits {
    /// Dropped to end it.
    watching: mpsc::Sender<()>,
    watcher: JoinHandle<u64>,
}

impl Waits {
    /// Begins to watch.
    pub(crate) fn watch() -> Self {
        let (watching, told) = mpsc::channel::<()>();
        let watcher = std::thread::spawn(move || {
            let (clock, nap) = (Clock::start(), Duration::from_millis(1));
            let (mut longest_ns, mut began_ns) = (0, clock.now_ns());
            while told.recv_timeout(nap) == Err(RecvTimeoutError::Timeout) {
                longest_ns = longest_ns.max((clock.now_ns() - began_ns).saturating_sub(NS_PER_MS));
                began_ns = clock.now_ns();
            }
            longest_ns
        });
        Self { watching, watcher }
    }

    /// The longest wait until now, in microseconds.
    pub(crate) fn longest_us(self) -> u64 {
        drop(self.watching);
        self.watcher.join().expect("the watcher ends") / 1_000
    }
}

/// Milliseconds in microseconds, the unit of summaries.
pub(crate) const fn ms(milliseconds: u64) -> u64 {
    milliseconds * 1_000
}

/// Runs `body` and returns how long it took, in milliseconds.
pub(crate) fn timed_ms(body: impl FnOnce()) -> u64 {
    let clock = Clock::start();
    body();
    clock.now_ns() / NS_PER_MS
}
