//! A second's worth of one core's measurements, and how such blocks add up.

use crate::{
    CheckId, ErrorKind, HISTOGRAM_DIGITS, Histogram, MAX_FAILURE_EXAMPLES, MAX_STATUSES, MetricId,
    MetricKind, OpId, Phases, SandboxLimit, Window,
};

/// Everything one core measured between two ticks. Blocks merge exactly: histograms bucket by bucket, counts by sum.
#[derive(Debug)]
pub struct Block {
    scenarios: usize,
    /// By `op * scenarios + scenario`, a pair of windows each.
    ops: Vec<[Option<Box<OpStats>>; 2]>,
    /// By scenario, a pair of windows each.
    iterations: Vec<[IterationStats; 2]>,
    /// By `check * scenarios + scenario`: passed, failed, in the measured window.
    checks: Vec<(u64, u64)>,
    /// By `metric * scenarios + scenario`, in the measured window.
    metrics: Vec<Option<MetricValue>>,
    examples: Vec<FailureExample>,
    /// Time the generator spent inside guest code, of all plugins.
    pub guest_cpu_ns: u64,
    /// The same by part of the plan, as far as the last one that used any.
    pub parts_guest_cpu_ns: Vec<u64>,
    /// Part of the plan, limit of the sandbox it reached, and how often; nothing is allocated before that happens.
    limits: Vec<(u16, SandboxLimit, u64)>,
    /// How late starts were that only the generator is to blame for, in microseconds; measured window.
    pub own_lag_us: Histogram,
    /// Time operations waited for rate limits.
    pub limited_ns: u64,
}

/// Counts and histograms of one operation in one scenario and window.
#[derive(Debug)]
pub struct OpStats {
    /// Operations that were sent, at the time they were: throughput is counted by this.
    pub fired: u64,
    /// Operations that ended, well or badly.
    pub done: u64,
    /// Failures by kind, indexed by [`ErrorKind`].
    pub errors: [u64; ErrorKind::COUNT],
    /// Protocol statuses and how often each came; at most [`MAX_STATUSES`], the rest under 0.
    pub statuses: Vec<(u16, u64)>,
    /// Bytes handed to the transport.
    pub bytes_sent: u64,
    /// Bytes taken from the transport.
    pub bytes_received: u64,
    /// `done - fired` in microseconds.
    pub service_us: Histogram,
    /// `done - intended` in microseconds.
    pub response_us: Histogram,
    /// `fired - intended` in microseconds.
    pub lag_us: Histogram,
    /// Nothing in a block that was handed over.
    pub(crate) pending: Pending,
    /// Where the service time went, in microseconds; an entry holds only operations in which the phase happened.
    pub phases: PhaseStats,
}

/// Histograms of the phases of an operation, in microseconds.
#[derive(Debug)]
pub struct PhaseStats {
    /// See [`Phases::lookup_ns`].
    pub lookup_us: Histogram,
    /// See [`Phases::connect_ns`].
    pub connect_us: Histogram,
    /// See [`Phases::tls_ns`].
    pub tls_us: Histogram,
    /// See [`Phases::write_ns`].
    pub write_us: Histogram,
    /// See [`Phases::wait_ns`].
    pub wait_us: Histogram,
    /// See [`Phases::body_ns`].
    pub body_us: Histogram,
}

/// How many iterations were due, and what became of them.
///
/// Always `due = started + dropped`, and once a run is over
/// `started = finished + failed + interrupted + faulted`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IterationCounts {
    /// Iterations the schedule called for.
    pub due: u64,
    /// Iterations a virtual user began.
    pub started: u64,
    /// Iterations that ended well.
    pub finished: u64,
    /// Iterations the guest ended with a failure.
    pub failed: u64,
    /// Iterations cut off at the end of the grace period.
    pub interrupted: u64,
    /// Iterations ended by a plugin fault.
    pub faulted: u64,
    /// Iterations no virtual user was free for before the run ended.
    pub dropped: u64,
}

/// Counts and durations of a scenario's iterations in one window.
#[derive(Debug)]
pub struct IterationStats {
    /// What became of them.
    pub counts: IterationCounts,
    /// `done - started` in microseconds, of iterations that were not interrupted.
    pub service_us: Histogram,
    /// `done - intended` in microseconds, of iterations that were not interrupted.
    pub response_us: Histogram,
    /// `started - intended` in microseconds.
    pub lag_us: Histogram,
    /// Nothing in a block that was handed over.
    pub(crate) pending: Pending,
}

