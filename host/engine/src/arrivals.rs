//! When the n-th iteration of an open-model stream is due.
//!
//! Pure functions of the index: no clock, and no state but remembered results, so nothing drifts and any machine can
//! compute its own share.

mod poisson;

use stresshost_plan::{ConstantArrivalRate, RampingArrivalRate, Spacing};

use poisson::Points;

const NS_PER_MS: u64 = 1_000_000;
const NS_PER_S: f64 = 1e9;

/// Most iterations of a stream: an f64 counts exactly up to here (28 years of ten million a second).
const TOTAL_MOST: f64 = (1_u64 << 53) as f64;

/// Greatest rate calculated with, so that its square is finite.
const RATE_MOST: f64 = 1e100;

/// A count this close to a whole number is that number: a rate times a duration is a count, whatever rounding says.
const WHOLE_WITHIN: f64 = 1e-6;

/// The same for counts so great that an f64 has no such fractions, as a share of the count.
const WHOLE_WITHIN_SHARE: f64 = 1e-12;

/// The arrival sequence of a stream: a rate made of straight lines, and when each iteration is due.
///
/// With even spacing, iteration `n` is due as soon as the area below the lines exceeds `n`: the first of a constant
/// rate at once, and none where the rate is 0. With Poisson spacing as many iterations are due, at the times of a Poisson
/// process of that rate which happened to have this total. Given its total, the arrival times of a Poisson process are
/// independent uniforms in order, when time is measured by the area (Cox and Lewis, *The Statistical Analysis of Series
/// of Events*, 1966; Devroye, *Non-Uniform Random Variate Generation*, 1986, chapter VI); so these are drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrivals {
    lines: Vec<Line>,
    end_ns: u64,
    /// The area below all lines.
    area: f64,
    total: u64,
    /// `None`: evenly spaced.
    points: Option<Points>,
}

/// A straight line of the rate.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Line {
    start_ns: u64,
    /// Always after `start_ns`.
    end_ns: u64,
    /// Rate at its start.
    rate_per_s: f64,
    /// Change of the rate, per second.
    slope: f64,
    /// The area below the lines before it.
    area_before: f64,
    /// The same with this line.
    area_after: f64,
}

impl Arrivals {
    /// The sequence of a constant rate, with its ramp.
    pub fn constant(config: &ConstantArrivalRate, seed: u64) -> Self {
        let duration_ns = config.duration_ms.saturating_mul(NS_PER_MS);
        let ramp_ns = config.ramp_up_ms.saturating_mul(NS_PER_MS);
        let rate = clean(config.rate_per_s);
        let used_ns = ramp_ns.min(duration_ns);
        // With no ramp the share is of no meaning: the line has no length.
        let reached = rate * (used_ns as f64 / ramp_ns.max(1) as f64);
        let mut lines = Lines::default();
        lines.push(used_ns, 0.0, reached);
        lines.push(duration_ns - used_ns, rate, rate);
        lines.arrivals(config.spacing, seed)
    }

    /// The sequence of a rate that follows stages.
    pub fn ramping(config: &RampingArrivalRate, seed: u64) -> Self {
        let (mut lines, mut from) = (Lines::default(), clean(config.start_rate_per_s));
        for stage in &config.stages {
            let to = clean(stage.rate_per_s);
            lines.push(stage.duration_ms.saturating_mul(NS_PER_MS), from, to);
            from = to;
        }
        lines.arrivals(config.spacing, seed)
    }

    /// The evenly spaced sequence of a rate that does not change.
    pub fn steady(rate_per_s: f64, duration_ns: u64) -> Self {
        let (mut lines, rate) = (Lines::default(), clean(rate_per_s));
        lines.push(duration_ns, rate, rate);
        lines.arrivals(Spacing::Even, 0)
    }

    /// Nanoseconds from the stream's start until iteration `index` (0 and up) is due. Never decreases; before the end
    /// for every index below the total, `u64::MAX` for the others, which are never due.
    pub fn offset_ns(&self, index: u64) -> u64 {
        if index >= self.total {
            return u64::MAX;
        }
        let area = match &self.points {
            None => index as f64,
            // Rounding must not lift the last point past the last line.
            Some(points) => (points.point(index) * self.area).min(self.area.next_down()),
        };
        let line = self.lines.partition_point(|line| line.area_after <= area);
        self.lines.get(line).map_or(u64::MAX, |line| line.exceeds_ns(area))
    }

