//! The server sees the arrivals of the plan: every one, and when it was due.

use stresshost_metrics::Summary;

use crate::logged::{Entry, Logged};
use crate::measure::{alone, measure_config, ms, only, some};

/// Lateness that half of the arrivals may have: waking up and the way there, on a busy machine. A line that was 2% off
/// would be later than this half-way through.
const MEDIAN_LATE_US: u64 = ms(20);

/// Windows in which arrivals are counted.
const WINDOW_MS: u64 = 250;

/// A straight line of the rate: its length in seconds, its rate at both ends.
struct Line(f64, f64, f64);

/// Arrivals due until `t_s`: the area below the lines, from the formula of a trapezium.
fn area(lines: &[Line], t_s: f64) -> f64 {
    let (mut area, mut left_s) = (0.0, t_s.max(0.0));
    for Line(length_s, from, to) in lines {
        let used_s = left_s.min(*length_s);
        let reached = from + (to - from) * used_s / length_s;
        area += f64::midpoint(*from, reached) * used_s;
        left_s -= used_s;
    }
    area
}

/// When the area reaches `index`, by halving: arrival `index`, from 0, is due then.
fn due_ns(lines: &[Line], index: usize) -> u64 {
    let (mut low, mut high) = (0.0, lines.iter().map(|line| line.0).sum::<f64>());
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if area(lines, middle) > index as f64 { high = middle } else { low = middle }
    }
    (high * 1e9) as u64
}

/// Holds every arrival to its due time, and the counts of each window to the lines.
///
/// The server does not know when the load began. Taking the latest beginning with which nothing came early, no arrival
/// can be later than the slowest response the run itself reports.
fn assert_follows(lines: &[Line], log: &[Entry], summary: &Summary) {
    let due: Vec<u64> = (0..log.len()).map(|index| due_ns(lines, index)).collect();
    let offsets = || log.iter().zip(&due).map(|(entry, due_ns)| entry.came_ns as i64 - *due_ns as i64);
    let began_ns = offsets().min().expect("arrivals");
    let mut late_us: Vec<u64> = offsets().map(|offset| (offset - began_ns) as u64 / 1_000).collect();
    late_us.sort_unstable();
    let (median_us, most_us) = (late_us[late_us.len() / 2], late_us[late_us.len() - 1]);
    let response = some(only(summary).response_us);
    assert!(median_us < MEDIAN_LATE_US, "half of the arrivals are {median_us} us late");
    assert!(
        most_us <= response.max,
        "one came {most_us} us late, the slowest response is told as {response:?}"
    );

    let peak = lines.iter().map(|line| line.1.max(line.2)).fold(0.0, f64::max);
    let moved = 1.0 + peak * most_us as f64 / 1e6;
    let end_ms = (lines.iter().map(|line| line.0).sum::<f64>() * 1e3) as u64;
    for from_ms in (0..end_ms).step_by(WINDOW_MS as usize) {
        let (from_s, to_s) = (from_ms as f64 / 1e3, (from_ms + WINDOW_MS) as f64 / 1e3);
        let seen = log.iter().filter(|entry| {
            let t_s = (entry.came_ns as i64 - began_ns) as f64 / 1e9;
            (from_s..to_s).contains(&t_s)
        });
        let (seen, planned) = (seen.count() as f64, area(lines, to_s) - area(lines, from_s));
        // Only those that came late can have changed their window.
        assert!((seen - planned).abs() <= moved, "{seen} of {planned} from {from_s} s to {to_s} s: {moved}");
    }
}

#[test]
fn of_a_constant_rate_evenly() {
    let server = Logged::start();
    let config = format!("target_url: {}\nrate: 400/s\nusers: 40\nduration: 2s\n", server.url("/"));
    let _turn = alone();
    let summary = measure_config(&config);
    let log = server.log();
    assert_eq!((only(&summary).count, log.len()), (800, 800));
    assert_follows(&[Line(2.0, 400.0, 400.0)], &log, &summary);
}

/// 0 to 200/s in a second are 100 arrivals, 200/s to 400/s are 300, and 400/s to 100/s in half of one are 125.
#[test]
fn of_a_rate_that_follows_stages() {
    let server = Logged::start();
    let config = format!(
        "target_url: {}\nusers: 40\nstages:\n  - {{ duration: 1s, rate: 200/s }}\n  - {{ duration: 1s, rate: 400/s }}\n  \
         - {{ duration: 500ms, rate: 100/s }}\n",
        server.url("/")
    );
    let _turn = alone();
    let summary = measure_config(&config);
    let log = server.log();
    assert_eq!((only(&summary).count, log.len()), (525, 525));
    assert_eq!(summary.scenarios[0].duration_s, 2.5);
    let lines = [Line(1.0, 0.0, 200.0), Line(1.0, 200.0, 400.0), Line(0.5, 400.0, 100.0)];
    assert_follows(&lines, &log, &summary);
}

/// The index of dispersion of arrivals in windows of 50 ms: 1 for independent arrivals, 0 for even ones. From the median of
/// the squared deviations, which is 0.455 of the variance of a normal count, so that one pause of the machine, which
/// empties a window and fills the next one, does not decide.
fn dispersion(log: &[Entry]) -> f64 {
    const NS: u64 = 50_000_000;
    let first_ns = log[0].came_ns;
    let windows = (log[log.len() - 1].came_ns - first_ns) / NS;
    let mut counts = vec![0.0; windows as usize];
    for entry in log {
        let window = ((entry.came_ns - first_ns) / NS) as usize;
        // The last window is not whole.
        if let Some(count) = counts.get_mut(window) {
            *count += 1.0;
        }
    }
    let mean = counts.iter().sum::<f64>() / counts.len() as f64;
    let mut squares: Vec<f64> = counts.iter().map(|count| (count - mean).powi(2)).collect();
    squares.sort_unstable_by(f64::total_cmp);
    squares[squares.len() / 2] / 0.455 / mean
}

#[test]
fn of_independent_people() {
    let _turn = alone();
    let [people, even] = ["poisson", "even"].map(|arrivals| {
        let server = Logged::start();
        let url = server.url("/");
        let load = "users: 60\nrate: 400/s\nduration: 5s";
        let summary = measure_config(&format!("target_url: {url}\n{load}\narrivals: {arrivals}\n"));
        let log = server.log();
        assert_eq!((only(&summary).count, log.len()), (2_000, 2_000), "{arrivals}");
        assert_eq!(summary.scenarios[0].iterations.dropped, 0);
        dispersion(&log)
    });
    assert!((0.5..2.0).contains(&people), "{people}: with 100 windows, one deviation is 0.23");
    assert!(even < 0.2, "{even}");
}