/// The value of a custom metric.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricValue {
    /// Sum of the increments.
    Counter(f64),
    /// Last, least and greatest value.
    Gauge {
        /// The value set last.
        last: f64,
        /// When that was, in nanoseconds on the run clock: which of two cores' values is the later one.
        at_ns: u64,
        /// The least value set.
        min: f64,
        /// The greatest value set.
        max: f64,
    },
    /// Observations that were true, and all observations.
    Rate {
        /// True ones.
        hits: u64,
        /// All.
        total: u64,
    },
    /// The recorded values.
    Distribution(Histogram),
}

/// One failure with its text, kept so that a person can see what went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureExample {
    /// Which operation.
    pub op: OpId,
    /// Index of the scenario in the plan.
    pub scenario: u16,
    /// Why.
    pub kind: ErrorKind,
    /// When it was noticed, in nanoseconds on the run clock.
    pub at_ns: u64,
    /// The transport's or server's own words, cut to size.
    pub text: String,
}

/// The name of a protocol status in documents; those past [`MAX_STATUSES`] share one.
pub(crate) fn status_name(status: u16) -> String {
    if status == 0 { "other".to_owned() } else { status.to_string() }
}

/// An empty histogram that grows with the values it is given.
pub(crate) fn histogram() -> Histogram {
    // Digits are a constant within hdrhistogram's range of 0 to 5, so this cannot fail.
    Histogram::new(HISTOGRAM_DIGITS).unwrap_or_else(|_| unreachable!("histogram digits are within 0 to 5"))
}

/// Adds all of `from` to `into`. Both grow on demand, so nothing can fall out of range.
pub(crate) fn add(into: &mut Histogram, from: &Histogram) {
    if !from.is_empty() {
        let added = into.add(from);
        debug_assert!(added.is_ok(), "auto-resizing histograms take every value");
    }
}

/// Records a value of any size. `saturating_record` would not do: it clamps to the histogram's present range instead
/// of growing it.
pub(crate) fn record(histogram: &mut Histogram, value: u64) {
    record_n(histogram, value, 1);
}

/// The same so many times.
fn record_n(histogram: &mut Histogram, value: u64, times: u64) {
    let recorded = histogram.record_n(value, times);
    debug_assert!(recorded.is_ok(), "auto-resizing histograms take every value");
}

/// Records nanoseconds as microseconds, rounded to the nearest, so many times.
pub(crate) fn record_ns(histogram: &mut Histogram, ns: u64, times: u64) {
    record_n(histogram, to_us(ns), times);
}

/// Nanoseconds as microseconds, rounded to the nearest.
const fn to_us(ns: u64) -> u64 {
    ns.saturating_add(500) / 1_000
}

/// What the histograms of one sort of work do not hold yet of what was measured since the last tick.
///
/// In a closed model most starts are not late and most responses take as long as the service: such values are kept
/// once, and complete the histograms when the block is handed over, exactly as if each had been recorded.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// Lags of 0 that are not in their histogram.
    on_time: u64,
    /// Whether some response differed from its service: until then only the services are recorded.
    apart: bool,
}

impl Pending {
    /// Records the lag of so many starts, given in nanoseconds.
    #[inline]
    pub(crate) fn record_lag(&mut self, lag_us: &mut Histogram, ns: u64, times: u64) {
        match to_us(ns) {
            0 => self.on_time += times,
            us => record_n(lag_us, us, times),
        }
    }

    /// Records a service and its response, given in nanoseconds, so many times.
    #[inline]
    pub(crate) fn record_times(
        &mut self,
        (service_us, service_ns): (&mut Histogram, u64),
        (response_us, response_ns): (&mut Histogram, u64),
        times: u64,
    ) {
        let (service, response) = (to_us(service_ns), to_us(response_ns));
        if !self.apart && service != response {
            self.apart = true;
            response_us.clone_from(service_us);
        }
        record_n(service_us, service, times);
        if self.apart {
            record_n(response_us, response, times);
        }
    }

