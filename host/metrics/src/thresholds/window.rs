//! Sliding windows: a threshold that must hold in every one of them.

use std::collections::VecDeque;

use stresshost_plan::{Aggregate, Comparison, Expression};

use super::values::{Reading, Values};
use crate::block::{add, histogram};
use crate::{Histogram, PackedHistogram};

/// The latest window of a threshold, and the worst one so far.
///
/// A window is as many of the latest parts (ticks) as it takes to fill its length; its bounds are ends of parts. Memory
/// is bounded by the window's length, which the plan bounds, and one part a tick.
#[derive(Debug)]
pub(crate) struct Sliding {
    window_ns: u64,
    aggregate: Aggregate,
    comparison: Comparison,
    limit: f64,
    parts: VecDeque<Part>,
    /// The lengths of `parts` together.
    length_ns: u64,
    /// The histograms of `parts` together: adding the newest part and taking the oldest away is exact, and costs the
    /// same for windows of any length.
    running: Histogram,
    worst: Option<Worst>,
    /// Values seen in all parts, whether their windows were complete or not.
    samples: u64,
}

/// The window in which a threshold was met least.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Worst {
    pub(crate) value: f64,
    /// Its end, in nanoseconds on the run clock.
    pub(crate) end_ns: u64,
}

#[derive(Debug)]
struct Part {
    from_ns: u64,
    to_ns: u64,
    values: Kept,
}

/// Values of a part. A histogram unpacked takes some ten kilobytes, its cells that are not 0 a few hundred bytes.
#[derive(Debug)]
enum Kept {
    Nothing,
    Packed(PackedHistogram),
    Plain(Values),
}

impl Sliding {
    /// For an expression with a window.
    pub(crate) fn new(expression: &Expression, window_ms: u64) -> Self {
        Self {
            window_ns: window_ms.saturating_mul(1_000_000),
            aggregate: expression.aggregate,
            comparison: expression.comparison,
            limit: expression.limit,
            parts: VecDeque::new(),
            length_ns: 0,
            running: histogram(),
            worst: None,
            samples: 0,
        }
    }

    /// The worst complete window so far.
    pub(crate) fn worst(&self) -> Option<Worst> {
        self.worst
    }

    /// Number of values seen.
    pub(crate) fn samples(&self) -> u64 {
        self.samples
    }

    /// Takes what was measured from `from_ns` to `to_ns`. Windows do not reach over a pause before `from_ns`.
    pub(crate) fn push(&mut self, from_ns: u64, to_ns: u64, values: Option<&Values>) {
        // The part in which a load was found to be over reaches up to its end; what comes then is its tail.
        let reached_ns = self.parts.back().map_or(0, |last| last.to_ns);
        if to_ns <= reached_ns {
            return self.tail(values);
        }
        let from_ns = from_ns.max(reached_ns);
        if !self.parts.is_empty() && reached_ns < from_ns {
            self.parts.clear();
            self.length_ns = 0;
            self.running = histogram();
        }
        let values = self.keep(values);
        self.parts.push_back(Part { from_ns, to_ns, values });
        self.length_ns += to_ns.saturating_sub(from_ns);
        while let Some(front) = self.parts.front() {
            let without = self.length_ns - front.to_ns.saturating_sub(front.from_ns);
            if without < self.window_ns || self.parts.len() == 1 {
                break;
            }
            self.length_ns = without;
            if let Some(Part { values: Kept::Packed(packed), .. }) = self.parts.pop_front() {
                let taken = self.running.subtract(unpacked(&packed));
                debug_assert!(taken.is_ok(), "every part was added before");
            }
        }
        self.judge();
    }

    /// Takes what ended after the load did: it belongs to the last window.
    pub(crate) fn tail(&mut self, values: Option<&Values>) {
        if self.parts.is_empty() {
            return;
        }
        let kept = self.keep(values);
        if let Some(last) = self.parts.back_mut() {
            match (&mut last.values, kept) {
                (_, Kept::Nothing) => return,
                (Kept::Packed(into), Kept::Packed(from)) => into.merge(&from),
                (Kept::Plain(into), Kept::Plain(from)) => into.absorb(&from),
                (into, kept) => *into = kept,
            }
        }
        self.judge();
    }

    fn keep(&mut self, values: Option<&Values>) -> Kept {
        self.samples += values.map_or(0, Values::samples);
        match values {
            None => Kept::Nothing,
            Some(Values::Spread(values)) => {
                add(&mut self.running, values);
                Kept::Packed(PackedHistogram::of(values))
            }
            Some(values) => Kept::Plain(values.clone()),
        }
    }

    fn judge(&mut self) {
        if self.length_ns < self.window_ns {
            return;
        }
        let seconds = self.length_ns as f64 / 1e9;
        let Reading { value: Some(value), .. } = self.reading(seconds) else { return };
        let end_ns = self.parts.back().map_or(0, |part| part.to_ns);
        let badness = |value: f64| badness(self.comparison, value, self.limit);
        if self.worst.is_none_or(|worst| badness(value) > badness(worst.value)) {
            self.worst = Some(Worst { value, end_ns });
        }
    }

    fn reading(&self, seconds: f64) -> Reading {
        let mut sum: Option<Values> = None;
        for part in &self.parts {
            match (&part.values, &mut sum) {
                (Kept::Plain(values), None) => sum = Some(values.clone()),
                (Kept::Plain(values), Some(sum)) => sum.absorb(values),
                (Kept::Nothing | Kept::Packed(_), _) => {}
            }
        }
        match sum {
            Some(values) => values.reading(self.aggregate, seconds),
            None => super::values::of_histogram(&self.running, self.aggregate, seconds),
        }
    }
}

fn unpacked(packed: &PackedHistogram) -> Histogram {
    let mut values = histogram();
    packed.add_to(&mut values);
    values
}

/// How far a value is on the wrong side of its limit: of two values the one with more is the worse one.
fn badness(comparison: Comparison, value: f64, limit: f64) -> f64 {
    match comparison {
        Comparison::Less | Comparison::AtMost => value - limit,
        Comparison::More | Comparison::AtLeast => limit - value,
        Comparison::Equal => (value - limit).abs(),
        Comparison::NotEqual => -(value - limit).abs(),
    }
}
