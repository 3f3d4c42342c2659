//! A delay in the place of a value, and how much later the answer comes.

use super::{Stage, Target, show};
use crate::document::Depth;

/// Statements that wait for `{d}` seconds, the likeliest first.
const SLEEPERS: [(&str, &str); 10] = [
    ("MySQL or MariaDB", "{x}' AND SLEEP({d}) AND '1'='1"),
    ("PostgreSQL", "{x}'||(SELECT pg_sleep({d}))::text||'"),
    ("MySQL or MariaDB", "{x}' AND SLEEP({d})-- -"),
    ("PostgreSQL", "{x}' AND (SELECT 1 FROM pg_sleep({d}))=1-- -"),
    ("Microsoft SQL Server", "{x}'; WAITFOR DELAY '0:0:{d}'-- -"),
    ("MySQL or MariaDB", "{x}' AND (SELECT 1 FROM (SELECT SLEEP({d}))x)-- -"),
    ("PostgreSQL", "{x}'; SELECT pg_sleep({d})-- -"),
    ("MySQL or MariaDB", "{x}'||SLEEP({d})||'"),
    ("Microsoft SQL Server", "{x};WAITFOR DELAY '0:0:{d}'-- -"),
    ("MySQL or MariaDB", "{x} AND SLEEP({d})-- -"),
];

/// What cuts off the rest of a statement. In one that writes, the rest says which rows it is about.
const CUTS_OFF: &str = "-- -";

/// Delays in seconds: out of order, so that a server that grows slower or faster does not follow them.
const QUICK_S: [f64; 5] = [0.0, 0.6, 0.2, 0.8, 0.4];
const STANDARD_S: [f64; 7] = [0.0, 0.4, 0.8, 1.2, 0.2, 0.6, 1.0];
const DEEP_S: [f64; 9] = [0.0, 2.0, 1.0, 3.0, 0.5, 2.5, 1.5, 0.0, 3.0];

/// Share of a delay that an answer must at least be late by to be worth a series.
const LATE: f64 = 0.7;

/// Whether answers are as late as a statement asks for.
pub(super) fn grow(stage: &mut Stage<'_, '_>, target: &Target) -> Option<bool> {
    let delays_s: &[f64] = match stage.depth() {
        Depth::Quick => &QUICK_S,
        Depth::Standard => &STANDARD_S,
        Depth::Deep => &DEEP_S,
    };
    let screen_s = stage.by_depth(0.6, 0.8, 1.5);
    let mut usual_s = 0.0_f64;
    for _ in 0..2 {
        let (call, _) = stage.injected(target, "{x}");
        usual_s = usual_s.max(stage.send(&call)?.duration_us as f64 / 1e6);
    }
    let may_cut_off = stage.only_reads();
    let sleepers = SLEEPERS.iter().filter(|(_, template)| may_cut_off || !template.contains(CUTS_OFF));
    for (system, template) in sleepers.take(stage.by_depth(4, 7, SLEEPERS.len())) {
        let mut timed = |delay_s: f64| {
            let (call, payload) = stage.injected(target, &template.replace("{d}", &delay_s.to_string()));
            let heard = stage.send(&call)?;
            Some((heard.duration_us as f64 / 1e6, call, payload))
        };
        let (took_s, call, payload) = timed(screen_s)?;
        if took_s - usual_s < screen_s * LATE {
            continue;
        }
        let mut points = Vec::with_capacity(delays_s.len());
        for delay_s in delays_s {
            points.push((*delay_s, timed(*delay_s)?.0));
        }
        let Some(line) = Line::through(&points).filter(Line::is_a_delay) else { continue };
        let evidence = format!(
            "`{payload}` for the {} as {system} reads it: over {} delays of up to {:.1} s, answers are later by {:.2} s for each second asked for (r = {:.3})",
            target.label,
            points.len(),
            delays_s.iter().copied().fold(0.0, f64::max),
            line.slope,
            line.correlation
        );
        let message =
            format!("The {} reaches SQL: the answer is as late as a delay in it asks for.", target.label);
        show(stage, message, evidence, &call);
        return Some(true);
    }
    Some(false)
}

/// The line of least squares.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Line {
    slope: f64,
    correlation: f64,
}

impl Line {
    /// None: the points stand for no line.
    fn through(points: &[(f64, f64)]) -> Option<Self> {
        let count = points.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (x_mean, y_mean) = (mean(|point| point.0), mean(|point| point.1));
        let sum = |of: &dyn Fn(f64, f64) -> f64| {
            points.iter().map(|(x, y)| of(x - x_mean, y - y_mean)).sum::<f64>()
        };
        let (xx, yy, xy) = (sum(&|x, _| x * x), sum(&|_, y| y * y), sum(&|x, y| x * y));
        let line = Self { slope: xy / xx, correlation: xy / (xx * yy).sqrt() };
        (line.slope.is_finite() && line.correlation.is_finite()).then_some(line)
    }

    /// Whether the time is the delay, with what the network and other rows add to it.
    fn is_a_delay(&self) -> bool {
        (0.8..=1.3).contains(&self.slope) && self.correlation >= 0.95
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The time of a request by its place and delay.
    type Time<'t> = &'t dyn Fn(usize, f64) -> f64;

    #[test]
    fn only_times_that_are_the_delay_pass() {
        let noise = [0.03, -0.02, 0.05, 0.0, -0.04, 0.02, 0.01];
        let cases: [(&str, Time<'_>, bool); 9] = [
            ("exact", &|_, x| 0.01 + x, true),
            ("noise", &|i, x| 0.2 + x + noise[i], true),
            ("each second takes a little more", &|_, x| 1.25 * x, true),
            ("constant", &|_, _| 2.0, false),
            ("slow and uneven", &|i, _| 2.0 + 10.0 * noise[i], false),
            ("half", &|_, x| 0.5 * x, false),
            ("twice", &|_, x| 2.0 * x, false),
            ("downwards", &|_, x| 2.0 - x, false),
            ("one spike", &|i, _| if i == 3 { 1.2 } else { 0.01 }, false),
        ];
        for (name, time, expected) in cases {
            let points: Vec<(f64, f64)> =
                STANDARD_S.iter().enumerate().map(|(i, x)| (*x, time(i, *x))).collect();
            assert_eq!(Line::through(&points).is_some_and(|line| line.is_a_delay()), expected, "{name}");
        }
        assert_eq!(Line::through(&[]), None);
        assert_eq!(Line::through(&[(1.0, 1.0), (1.0, 2.0)]), None);
    }
}