    /// Number of iterations due before `offset_ns`: the least index that is due at or after it.
    pub fn count_before(&self, offset_ns: u64) -> u64 {
        if offset_ns >= self.end_ns {
            return self.total;
        }
        let line = self.lines.partition_point(|line| line.end_ns <= offset_ns);
        let area = self.lines.get(line).map_or(self.area, |line| line.area_at(offset_ns));
        let estimate = match &self.points {
            None => area.ceil() as u64,
            Some(points) => points.count_below(area / self.area),
        };
        self.settle(estimate.min(self.total), offset_ns)
    }

    /// Number of iterations due before the end.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Length of the stream in nanoseconds.
    pub const fn end_ns(&self) -> u64 {
        self.end_ns
    }

    /// The exact count near an estimate. Rounding can put that off by a little; the definition decides.
    fn settle(&self, estimate: u64, offset_ns: u64) -> u64 {
        let is_before = |index: u64| self.offset_ns(index) < offset_ns;
        let (mut low, mut high, mut step) = (estimate, estimate, 1);
        while low > 0 && !is_before(low - 1) {
            (high, low) = (low - 1, low.saturating_sub(step));
            step *= 2;
        }
        if high == estimate {
            while high < self.total && is_before(high) {
                (low, high) = (high + 1, self.total.min(high.saturating_add(step)));
                step *= 2;
            }
        }
        while low < high {
            let middle = low.midpoint(high);
            if is_before(middle) { low = middle + 1 } else { high = middle }
        }
        low
    }
}

impl Line {
    /// When the area of all lines exceeds `area`, on this line; before its end.
    fn exceeds_ns(&self, area: f64) -> u64 {
        let area = area - self.area_before;
        if area <= 0.0 {
            return self.start_ns;
        }
        // The root of `rate * t + slope * t^2 / 2 = area`, in the form that does not subtract near-equal numbers and
        // needs no case for a level line. A rate of 0 was left out above, or by its area.
        let root = (self.rate_per_s * self.rate_per_s + 2.0 * self.slope * area).max(0.0).sqrt();
        let after_ns = (2.0 * NS_PER_S * area / (self.rate_per_s + root)).ceil() as u64;
        self.start_ns.saturating_add(after_ns).min(self.end_ns - 1)
    }

    /// The area of all lines up to an instant on this line.
    fn area_at(&self, offset_ns: u64) -> f64 {
        let after_s = offset_ns.saturating_sub(self.start_ns) as f64 / NS_PER_S;
        let area = self.area_before + after_s * (self.rate_per_s + self.slope * after_s / 2.0);
        area.clamp(self.area_before, self.area_after)
    }
}

/// Lines put after each other.
#[derive(Default)]
struct Lines {
    lines: Vec<Line>,
    end_ns: u64,
    /// The area as added up; that of the lines is this one made whole.
    area: f64,
}

impl Lines {
    /// Adds a line; one without length only jumps.
    fn push(&mut self, length_ns: u64, from_per_s: f64, to_per_s: f64) {
        let (start_ns, end_ns) = (self.end_ns, self.end_ns.saturating_add(length_ns));
        if end_ns == start_ns {
            return;
        }
        let length_s = length_ns as f64 / NS_PER_S;
        self.area += f64::midpoint(from_per_s, to_per_s) * length_s;
        let area_before = self.lines.last().map_or(0.0, |line| line.area_after);
        self.lines.push(Line {
            start_ns,
            end_ns,
            rate_per_s: from_per_s,
            slope: (to_per_s - from_per_s) / length_s,
            area_before,
            area_after: whole(self.area).max(area_before),
        });
        self.end_ns = end_ns;
    }

    fn arrivals(self, spacing: Spacing, seed: u64) -> Arrivals {
        let area = self.lines.last().map_or(0.0, |line| line.area_after);
        let total = area.min(TOTAL_MOST).ceil() as u64;
        let points = match spacing {
            Spacing::Even => None,
            Spacing::Poisson => Some(Points::new(seed, total)),
        };
        Arrivals { lines: self.lines, end_ns: self.end_ns, area, total, points }
    }
}

/// A rate that can be calculated with: what is not a rate is none.
fn clean(rate_per_s: f64) -> f64 {
    if rate_per_s > 0.0 { rate_per_s.min(RATE_MOST) } else { 0.0 }
}

/// A count, rid of rounding errors; never 0 unless it is.
fn whole(count: f64) -> f64 {
    let nearest = count.round();
    let off = (count - nearest).abs();
    if nearest >= 1.0 && off <= WHOLE_WITHIN.max(count * WHOLE_WITHIN_SHARE) { nearest } else { count }
}

#[cfg(test)]
mod tests;
