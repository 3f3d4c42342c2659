//! When each virtual user of a closed model is active.

use stresshost_plan::{ConstantVus, RampingVus};

const NS_PER_MS: u64 = 1_000_000;

/// The number of virtual users as a line over time, and what it means for each of them.
///
/// Virtual user `i` (0 and up) is active while the line is above `i`: on a line from 0 to 10 in ten seconds, user `i`
/// joins after `i` seconds; on one from 10 to 0, user 9 leaves after one second. Instants are nanoseconds after the
/// scenario's start, rounded up; everyone has left at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ramp {
    lines: Vec<Line>,
    end_ns: u64,
}

/// A straight line, as far as it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line {
    start_ns: u64,
    /// Always after `start_ns`.
    end_ns: u64,
    /// From `from` to `to`, at least as long as it is used.
    length_ns: u64,
    from: u64,
    to: u64,
}

impl Ramp {
    /// The lines of a plan.
    pub fn new(config: &RampingVus) -> Self {
        let mut ramp = Self { lines: Vec::with_capacity(config.stages.len()), end_ns: 0 };
        let mut from = config.start_vus;
        for stage in &config.stages {
            let length_ns = stage.duration_ms.saturating_mul(NS_PER_MS);
            ramp.push(length_ns, length_ns, from, stage.vus);
            from = stage.vus;
        }
        ramp
    }

    /// A fixed number of virtual users: user `i` joins after `i / vus` of the ramp-up and stays to the end.
    pub fn constant(config: &ConstantVus) -> Self {
        let duration_ns = config.duration_ms.saturating_mul(NS_PER_MS);
        let ramp_ns = config.ramp_up_ms.saturating_mul(NS_PER_MS);
        let mut ramp = Self { lines: Vec::with_capacity(2), end_ns: 0 };
        ramp.push(ramp_ns, duration_ns, 0, config.vus);
        let left_ns = duration_ns.saturating_sub(ramp_ns);
        ramp.push(left_ns, left_ns, config.vus, config.vus);
        ramp
    }

    /// Adds a line of `length_ns` of which the first `used_ns` are used.
    fn push(&mut self, length_ns: u64, used_ns: u64, from: u64, to: u64) {
        let (start_ns, end_ns) = (self.end_ns, self.end_ns.saturating_add(used_ns.min(length_ns)));
        if end_ns > start_ns {
            self.lines.push(Line { start_ns, end_ns, length_ns, from, to });
            self.end_ns = end_ns;
        }
    }

    /// When the last virtual user leaves at the latest, in nanoseconds.
    pub const fn end_ns(&self) -> u64 {
        self.end_ns
    }

    /// The rest, from `at_ns` on, of the first interval in which virtual user `vu` is active at or after `at_ns`: its
    /// start (`at_ns` itself if the user is active then) and its end, which is not part of it. `None` when the user is
    /// never active again.
    pub fn active_from(&self, vu: u64, at_ns: u64) -> Option<(u64, u64)> {
        let first = self.lines.partition_point(|line| line.end_ns <= at_ns);
        let mut found: Option<(u64, u64)> = None;
        for line in &self.lines[first..] {
            let active = line.active(vu).map(|(start, end)| (start.max(at_ns), end));
            found = match (found, active.filter(|(start, end)| start < end)) {
                (None, active) => active,
                (Some((start, end)), Some((next, later))) if next == end => Some((start, later)),
                (Some(_), _) => break,
            };
        }
        found
    }

    /// Number of virtual users active at `at_ns`.
    pub fn vus_at(&self, at_ns: u64) -> u64 {
        let line = self.lines.partition_point(|line| line.end_ns <= at_ns);
        self.lines.get(line).map_or(0, |line| line.vus_at(at_ns))
    }
}

impl Line {
    /// When on this line a virtual user is active; the interval may be empty.
    fn active(&self, vu: u64) -> Option<(u64, u64)> {
        if self.to > self.from && (self.from..self.to).contains(&vu) {
            Some((self.crossed_ns(vu - self.from, self.to - self.from), self.end_ns))
        } else if self.to < self.from && (self.to..self.from).contains(&vu) {
            Some((self.start_ns, self.crossed_ns(self.from - vu, self.from - self.to)))
        } else {
            (vu < self.from).then_some((self.start_ns, self.end_ns))
        }
    }

    /// When the line has gone `part` of the `whole` way, its end at the latest.
    fn crossed_ns(&self, part: u64, whole: u64) -> u64 {
        // The product of two u64s needs u128; the quotient is at most the length.
        let after_ns = (u128::from(part) * u128::from(self.length_ns)).div_ceil(u128::from(whole)) as u64;
        self.start_ns.saturating_add(after_ns).min(self.end_ns)
    }

