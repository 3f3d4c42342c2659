//! One line that tells how a run is doing.

use std::time::Duration;

use stresshost_metrics::Snapshot;

use crate::format;
use crate::text::page::fit;

/// Columns inside the brackets of the progress bar, at most: longer ones only push the numbers apart.
const MAX_BAR: usize = 30;

/// Phases named in the line, and columns of one name: the numbers matter more.
const MAX_PHASES: usize = 3;
const MAX_PHASE_WIDTH: usize = 16;

/// Below this a bar tells nothing the percentage does not.
const MIN_BAR: usize = 8;

/// The line of a live display: progress, time, phases, busy virtual users, rate, latency and errors of the last interval.
///
/// It is plain ASCII and at most `width` columns; what does not fit is left out from the end on. Without `total` the
/// run has no known end and the line no bar.
pub fn live_line(snapshot: &Snapshot, elapsed: Duration, total: Option<Duration>, width: usize) -> String {
    let mut parts = vec![progress(elapsed, total)];
    parts.extend(phases(&snapshot.phases));
    parts.push(format!("{} VUs", format::count(snapshot.vus_busy)));
    parts.push(format!("{}/s", format::rate(per_s(snapshot.fired, snapshot.interval_s))));
    if let Some(response) = snapshot.response_us {
        let (p50, p99) = (format::duration_us(response.p50), format::duration_us(response.p99));
        parts.push(format!("p50 {p50} p99 {p99}"));
    }
    parts.push(match snapshot.errors {
        0 => "0 errors".to_owned(),
        errors => format!("{}/s errors", format::rate(per_s(errors, snapshot.interval_s))),
    });
    let mut line = String::new();
    for part in parts {
        let gap = if line.is_empty() { "" } else { "  " };
        if line.len() + gap.len() + part.len() > width && !line.is_empty() {
            break;
        }
        line.push_str(gap);
        line.push_str(&part);
    }
    let line = fit(&line, width);
    match total {
        Some(total) => with_bar(&line, share(elapsed, total), width),
        None => line,
    }
}

/// The phases that go on; `None` when the plan has none or none does.
fn phases(names: &[String]) -> Option<String> {
    let more = names.len().saturating_sub(MAX_PHASES);
    let shown: Vec<_> = names.iter().take(MAX_PHASES).map(|name| ascii(name)).collect();
    let more = if more > 0 { format!("+{more}") } else { String::new() };
    (!names.is_empty()).then(|| format!("[{}{more}]", shown.join("+")))
}

/// A name in letters of one column each; question marks stand for others.
fn ascii(name: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_graphic() || letter == ' ' { letter } else { '?' };
    fit(&name.chars().map(plain).collect::<String>(), MAX_PHASE_WIDTH)
}

fn progress(elapsed: Duration, total: Option<Duration>) -> String {
    let now = format::seconds(elapsed.as_secs_f64());
    match total {
        Some(total) => {
            let percent = (share(elapsed, total) * 100.0).floor();
            format!("{percent:>3.0}%  {now}/{}", format::seconds(total.as_secs_f64()))
        }
        None => now,
    }
}

/// How much of the time is over, at most 1.
fn share(elapsed: Duration, total: Duration) -> f64 {
    if total.is_zero() { 1.0 } else { (elapsed.as_secs_f64() / total.as_secs_f64()).min(1.0) }
}

fn per_s(count: u64, interval_s: f64) -> f64 {
    if interval_s > 0.0 { count as f64 / interval_s } else { 0.0 }
}

fn with_bar(line: &str, share: f64, width: usize) -> String {
    let room = width.saturating_sub(line.len() + 3).min(MAX_BAR);
    if room < MIN_BAR {
        return line.to_owned();
    }
    let full = (share * room as f64) as usize;
    let head = if full > 0 && full < room { ">" } else { "" };
    let bar = format!("{}{head}", "=".repeat(full - head.len()));
    format!("[{bar:<room$}] {line}")
}

#[cfg(test)]
mod tests {
    use stresshost_metrics::{GeneratorSnapshot, Percentiles};

    use super::*;

    fn snapshot(errors: u64, response_us: Option<Percentiles>) -> Snapshot {
        Snapshot {
            t_s: 3.5,
            interval_s: 0.5,
            vus_busy: 50,
            fired: 2_500,
            done: 2_500,
            errors,
            bytes_received: 0,
            response_us,
            lag_p99_us: 0,
            scenarios: Vec::new(),
            operations: Vec::new(),
            metrics: Vec::new(),
            phases: Vec::new(),
            generator: GeneratorSnapshot::default(),
        }
    }

    fn times() -> Option<Percentiles> {
        Some(Percentiles { count: 1, p50: 1_234, p99: 45_678, ..Percentiles::default() })
    }

    #[test]
    fn lines() {
        let s = |seconds| Some(Duration::from_secs(seconds));
        let at = Duration::from_millis(3_500);
        let table = [
            (
                live_line(&snapshot(0, times()), at, s(10), 100),
                "[=========>                    ]  35%  3.5s/10.0s  50 VUs  5,000/s  p50 1.23ms p99 45.7ms  0 errors",
            ),
            (
                live_line(&snapshot(3, times()), at, s(10), 82),
                "[=>      ]  35%  3.5s/10.0s  50 VUs  5,000/s  p50 1.23ms p99 45.7ms  6.00/s errors",
            ),
            (live_line(&snapshot(0, None), at, None, 80), "3.5s  50 VUs  5,000/s  0 errors"),
            (live_line(&snapshot(0, times()), at, s(10), 30), " 35%  3.5s/10.0s  50 VUs"),
            (live_line(&snapshot(0, times()), at, s(0), 20), "100%  3.5s/0.0s"),
            (live_line(&snapshot(0, times()), at, s(10), 5), " 35.."),
            (live_line(&snapshot(0, times()), at, s(10), 0), ""),
        ];
        for (line, expected) in table {
            assert_eq!(line, expected);
        }
    }

    #[test]
    fn phases_that_go_on_are_named() {
        let at = Duration::from_millis(3_500);
        let line = |names: &[&str]| {
            let phases = names.iter().map(|&name| name.to_owned()).collect();
            live_line(&Snapshot { phases, ..snapshot(0, None) }, at, None, 100)
        };
        let table: [(&[&str], &str); 4] = [
            (&["peak"], "3.5s  [peak]  50 VUs  5,000/s  0 errors"),
            (&["peak", "reports"], "3.5s  [peak+reports]  50 VUs  5,000/s  0 errors"),
            (&["a", "b", "c", "d", "e"], "3.5s  [a+b+c+2]  50 VUs  5,000/s  0 errors"),
            (
                &["h\u{1b}é", "a very long name of a phase"],
                "3.5s  [h??+a very long na..]  50 VUs  5,000/s  0 errors",
            ),
        ];
        for (names, expected) in table {
            assert_eq!(line(names), expected);
        }
    }

    #[test]
    fn no_line_is_wider_than_asked_for() {
        for width in 0..200 {
            for tenths in 0..=110 {
                let elapsed = Duration::from_millis(tenths * 100);
                let line = live_line(&snapshot(7, times()), elapsed, Some(Duration::from_secs(10)), width);
                assert!(line.len() <= width && line.is_ascii(), "{width}: {line}");
            }
        }
    }
}
