//! The recorder of one core: what the hot path writes to.

use crate::block::record_ns;
use crate::{
    Block, CheckId, ErrorKind, FailureExample, IterationEnd, IterationSample, MAX_FAILURE_TEXT_BYTES,
    Observation, OpId, Sample, SandboxLimit, Window,
};

/// Collects one core's measurements; owned by that core, so it takes no lock.
#[derive(Debug)]
pub struct Recorder {
    scenarios: usize,
    block: Block,
}

impl Recorder {
    /// A recorder for a plan with `scenarios` scenarios.
    pub fn new(scenarios: usize) -> Self {
        Self { scenarios, block: Block::new(scenarios) }
    }

    /// Hands over everything recorded since the last call.
    pub fn take(&mut self) -> Block {
        self.block.settle();
        std::mem::replace(&mut self.block, Block::new(self.scenarios))
    }

    /// Counts an operation at the moment it is sent.
    pub fn fired(&mut self, op: OpId, scenario: u16, window: Window) {
        self.fired_alike(op, scenario, window, 1);
    }

    /// Counts so many operations that are sent at once.
    pub fn fired_alike(&mut self, op: OpId, scenario: u16, window: Window, count: u64) {
        self.block.op_mut(op, scenario, window).fired += count;
    }

    /// Records an operation that ended, well or badly. It must have been counted as fired.
    pub fn record(&mut self, sample: &Sample) {
        self.record_alike(sample, 1);
    }

    /// Records `count` operations that differ in nothing but their bytes, of which `sample` has the sums: what is answered
    /// at once needs no look at each histogram for each operation.
    pub fn record_alike(&mut self, sample: &Sample, count: u64) {
        let stats = self.block.op_mut(sample.op, sample.scenario, sample.window);
        stats.done += count;
        stats.bytes_sent += sample.bytes_sent;
        stats.bytes_received += sample.bytes_received;
        if let Some(kind) = sample.error {
            stats.errors[kind as usize] += count;
        }
        if sample.status != 0 {
            stats.count_status(sample.status, count);
        }
        // An operation that was cut off has no latency; a made-up one would look like a measurement.
        if sample.error == Some(ErrorKind::Interrupted) {
            return;
        }
        stats.pending.record_times(
            (&mut stats.service_us, sample.done_ns.saturating_sub(sample.fired_ns)),
            (&mut stats.response_us, sample.done_ns.saturating_sub(sample.intended_ns)),
            count,
        );
        let lag_ns = sample.fired_ns.saturating_sub(sample.intended_ns);
        stats.pending.record_lag(&mut stats.lag_us, lag_ns, count);
        stats.phases.record(&sample.phases, count);
    }

    /// Keeps the words of a failure that [`Recorder::record`] counted. They are made only while examples are wanted.
    pub fn explain(&mut self, sample: &Sample, text: impl FnOnce() -> String) {
        if let Some(kind) = sample.error
            && self.block.wants_example(sample.op, kind)
        {
            let text = cut(&text(), MAX_FAILURE_TEXT_BYTES).to_owned();
            let (op, scenario, at_ns) = (sample.op, sample.scenario, sample.done_ns);
            self.block.keep_example(FailureExample { op, scenario, kind, at_ns, text });
        }
    }

    /// Counts iterations the schedule called for.
    pub fn iterations_due(&mut self, scenario: u16, window: Window, count: u64) {
        self.block.iterations_mut(scenario, window).counts.due += count;
    }

    /// Counts due iterations that no virtual user could take.
    pub fn iterations_dropped(&mut self, scenario: u16, window: Window, count: u64) {
        self.block.iterations_mut(scenario, window).counts.dropped += count;
    }

    /// Counts an iteration that is due because a virtual user begins it.
    pub fn iteration_begun(&mut self, scenario: u16, window: Window) {
        let counts = &mut self.block.iterations_mut(scenario, window).counts;
        counts.due += 1;
        counts.started += 1;
    }

    /// Counts an iteration that a virtual user begins.
    pub fn iteration_started(&mut self, scenario: u16, window: Window) {
        self.block.iterations_mut(scenario, window).counts.started += 1;
    }