    fn settle(&mut self, service_us: &Histogram, response_us: &mut Histogram, lag_us: &mut Histogram) {
        let Self { on_time, apart } = std::mem::take(self);
        if on_time > 0 {
            let recorded = lag_us.record_n(0, on_time);
            debug_assert!(recorded.is_ok(), "every histogram has a place for 0");
        }
        if !apart && !service_us.is_empty() {
            response_us.clone_from(service_us);
        }
    }
}

/// Counts a status apart while there is room, and under 0 when there is none.
pub(crate) fn count_status(statuses: &mut Vec<(u16, u64)>, status: u16, times: u64) {
    if let Some((_, count)) = statuses.iter_mut().find(|(known, _)| *known == status) {
        *count += times;
    } else if statuses.len() < MAX_STATUSES || status == 0 {
        statuses.push((status, times));
    } else {
        count_status(statuses, 0, times);
    }
}

/// Makes a list long enough to have a place `index`.
#[cold]
#[inline(never)]
fn grow<T: Default>(list: &mut Vec<T>, index: usize) {
    list.resize_with(index + 1, T::default);
}

#[cold]
#[inline(never)]
fn new_op_stats() -> Box<OpStats> {
    Box::default()
}

impl Block {
    /// An empty block for a plan with `scenarios` scenarios.
    pub fn new(scenarios: usize) -> Self {
        let mut iterations = Vec::new();
        iterations.resize_with(scenarios, Default::default);
        Self {
            scenarios,
            ops: Vec::new(),
            iterations,
            checks: Vec::new(),
            metrics: Vec::new(),
            examples: Vec::new(),
            guest_cpu_ns: 0,
            parts_guest_cpu_ns: Vec::new(),
            limits: Vec::new(),
            own_lag_us: histogram(),
            limited_ns: 0,
        }
    }

    /// Where something of `scenario` lies in a list by id and scenario.
    fn index(&self, id: usize, scenario: u16) -> usize {
        id * self.scenarios.max(1) + usize::from(scenario)
    }

    /// The id and scenario of a place in such a list.
    fn id_at(&self, index: usize) -> (u32, u16) {
        let scenarios = self.scenarios.max(1);
        ((index / scenarios) as u32, (index % scenarios) as u16)
    }

    /// In the hot path: what happens once a tick, making room and empty histograms, is kept out of line.
    #[inline]
    pub(crate) fn op_mut(&mut self, op: OpId, scenario: u16, window: Window) -> &mut OpStats {
        let index = self.index(op.0 as usize, scenario);
        if index >= self.ops.len() {
            grow(&mut self.ops, index);
        }
        self.ops[index][window as usize].get_or_insert_with(new_op_stats)
    }

    #[inline]
    pub(crate) fn iterations_mut(&mut self, scenario: u16, window: Window) -> &mut IterationStats {
        let index = usize::from(scenario);
        if index >= self.iterations.len() {
            grow(&mut self.iterations, index);
        }
        &mut self.iterations[index][window as usize]
    }

    pub(crate) fn check_mut(&mut self, check: CheckId, scenario: u16) -> &mut (u64, u64) {
        let index = self.index(check.0 as usize, scenario);
        if index >= self.checks.len() {
            self.checks.resize(index + 1, (0, 0));
        }
        &mut self.checks[index]
    }

    pub(crate) fn metric_mut(
        &mut self,
        metric: MetricId,
        scenario: u16,
        kind: MetricKind,
    ) -> &mut MetricValue {
        let index = self.index(metric.0 as usize, scenario);
        if index >= self.metrics.len() {
            self.metrics.resize(index + 1, None);
        }
        self.metrics[index].get_or_insert_with(|| MetricValue::empty(kind))
    }

    pub(crate) fn part_guest_cpu_mut(&mut self, part: usize) -> &mut u64 {
        if part >= self.parts_guest_cpu_ns.len() {
            self.parts_guest_cpu_ns.resize(part + 1, 0);
        }
        &mut self.parts_guest_cpu_ns[part]
    }

    /// Counts a limit that a part of the plan reached.
    #[cold]
    pub(crate) fn add_limit(&mut self, part: u16, limit: SandboxLimit, count: u64) {
        let mut known = self.limits.iter_mut();
        match known.find(|(of, reached, _)| (*of, *reached) == (part, limit)) {
            Some((_, _, sum)) => *sum = sum.saturating_add(count),
            None if count > 0 => self.limits.push((part, limit, count)),
            None => {}
        }
    }