    fn vus_at(&self, at_ns: u64) -> u64 {
        let whole_steps = |whole: u64| {
            let after_ns = u128::from(at_ns - self.start_ns);
            (after_ns * u128::from(whole) / u128::from(self.length_ns)) as u64
        };
        if self.to > self.from {
            // The user at the line's own height joins as soon as it rises.
            (self.from + whole_steps(self.to - self.from)).saturating_add(1).min(self.to)
        } else {
            self.from - whole_steps(self.from - self.to)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use stresshost_plan::VuStage;

    use super::*;

    const S: u64 = 1_000_000_000;

    fn ramp(start_vus: u64, stages: &[(u64, u64)]) -> Ramp {
        let stages = stages.iter().map(|&(duration_ms, vus)| VuStage { duration_ms, vus }).collect();
        Ramp::new(&RampingVus { start_vus, stages })
    }

    /// Every interval of a virtual user.
    fn intervals(ramp: &Ramp, vu: u64) -> Vec<(u64, u64)> {
        let mut found: Vec<(u64, u64)> = Vec::new();
        while let Some(interval) = ramp.active_from(vu, found.last().map_or(0, |&(_, end)| end)) {
            found.push(interval);
        }
        found
    }

    #[test]
    fn users_join_and_leave_where_the_line_crosses_them() {
        let (up, down) = (ramp(0, &[(10_000, 10)]), ramp(10, &[(10_000, 0)]));
        for vu in 0..10 {
            assert_eq!(intervals(&up, vu), [(vu * S, 10 * S)], "user {vu}");
            assert_eq!(intervals(&down, vu), [(0, (10 - vu) * S)], "user {vu}");
        }
        assert_eq!((intervals(&up, 10), intervals(&down, 10)), (vec![], vec![]));
    }

    #[test]
    fn intervals_that_touch_are_one() {
        let peak = ramp(0, &[(10_000, 10), (5_000, 10), (10_000, 0), (10_000, 10)]);
        assert_eq!(intervals(&peak, 0), [(0, 35 * S)]);
        assert_eq!(intervals(&peak, 9), [(9 * S, 16 * S), (34 * S, 35 * S)]);
        assert_eq!(peak.active_from(9, 10 * S), Some((10 * S, 16 * S)), "the rest of the interval");
        assert_eq!(peak.active_from(9, 16 * S), Some((34 * S, 35 * S)));
        assert_eq!(peak.active_from(9, 35 * S), None);
    }

    #[test]
    fn a_stage_without_length_jumps() {
        let jump = ramp(5, &[(1_000, 5), (0, 2), (1_000, 2), (0, 4), (1_000, 4)]);
        assert_eq!(intervals(&jump, 1), [(0, 3 * S)]);
        assert_eq!(intervals(&jump, 3), [(0, S), (2 * S, 3 * S)]);
        assert_eq!(intervals(&jump, 4), [(0, S)]);
        assert_eq!([0, S - 1, S, 2 * S, 3 * S].map(|at| jump.vus_at(at)), [5, 5, 2, 4, 0]);
    }

    #[test]
    fn a_constant_number_joins_over_its_ramp() {
        let constant = |ramp_up_ms| Ramp::constant(&ConstantVus { vus: 4, duration_ms: 10_000, ramp_up_ms });
        assert_eq!(intervals(&constant(0), 3), [(0, 10 * S)]);
        assert_eq!(intervals(&constant(8_000), 3), [(6 * S, 10 * S)]);
        assert_eq!(intervals(&constant(20_000), 1), [(5 * S, 10 * S)]);
        assert_eq!(intervals(&constant(20_000), 3), [], "the end comes before its turn");
        assert_eq!(intervals(&constant(8_000), 4), []);
        assert_eq!(constant(20_000).end_ns(), 10 * S);
    }

    #[test]
    fn absurd_numbers_do_not_overflow() {
        let huge = ramp(u64::MAX, &[(u64::MAX, 0), (u64::MAX, u64::MAX)]);
        assert_eq!(huge.end_ns(), u64::MAX);
        assert_eq!(huge.vus_at(0), u64::MAX);
        assert_eq!(huge.active_from(0, 0), Some((0, u64::MAX)));
        let rise = ramp(0, &[(u64::MAX, u64::MAX)]);
        assert_eq!(rise.vus_at(u64::MAX - 1), u64::MAX);
        assert_eq!(rise.active_from(u64::MAX - 1, 0), Some((u64::MAX - 1, u64::MAX)));
        assert_eq!(ramp(3, &[]).active_from(0, 0), None);
    }

    proptest! {
        #[test]
        fn the_number_of_users_is_the_number_of_intervals(
            start in 0_u64..12,
            stages in prop::collection::vec((0_u64..5, 0_u64..12), 0..8),
            ats in prop::collection::vec(0_u64..40_000_000, 1..50),
        ) {
            let ramp = ramp(start, &stages);
            let all: Vec<_> = (0..12).map(|vu| intervals(&ramp, vu)).collect();
            for (vu, intervals) in all.iter().enumerate() {
                prop_assert!(intervals.iter().all(|(start, end)| start < end && *end <= ramp.end_ns()));
                prop_assert!(intervals.windows(2).all(|pair| pair[0].1 < pair[1].0), "user {}: {:?}", vu, intervals);
            }
            let edges = all.iter().flatten().flat_map(|&(start, end)| [start, end.saturating_sub(1), end]);
            for at_ns in ats.into_iter().chain(edges.clone()) {
                let holds = |(start, end): &(u64, u64)| (*start..*end).contains(&at_ns);
                let active = all.iter().filter(|intervals| intervals.iter().any(holds)).count() as u64;
                prop_assert_eq!(ramp.vus_at(at_ns), active, "at {} ns", at_ns);
            }
        }
    }
}