    /// Records an iteration that ended. It must have been counted as started.
    pub fn iteration_ended(&mut self, sample: &IterationSample) {
        let stats = self.block.iterations_mut(sample.scenario, sample.window);
        match sample.end {
            IterationEnd::Finished => stats.counts.finished += 1,
            IterationEnd::Failed => stats.counts.failed += 1,
            IterationEnd::Interrupted => stats.counts.interrupted += 1,
            IterationEnd::Faulted => stats.counts.faulted += 1,
        }
        let lag_ns = sample.started_ns.saturating_sub(sample.intended_ns);
        stats.pending.record_lag(&mut stats.lag_us, lag_ns, 1);
        if sample.end != IterationEnd::Interrupted {
            stats.pending.record_times(
                (&mut stats.service_us, sample.done_ns.saturating_sub(sample.started_ns)),
                (&mut stats.response_us, sample.done_ns.saturating_sub(sample.intended_ns)),
                1,
            );
        }
    }

    /// Counts a check. Checks of the warm-up are not counted: they would dilute the verdict.
    pub fn check(&mut self, check: CheckId, scenario: u16, window: Window, passed: bool) {
        if window == Window::Measured {
            let counts = self.block.check_mut(check, scenario);
            if passed { counts.0 += 1 } else { counts.1 += 1 }
        }
    }

    /// Takes an observation of a custom metric; those of the warm-up are not counted.
    pub fn metric(&mut self, observation: &Observation) {
        let Observation { metric, kind, scenario, window, value, at_ns } = *observation;
        if window == Window::Measured {
            self.block.metric_mut(metric, scenario, kind).observe(value, at_ns);
        }
    }

    /// Records how late a start was that only the generator is to blame for, in nanoseconds: a virtual user was free,
    /// waited for the intended start and woke up this late. Lateness in the warm-up is not judged and not kept.
    pub fn own_lag(&mut self, window: Window, ns: u64) {
        if window == Window::Measured {
            record_ns(&mut self.block.own_lag_us, ns, 1);
        }
    }

    /// Adds time an operation waited for a rate limit, in nanoseconds.
    pub fn limited(&mut self, ns: u64) {
        self.block.limited_ns += ns;
    }

    /// Adds time spent inside the guest code of a part of the plan (an index into its parts, 0 when there are none), in
    /// nanoseconds.
    pub fn guest_cpu(&mut self, part: u16, ns: u64) {
        self.block.guest_cpu_ns += ns;
        *self.block.part_guest_cpu_mut(usize::from(part)) += ns;
    }

    /// Counts that a part of the plan (an index into its parts, 0 when there are none) reached a limit of the sandbox.
    pub fn limit_hit(&mut self, part: u16, limit: SandboxLimit) {
        self.limit_hits(part, limit, 1);
    }

    /// The same for a limit that was reached `count` times; those of the warm-up are counted too.
    pub fn limit_hits(&mut self, part: u16, limit: SandboxLimit, count: u64) {
        self.block.add_limit(part, limit, count);
    }
}