    /// Whether fewer failures of this sort are kept than are wanted.
    pub(crate) fn wants_example(&self, op: OpId, kind: ErrorKind) -> bool {
        let same = |kept: &&FailureExample| kept.op == op && kept.kind == kind;
        self.examples.iter().filter(same).count() < MAX_FAILURE_EXAMPLES
    }

    /// Keeps a failure unless enough of its sort are kept already.
    pub(crate) fn keep_example(&mut self, example: FailureExample) {
        if self.wants_example(example.op, example.kind) {
            self.examples.push(example);
        }
    }

    /// Adds all of `other` to this block and empties `other`, keeping its memory for reuse. Both must be of the same
    /// plan.
    pub fn absorb(&mut self, other: &mut Self) {
        let scenarios = self.scenarios.max(1);
        let id_at = |index: usize| ((index / scenarios) as u32, (index % scenarios) as u16);
        for (index, windows) in other.ops.iter_mut().enumerate() {
            let (op, scenario) = id_at(index);
            for (window, stats) in [Window::Warmup, Window::Measured].into_iter().zip(windows) {
                if let Some(stats) = stats.as_deref_mut().filter(|stats| !stats.is_empty()) {
                    self.op_mut(OpId(op), scenario, window).absorb(stats);
                }
            }
        }
        for (scenario, windows) in other.iterations.iter_mut().enumerate() {
            for (window, stats) in [Window::Warmup, Window::Measured].into_iter().zip(windows) {
                self.iterations_mut(scenario as u16, window).absorb(stats);
            }
        }
        for (index, counts) in other.checks.iter_mut().enumerate() {
            let (passed, failed) = std::mem::take(counts);
            if (passed, failed) != (0, 0) {
                let (check, scenario) = id_at(index);
                let into = self.check_mut(CheckId(check), scenario);
                *into = (into.0 + passed, into.1 + failed);
            }
        }
        for (index, value) in other.metrics.iter_mut().enumerate() {
            if let Some(value) = value.take() {
                let (metric, scenario) = id_at(index);
                self.metric_mut(MetricId(metric), scenario, value.kind()).absorb(&value);
            }
        }
        for example in other.examples.drain(..) {
            self.keep_example(example);
        }
        self.guest_cpu_ns += std::mem::take(&mut other.guest_cpu_ns);
        for (part, ns) in other.parts_guest_cpu_ns.iter_mut().enumerate() {
            *self.part_guest_cpu_mut(part) += std::mem::take(ns);
        }
        for (part, limit, count) in other.limits.drain(..) {
            self.add_limit(part, limit, count);
        }
        self.limited_ns += std::mem::take(&mut other.limited_ns);
        drain(&mut self.own_lag_us, &mut other.own_lag_us);
    }

    /// Completes the histograms, before anybody but the recorder sees them.
    pub(crate) fn settle(&mut self) {
        for stats in self.ops.iter_mut().flatten().flatten() {
            stats.pending.settle(&stats.service_us, &mut stats.response_us, &mut stats.lag_us);
        }
        for stats in self.iterations.iter_mut().flatten() {
            stats.pending.settle(&stats.service_us, &mut stats.response_us, &mut stats.lag_us);
        }
    }

    /// Every operation with measurements: its id, scenario and statistics in `window`.
    pub fn ops(&self, window: Window) -> impl Iterator<Item = (OpId, u16, &OpStats)> {
        self.ops.iter().enumerate().filter_map(move |(index, windows)| {
            let stats = windows[window as usize].as_deref().filter(|stats| !stats.is_empty())?;
            let (op, scenario) = self.id_at(index);
            Some((OpId(op), scenario, stats))
        })
    }

    /// A scenario's iterations in `window`.
    pub fn iterations(&self, scenario: usize, window: Window) -> Option<&IterationStats> {
        self.iterations.get(scenario).map(|windows| &windows[window as usize])
    }

    /// Every check that was made: its id and scenario, and how often it passed and failed; measured window.
    pub fn checks(&self) -> impl Iterator<Item = (CheckId, u16, (u64, u64))> {
        self.checks.iter().enumerate().filter(|(_, counts)| **counts != (0, 0)).map(|(index, counts)| {
            let (check, scenario) = self.id_at(index);
            (CheckId(check), scenario, *counts)
        })
    }

