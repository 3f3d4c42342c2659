//! Killing the host: what is left of a run, how much is lost, and how it is shown.

use std::fs::{self, File};
use std::io::BufReader;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use stresshost_clock::{Clock, NS_PER_MS};
use stresshost_metrics::{RunLog, Summary};
use stresshost_shop::{Shop, ShopConfig};
use stresshost_tests::{Finished, Project, plugin};

use crate::shown::{SHORT, shop};

/// Runs that are killed.
const KILLS: usize = 50;

/// Of them at the same time: what two cores bear without being late.
const AT_ONCE: usize = 10;

/// Latest moment of a kill after the start of the program: four ticks, after a start-up of up to a second.
const LATEST_MS: u64 = 5_000;

/// Seed of the moments.
const SEED: u64 = 20_261_122;

/// How often the server's counts are looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What is lost at most: what came since the last tick.
const TICK_NS: u64 = 1_000 * NS_PER_MS;

/// How late a tick may be on the disk when the machine is busy. It crosses three threads (core, control, writer), each
/// of which may wait for its turn while [`AT_ONCE`] programs and as many servers share the cores with the other tests:
/// 440 ms were seen beside a build, 0 to 10 ms are usual.
const SLACK_NS: u64 = 1_000 * NS_PER_MS;

/// How late it may usually be, and how many kills of ten are usual: a host that kept a second back would have all its
/// last records older than this.
const USUAL_SLACK_NS: u64 = 50 * NS_PER_MS;
const USUAL_OF_TEN: usize = 8;