/// The start of `text`, at most `max` bytes, cut between characters.
fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MAX_FAILURE_EXAMPLES, MAX_STATUSES, MetricId, MetricKind, MetricValue, Phases};

    fn sample(service_us: u64, lag_us: u64) -> Sample {
        Sample {
            op: OpId(1),
            scenario: 0,
            window: Window::Measured,
            status: 200,
            error: None,
            intended_ns: 1_000_000,
            fired_ns: 1_000_000 + lag_us * 1_000,
            done_ns: 1_000_000 + (lag_us + service_us) * 1_000,
            phases: Phases::default(),
            bytes_sent: 10,
            bytes_received: 100,
        }
    }

    fn only_op(block: &Block) -> &crate::OpStats {
        block.ops(Window::Measured).next().unwrap().2
    }

    #[test]
    fn the_three_clocks_go_to_three_histograms() {
        let mut recorder = Recorder::new(1);
        recorder.fired(OpId(1), 0, Window::Measured);
        recorder.record(&sample(200, 1_000));
        let block = recorder.take();
        let op = only_op(&block);
        assert_eq!((op.service_us.max(), op.response_us.max(), op.lag_us.max()), (200, 1_200, 1_000));
        assert!(
            op.response_us.value_at_quantile(0.5).abs_diff(1_200) <= 1,
            "percentiles, not only the maximum"
        );
        assert_eq!((op.fired, op.done, op.bytes_sent, op.bytes_received), (1, 1, 10, 100));
        assert_eq!(recorder.take().ops(Window::Measured).count(), 0);
    }

    /// What is kept once until a block is handed over is in its histograms as if each value had been recorded.
    #[test]
    fn a_block_holds_every_lag_and_response() {
        for lags_us in [&[][..], &[0, 0, 0], &[0, 0, 7_000_000, 0, 1], &[4, 0, 0, 9_000]] {
            let mut recorder = Recorder::new(1);
            let mut expected = [(); 3].map(|()| crate::block::histogram());
            for (lag_us, service_us) in lags_us.iter().copied().zip([5_000, 2_000_000, 1, 0, 70]) {
                let values = [service_us, service_us + lag_us, lag_us];
                expected.iter_mut().zip(values).for_each(|(all, us)| crate::block::record(all, us));
                recorder.record(&sample(service_us, lag_us));
                recorder.iteration_begun(0, Window::Measured);
                recorder.iteration_ended(&IterationSample {
                    scenario: 0,
                    window: Window::Measured,
                    end: IterationEnd::Finished,
                    intended_ns: 10,
                    started_ns: 10 + lag_us * 1_000,
                    done_ns: 10 + (lag_us + service_us) * 1_000,
                });
            }
            let block = recorder.take();
            let crate::IterationStats { counts, service_us, response_us, lag_us, .. } =
                block.iterations(0, Window::Measured).unwrap();
            let begun = lags_us.len() as u64;
            assert_eq!((counts.due, counts.started, counts.finished), (begun, begun, begun));
            let exact = |histogram: &crate::Histogram| {
                (
                    histogram.len(),
                    histogram.min(),
                    histogram.min_nz(),
                    histogram.max(),
                    histogram.distinct_values(),
                )
            };
            for (seen, all) in [service_us, response_us, lag_us].into_iter().zip(&expected) {
                assert_eq!((seen, exact(seen)), (all, exact(all)), "{lags_us:?}");
            }
            for (_, _, op) in block.ops(Window::Measured) {
                for (seen, all) in [&op.service_us, &op.response_us, &op.lag_us].into_iter().zip(&expected) {
                    assert_eq!((seen, exact(seen)), (all, exact(all)), "{lags_us:?}");
                }
            }
            assert!(recorder.take().iterations(0, Window::Measured).unwrap().lag_us.is_empty());
        }
    }

    #[test]
    fn what_is_recorded_at_once_is_as_if_recorded_one_by_one() {
        for (error, lag_us) in
            [(None, 0), (None, 7), (Some(ErrorKind::Timeout), 3), (Some(ErrorKind::Interrupted), 0)]
        {
            let one = Sample { error, ..sample(250, lag_us) };
            let (mut apart, mut at_once) = (Recorder::new(1), Recorder::new(1));
            for _ in 0..16 {
                apart.fired(OpId(1), 0, Window::Measured);
                apart.record(&one);
            }
            at_once.fired_alike(OpId(1), 0, Window::Measured, 16);
            at_once.record_alike(&Sample { bytes_sent: 160, bytes_received: 1_600, ..one }, 16);
            let (apart, at_once) = (apart.take(), at_once.take());
            assert_eq!(format!("{:?}", only_op(&apart)), format!("{:?}", only_op(&at_once)));
            assert_eq!(only_op(&at_once).done, 16);
        }
    }

    #[test]
    fn warm_up_is_kept_apart() {
        let mut recorder = Recorder::new(1);
        recorder.record(&Sample { window: Window::Warmup, ..sample(1, 0) });
        recorder.own_lag(Window::Warmup, 5_000);
        recorder.own_lag(Window::Measured, 7_000);
        recorder.check(CheckId(0), 0, Window::Warmup, false);
        recorder.check(CheckId(0), 0, Window::Measured, true);
        let block = recorder.take();
        assert_eq!(block.ops(Window::Measured).count(), 0);
        assert_eq!(block.ops(Window::Warmup).count(), 1);
        assert_eq!(block.checks().collect::<Vec<_>>(), [(CheckId(0), 0, (1, 0))]);
        assert_eq!((block.own_lag_us.len(), block.own_lag_us.max()), (1, 7));
    }

    #[test]
    fn statuses_and_examples_are_bounded_and_nothing_is_lost() {
        let mut recorder = Recorder::new(1);
        for status in 100..200 {
            let failed = Sample { status, error: Some(ErrorKind::Status4xx), ..sample(1, 0) };
            recorder.record(&failed);
            recorder.explain(&failed, || "é".repeat(10_000));
        }
        let block = recorder.take();
        let op = only_op(&block);
        assert!(op.statuses.len() <= MAX_STATUSES + 1);
        assert_eq!(op.statuses.iter().map(|(_, times)| times).sum::<u64>(), 100);
        assert_eq!(op.failed(), 100);
        assert_eq!(block.examples().len(), MAX_FAILURE_EXAMPLES);
        assert!(block.examples()[0].text.len() <= MAX_FAILURE_TEXT_BYTES);
    }

    #[test]
    fn absorbing_adds_up_and_empties_the_other() {
        let (mut a, mut b) = (Recorder::new(2), Recorder::new(2));
        for (recorder, times) in [(&mut a, 3), (&mut b, 4)] {
            for _ in 0..times {
                recorder.iterations_due(1, Window::Measured, 1);
                recorder.iteration_started(1, Window::Measured);
                recorder.record(&Sample { scenario: 1, ..sample(50, 0) });
                let value = |metric: u32, kind: MetricKind, value: f64| Observation {
                    metric: MetricId(metric),
                    kind,
                    scenario: 1,
                    window: Window::Measured,
                    value,
                    // The core with the smaller value set it later.
                    at_ns: 100 - times,
                };
                recorder.metric(&value(2, MetricKind::Counter, 2.0));
                recorder.metric(&value(0, MetricKind::Gauge, times as f64));
                recorder.metric(&value(0, MetricKind::Gauge, f64::NAN));
                recorder.limited(10);
            }
        }
        let mut total = Block::new(2);
        let mut blocks = [a.take(), b.take()];
        for block in &mut blocks {
            total.absorb(block);
        }
        assert_eq!(only_op(&total).done, 7);
        assert_eq!(only_op(&total).service_us.len(), 7);
        let counts = total.iterations(1, Window::Measured).unwrap().counts;
        assert_eq!((counts.due, counts.started, counts.in_flight()), (7, 7, 7));
        assert_eq!(total.limited_ns, 70);
        let metrics: Vec<_> = total.metrics().collect();
        let gauge = MetricValue::Gauge { last: 3.0, at_ns: 97, min: 3.0, max: 4.0 };
        assert_eq!(metrics, [(MetricId(0), 1, &gauge), (MetricId(2), 1, &MetricValue::Counter(14.0))]);
        total.absorb(&mut blocks[0]);
        assert_eq!(only_op(&total).done, 7, "an absorbed block is empty");
    }

    #[test]
    fn guest_time_adds_up_by_part_and_over_all() {
        let (mut a, mut b) = (Recorder::new(1), Recorder::new(1));
        a.guest_cpu(0, 5);
        a.guest_cpu(2, 7);
        a.guest_cpu(2, 1);
        b.guest_cpu(1, 20);
        b.guest_cpu(0, 100);
        let (mut total, mut a, mut b) = (Block::new(1), a.take(), b.take());
        assert_eq!((a.guest_cpu_ns, &a.parts_guest_cpu_ns[..]), (13, &[5, 0, 8][..]));
        for block in [&mut b, &mut a] {
            total.absorb(block);
            total.absorb(block);
        }
        assert_eq!((total.guest_cpu_ns, &total.parts_guest_cpu_ns[..]), (133, &[105, 20, 8][..]));
    }

    #[test]
    fn limits_add_up_by_part_and_limit() {
        use SandboxLimit::{LogLines, Shots};
        let (mut a, mut b) = (Recorder::new(1), Recorder::new(1));
        assert_eq!(a.take().limits().len(), 0);
        a.limit_hit(0, LogLines);
        a.limit_hits(0, LogLines, 4);
        a.limit_hits(2, Shots, 0);
        b.limit_hit(2, LogLines);
        b.limit_hit(0, Shots);
        b.limit_hits(0, LogLines, 10);
        let (mut total, mut a, mut b) = (Block::new(1), a.take(), b.take());
        assert_eq!(a.limits(), [(0, LogLines, 5)]);
        for block in [&mut a, &mut b] {
            total.absorb(block);
            total.absorb(block);
        }
        assert_eq!(total.limits(), [(0, LogLines, 15), (2, LogLines, 1), (0, Shots, 1)]);
        let mut most = Recorder::new(1);
        most.limit_hits(0, Shots, u64::MAX);
        most.limit_hit(0, Shots);
        assert_eq!(most.take().limits(), [(0, Shots, u64::MAX)]);
    }

    #[test]
    fn counts_that_do_not_add_up_are_named() {
        let good = crate::IterationCounts {
            due: 5,
            started: 4,
            dropped: 1,
            finished: 3,
            failed: 1,
            ..Default::default()
        };
        assert_eq!(good.imbalance(), None);
        assert!(crate::IterationCounts { due: 6, ..good }.imbalance().unwrap().contains("due 6"));
        assert!(crate::IterationCounts { failed: 0, ..good }.imbalance().unwrap().contains("started 4"));
    }
}