    /// Every custom metric with a value: its id, scenario and value; measured window.
    pub fn metrics(&self) -> impl Iterator<Item = (MetricId, u16, &MetricValue)> {
        self.metrics.iter().enumerate().filter_map(|(index, value)| {
            let (metric, scenario) = self.id_at(index);
            Some((MetricId(metric), scenario, value.as_ref()?))
        })
    }

    /// Every limit of the sandbox that was reached: by which part of the plan, and how often; in no order.
    pub fn limits(&self) -> &[(u16, SandboxLimit, u64)] {
        &self.limits
    }

    /// Number of scenarios of the plan.
    pub fn scenarios(&self) -> usize {
        self.scenarios
    }

    /// Failures kept with their text.
    pub fn examples(&self) -> &[FailureExample] {
        &self.examples
    }
}

impl Default for OpStats {
    fn default() -> Self {
        Self {
            fired: 0,
            done: 0,
            errors: [0; ErrorKind::COUNT],
            statuses: Vec::new(),
            bytes_sent: 0,
            bytes_received: 0,
            service_us: histogram(),
            response_us: histogram(),
            lag_us: histogram(),
            pending: Pending::default(),
            phases: PhaseStats::default(),
        }
    }
}

impl OpStats {
    fn is_empty(&self) -> bool {
        self.fired == 0 && self.done == 0
    }

    /// Failures of every kind.
    pub fn failed(&self) -> u64 {
        self.errors.iter().sum()
    }

    pub(crate) fn count_status(&mut self, status: u16, times: u64) {
        count_status(&mut self.statuses, status, times);
    }

    fn absorb(&mut self, other: &mut Self) {
        self.fired += std::mem::take(&mut other.fired);
        self.done += std::mem::take(&mut other.done);
        for (into, from) in self.errors.iter_mut().zip(&mut other.errors) {
            *into += std::mem::take(from);
        }
        for (status, times) in other.statuses.drain(..) {
            self.count_status(status, times);
        }
        self.bytes_sent += std::mem::take(&mut other.bytes_sent);
        self.bytes_received += std::mem::take(&mut other.bytes_received);
        drain(&mut self.service_us, &mut other.service_us);
        drain(&mut self.response_us, &mut other.response_us);
        drain(&mut self.lag_us, &mut other.lag_us);
        for (into, from) in self.phases.all_mut().into_iter().zip(other.phases.all_mut()) {
            drain(into, from);
        }
    }
}

/// Moves all of `from` into `into`.
fn drain(into: &mut Histogram, from: &mut Histogram) {
    if !from.is_empty() {
        add(into, from);
        from.reset();
    }
}

impl Default for PhaseStats {
    fn default() -> Self {
        Self {
            lookup_us: histogram(),
            connect_us: histogram(),
            tls_us: histogram(),
            write_us: histogram(),
            wait_us: histogram(),
            body_us: histogram(),
        }
    }
}

impl PhaseStats {
    pub(crate) fn record(&mut self, phases: &Phases, times: u64) {
        record_ns(&mut self.write_us, phases.write_ns, times);
        record_ns(&mut self.wait_us, phases.wait_ns, times);
        if phases.body_ns > 0 {
            record_ns(&mut self.body_us, phases.body_ns, times);
        }
        if phases.connect_ns > 0 {
            record_ns(&mut self.connect_us, phases.connect_ns, times);
        }
        if phases.lookup_ns > 0 {
            record_ns(&mut self.lookup_us, phases.lookup_ns, times);
        }
        if phases.tls_ns > 0 {
            record_ns(&mut self.tls_us, phases.tls_ns, times);
        }
    }

    /// Every phase with its name, in the order they happen.
    pub fn all(&self) -> [(&'static str, &Histogram); 6] {
        [
            ("lookup", &self.lookup_us),
            ("connect", &self.connect_us),
            ("tls", &self.tls_us),
            ("write", &self.write_us),
            ("wait", &self.wait_us),
            ("body", &self.body_us),
        ]
    }

    pub(crate) fn all_mut(&mut self) -> [&mut Histogram; 6] {
        [
            &mut self.lookup_us,
            &mut self.connect_us,
            &mut self.tls_us,
            &mut self.write_us,
            &mut self.wait_us,
            &mut self.body_us,
        ]
    }
}

impl IterationCounts {
    /// Iterations whose end is known.
    pub fn ended(&self) -> u64 {
        self.finished + self.failed + self.interrupted + self.faulted
    }