/// Tests that assert times take turns.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static MACHINE: Mutex<()> = Mutex::new(());
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number from the seed (Steele, Lea and Flood's SplitMix64).
fn random(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What the server saw of a run until it was killed. Times are since the program was started.
struct Seen {
    killed_ns: u64,
    /// When its first request was seen.
    first_ns: Option<u64>,
    /// Times and responses given until then.
    responses: Vec<(u64, u64)>,
    /// Responses given at the very end.
    all: u64,
}

impl Seen {
    /// Responses given until a time.
    fn until(&self, ns: u64) -> u64 {
        self.responses.iter().rev().find(|(at_ns, _)| *at_ns <= ns).map_or(0, |(_, count)| *count)
    }
}

/// Starts a run into `out` and kills it `after_ns` later.
fn run_and_kill(project: &Project, after_ns: u64) -> Seen {
    let shop = Shop::start_in_thread(ShopConfig::default()).unwrap();
    let mut command = project.stresshost();
    command
        .arg("run")
        .arg("--plugin")
        .arg(plugin("devstress"))
        .arg(format!("http://{}/products/1", shop.addr()));
    command.args(["--out", "out", "--rate", "100", "--vus", "5", "--duration", "60s", "--no-progress"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let clock = Clock::start();
    let mut child = command.spawn().unwrap();
    let (mut first_ns, mut responses) = (None, Vec::new());
    let killed_ns = loop {
        let (now_ns, counts) = (clock.now_ns(), shop.counts());
        responses.push((now_ns, counts.responses));
        if counts.requests > 0 {
            first_ns.get_or_insert(now_ns);
        }
        if now_ns >= after_ns {
            break now_ns;
        }
        thread::sleep(LOOK_AGAIN);
    };
    child.kill().unwrap();
    child.wait().unwrap();
    Seen { killed_ns, first_ns, responses, all: shop.counts().responses }
}

/// Operations of both windows that ended, and those that failed.
fn ended(summary: &Summary) -> (u64, u64) {
    let warmup = summary.warmup.iter().flat_map(|warmup| &warmup.operations);
    let all = summary.operations.iter().chain(warmup);
    all.fold((0, 0), |(ended, failed), op| (ended + op.count, failed + op.failed()))
}

/// Kills one run and asserts what must hold of its directory; `None` when it was killed before it had one, otherwise
/// how old its last record was.
fn kill_one(number: usize) -> Option<u64> {
    let project = Project::default();
    let after_ns = random(SEED ^ number as u64) % (LATEST_MS * NS_PER_MS);
    let seen = run_and_kill(&project, after_ns);
    let what = format!("kill {number}, {} ms after the start", after_ns / NS_PER_MS);
    let out = project.path().join("out");
    if !out.join("run.json").exists() {
        let report = project.run(&["report", "out"]);
        assert!(report.expect_exit(2).stderr.contains("holds no run"), "{what}: {report:?}");
        assert_eq!(seen.first_ns, None, "{what}: no load without a record of it");
        return None;
    }
    for format in ["text", ["html", "junit"][number % 2]] {
        let report = project.run(&["report", "out", "--output-format", format]);
        assert_eq!((report.exit, report.stdout.is_empty()), (Some(11), false), "{what}: {report:?}");
        assert!(report.stderr.contains("run cut short after"), "{what}: {}", report.stderr);
    }
    let report = project.run(&["report", "out", "--output-format", "json"]);
    report.expect_exit(11);
    let summary: Summary = serde_json::from_str(&report.stdout).unwrap();
    let (count, failed) = ended(&summary);
    assert_eq!(failed, 0, "{what}");
    // Whoever has read a response finds it counted, so this holds without any slack.
    assert!(count <= seen.all, "{what}: {count} reported, {} answered", seen.all);
    let kept = seen.until(seen.killed_ns.saturating_sub(TICK_NS + SLACK_NS));
    assert!(count >= kept, "{what}: {count} reported, {kept} answered a second before");
    let log =
        RunLog::read(BufReader::new(File::open(out.join("histograms/records.jsonl")).unwrap())).unwrap();
    let loaded_ns = seen.first_ns.map_or(0, |first_ns| seen.killed_ns - first_ns);
    let age_ns = loaded_ns.saturating_sub(log.records.last().map_or(0, |record| record.to_ns));
    assert!(age_ns <= TICK_NS + SLACK_NS, "{what}: the last record is {} ms old", age_ns / NS_PER_MS);
    Some(age_ns)
}

#[test]
fn a_killed_run_loses_at_most_its_last_second() {
    let _turn = alone();
    // Compiles the plugin, so that ten programs do not at the same time.
    whole_run(&Project::default());
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut ages_ns = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= KILLS {
                return ages_ns;
            }
            ages_ns.extend(kill_one(number));
        }
    };
    let ages_ns: Vec<u64> = thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    // Most moments lie after the start-up: the test is about those.
    assert!(ages_ns.len() >= KILLS / 2, "only {} runs had begun", ages_ns.len());
    let usual = ages_ns.iter().filter(|age_ns| **age_ns <= TICK_NS + USUAL_SLACK_NS).count();
    assert!(usual * 10 >= ages_ns.len() * USUAL_OF_TEN, "last records are this old, in ns: {ages_ns:?}");
    assert!(ages_ns.iter().any(|age_ns| *age_ns > TICK_NS / 4), "no kill came between two ticks");
}

/// A short run that is over.
fn whole_run(project: &Project) {
    let (_shop, url) = shop();
    let args = [&["run", "--plugin", "devstress", &url, "--out", "out"], &SHORT[..]].concat();
    project.run(&args).expect_exit(0);
}

#[test]
fn a_whole_run_is_rebuilt_to_the_last_digit() {
    let project = Project::default();
    whole_run(&project);
    let whole = project.run(&["report", "out", "--output-format", "json"]);
    assert_eq!(whole.expect_exit(0).stderr, "");
    fs::remove_file(project.path().join("out/summary.json")).unwrap();
    let rebuilt = project.run(&["report", "out", "--output-format", "json"]);
    rebuilt.expect_exit(0);
    assert_eq!(rebuilt.stderr, "run ended without a summary; rebuilt from the record\n");
    let [mut whole, rebuilt] =
        [whole, rebuilt].map(|shown| serde_json::from_str::<Summary>(&shown.stdout).unwrap());
    // Told by the host when the load began, and by the directory a moment later.
    whole.run.started.clone_from(&rebuilt.run.started);
    assert_eq!(rebuilt, whole);
}

#[test]
fn a_damaged_record_is_told_with_its_place() {
    let project = Project::default();
    whole_run(&project);
    fs::remove_file(project.path().join("out/summary.json")).unwrap();
    let path = project.path().join("out/histograms/records.jsonl");
    let log = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{{\"from_ns\": true}}\n{log}")).unwrap();
    assert_shown!(project.run(&["report", "out"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: out/histograms/records.jsonl:1: line 1 of the interval log is damaged: invalid type: boolean `true`, expected u64 at line 1 column 16
    "#);
}

#[test]
fn a_killed_run_has_nothing_to_audit() {
    let project = Project::default();
    whole_run(&project);
    fs::remove_file(project.path().join("out/summary.json")).unwrap();
    assert_shown!(project.run(&["report", "out", "--audit"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: there is no summary to audit in `out`: the host was killed before it was written; without --audit it is rebuilt from the record
    "#);
}

/// A disk that is full from the beginning.
#[test]
fn a_record_that_cannot_be_written_is_told_after_the_result() {
    let (_shop, url) = shop();
    for name in ["histograms/records.jsonl", "started.json"] {
        let project = Project::default();
        let out = project.path().join("out");
        fs::create_dir_all(out.join("histograms")).unwrap();
        std::os::unix::fs::symlink("/dev/full", out.join(name)).unwrap();
        let args = [&["run", "--plugin", "devstress", &url, "--out", "out"], &SHORT[..]].concat();
        let finished: Finished = project.run(&args);
        finished.expect_exit(1);
        assert!(finished.stdout.contains("PASS"), "{}", finished.stdout);
        let expected =
            format!("error: cannot write `out/{name}`; free some space or use --out: No space left on");
        assert!(finished.stderr.contains(&expected), "{}", finished.stderr);
        project.summary("out");
    }
}