    /// Started iterations whose end is not known yet.
    pub fn in_flight(&self) -> u64 {
        self.started.saturating_sub(self.ended())
    }

    /// What is wrong with these counts at the end of a run; `None` when nothing vanished.
    pub fn imbalance(&self) -> Option<String> {
        if self.due != self.started + self.dropped {
            return Some(format!(
                "due {} is not started {} + dropped {}",
                self.due, self.started, self.dropped
            ));
        }
        (self.started != self.ended()).then(|| {
            let Self { started, finished, failed, interrupted, faulted, .. } = self;
            format!(
                "started {started} is not finished {finished} + failed {failed} + interrupted {interrupted} + faulted {faulted}"
            )
        })
    }
}

impl std::ops::AddAssign for IterationCounts {
    fn add_assign(&mut self, other: Self) {
        self.due += other.due;
        self.started += other.started;
        self.finished += other.finished;
        self.failed += other.failed;
        self.interrupted += other.interrupted;
        self.faulted += other.faulted;
        self.dropped += other.dropped;
    }
}

impl Default for IterationStats {
    fn default() -> Self {
        Self {
            counts: IterationCounts::default(),
            service_us: histogram(),
            response_us: histogram(),
            lag_us: histogram(),
            pending: Pending::default(),
        }
    }
}

impl IterationStats {
    fn absorb(&mut self, other: &mut Self) {
        self.counts += std::mem::take(&mut other.counts);
        drain(&mut self.service_us, &mut other.service_us);
        drain(&mut self.response_us, &mut other.response_us);
        drain(&mut self.lag_us, &mut other.lag_us);
    }
}

impl MetricValue {
    fn empty(kind: MetricKind) -> Self {
        match kind {
            MetricKind::Counter => Self::Counter(0.0),
            MetricKind::Gauge => {
                Self::Gauge { last: 0.0, at_ns: 0, min: f64::INFINITY, max: f64::NEG_INFINITY }
            }
            MetricKind::Rate => Self::Rate { hits: 0, total: 0 },
            MetricKind::Distribution => Self::Distribution(histogram()),
        }
    }

    /// The kind of this value.
    pub fn kind(&self) -> MetricKind {
        match self {
            Self::Counter(_) => MetricKind::Counter,
            Self::Gauge { .. } => MetricKind::Gauge,
            Self::Rate { .. } => MetricKind::Rate,
            Self::Distribution(_) => MetricKind::Distribution,
        }
    }

    /// Takes one observation. Values that mean nothing for the kind (NaN, negative counts) are ignored.
    pub(crate) fn observe(&mut self, value: f64, now_ns: u64) {
        if !value.is_finite() {
            return;
        }
        match self {
            Self::Counter(sum) if value >= 0.0 => *sum += value,
            Self::Gauge { .. } => {
                self.absorb(&Self::Gauge { last: value, at_ns: now_ns, min: value, max: value });
            }
            Self::Rate { hits, total } => {
                *hits += u64::from(value != 0.0);
                *total += 1;
            }
            // A float to integer cast saturates, which is what a histogram's ceiling wants.
            Self::Distribution(histogram) if value >= 0.0 => record(histogram, value.round() as u64),
            Self::Counter(_) | Self::Distribution(_) => {}
        }
    }

    /// Adds `other`, in whatever order such values come.
    pub(crate) fn absorb(&mut self, other: &Self) {
        match (self, other) {
            (Self::Counter(into), Self::Counter(from)) => *into += from,
            (
                Self::Gauge { last, at_ns, min, max },
                Self::Gauge { last: other_last, at_ns: other_at_ns, min: other_min, max: other_max },
            ) => {
                // At the same instant no value is the later one; the greater is as good as any, and always the same.
                let later = *other_at_ns > *at_ns || (*other_at_ns == *at_ns && *other_last > *last);
                if (later || *min > *max) && other_min <= other_max {
                    (*last, *at_ns) = (*other_last, *other_at_ns);
                }
                (*min, *max) = (min.min(*other_min), max.max(*other_max));
            }
            (Self::Rate { hits, total }, Self::Rate { hits: other_hits, total: other_total }) => {
                (*hits, *total) = (*hits + other_hits, *total + other_total);
            }
            (Self::Distribution(into), Self::Distribution(from)) => add(into, from),
            // Names gives every metric one kind for the whole run.
            (_, _) => {}
        }
    }
}
