//! What the totals know of the plan's scenarios: their names, and when their iterations may start.

use stresshost_plan::{Executor, Plan, Schedule};

use crate::Window;

const NS_PER_S: f64 = 1e9;

/// A scenario as reports show it.
#[derive(Clone, Debug)]
pub(crate) struct ScenarioInfo {
    pub(crate) name: String,
    pub(crate) phase: String,
    /// Its plugin.
    pub(crate) plugin: String,
    /// Its load in one line.
    pub(crate) load: String,
    /// Whether iterations start on a schedule, whatever the target does.
    pub(crate) open: bool,
    /// Time a fixed number of iterations has to begin, in seconds.
    pub(crate) limit_s: Option<f64>,
}

impl ScenarioInfo {
    /// Every scenario of a plan, in its order; `plugin` is the one of a plan that only one plugin made.
    pub(crate) fn all(plan: &Plan, schedule: &Schedule, plugin: &str) -> Vec<Self> {
        let info = |(index, scenario): (u16, &stresshost_plan::Scenario)| {
            let mut streams = schedule.phases.iter().flat_map(|phase| &phase.streams);
            let stream = streams.find(|stream| stream.scenarios.iter().any(|(own, _)| *own == index));
            let executor = stream.map_or(&scenario.executor, |stream| &stream.executor);
            let own_part = plan.parts.get(usize::from(scenario.part));
            let load = match &scenario.executor {
                Executor::MixShare(_) => format!("{}: {}", scenario.executor.describe(), executor.describe()),
                _ => executor.describe(),
            };
            Self {
                name: scenario.name.clone(),
                phase: scenario.phase.clone(),
                plugin: own_part.map_or(plugin, |part| &part.plugin).to_owned(),
                load,
                open: executor.is_open(),
                limit_s: match executor {
                    Executor::SharedIterations(config) | Executor::PerVuIterations(config) => {
                        Some(config.max_duration_ms as f64 / 1e3)
                    }
                    _ => None,
                },
            }
        };
        (0_u16..).zip(&plan.scenarios).map(info).collect()
    }
}

/// When a scenario's iterations may start, in nanoseconds on the run clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from_ns: u64,
    pub(crate) until_ns: u64,
    pub(crate) warmup_end_ns: u64,
}

/// A span, and whether its load is over. The last iteration may end before the load does, which must not make the load
/// look shorter than it was.
#[derive(Clone, Copy, Debug)]
struct Known {
    span: Span,
    is_over: bool,
}

impl Known {
    /// The part of it inside a window, as far as `now_ns` unless it is over: from and until, or nothing.
    fn part(&self, window: Window, now_ns: u64) -> Option<(u64, u64)> {
        let Span { from_ns, until_ns, warmup_end_ns } = self.span;
        let (from, until) = match window {
            Window::Warmup => (from_ns, until_ns.min(warmup_end_ns)),
            Window::Measured => (from_ns.max(warmup_end_ns), until_ns),
        };
        let until = if self.is_over { until } else { until.min(now_ns) };
        (from < until).then_some((from, until))
    }
}

/// The spans of all scenarios; none until a scenario's phase has begun.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans(Vec<Option<Known>>);

impl Spans {
    pub(crate) fn set(&mut self, scenario: usize, span: Span) {
        if self.0.len() <= scenario {
            self.0.resize(scenario + 1, None);
        }
        let is_over = self.0[scenario].is_some_and(|known| known.is_over);
        self.0[scenario] = Some(Known { span, is_over });
    }

    /// The load of a scenario is over: its span is what it truly was.
    pub(crate) fn over(&mut self, scenario: usize) {
        if let Some(Some(known)) = self.0.get_mut(scenario) {
            known.is_over = true;
        }
    }

    fn parts(
        &self,
        chosen: impl Fn(usize) -> bool,
        window: Window,
        now_ns: u64,
    ) -> impl Iterator<Item = (u64, u64)> {
        let spans = self.0.iter().enumerate().filter(move |(scenario, _)| chosen(*scenario));
        spans.filter_map(move |(_, span)| span.as_ref()?.part(window, now_ns))
    }

    /// Seconds so far in which iterations of at least one chosen scenario could start within the window. Scenarios side
    /// by side count once, those one after the other add up, and pauses between them do not count.
    pub(crate) fn seconds(&self, chosen: impl Fn(usize) -> bool, window: Window, now_ns: u64) -> f64 {
        let mut parts: Vec<(u64, u64)> = self.parts(chosen, window, now_ns).collect();
        parts.sort_unstable();
        let (mut covered_ns, mut reached) = (0, 0);
        for (from, until) in parts {
            let from = from.max(reached);
            covered_ns += until.saturating_sub(from);
            reached = reached.max(until);
        }
        covered_ns as f64 / NS_PER_S
    }

    /// The stretch of an interval that the measured parts of the chosen scenarios cover: from the first instant covered
    /// to the last one. What is left of a load that is over belongs to the interval in which it was found to be.
    pub(crate) fn covered(
        &self,
        chosen: impl Fn(usize) -> bool,
        from_ns: u64,
        to_ns: u64,
    ) -> Option<(u64, u64)> {
        let parts = self.parts(chosen, Window::Measured, to_ns);
        let inside =
            parts.filter(|(_, until)| *until > from_ns).map(|(from, until)| (from.max(from_ns), until));
        inside.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// Length of the longest warm-up so far, in seconds.
    pub(crate) fn warmup_s(&self, now_ns: u64) -> f64 {
        let lengths = self.parts(|_| true, Window::Warmup, now_ns).map(|(from, until)| until - from);
        lengths.max().unwrap_or(0) as f64 / NS_PER_S
    }
}

#[cfg(test)]
mod tests {
    use stresshost_plan::{ConstantVus, Iterations, Mix, MixShare, Part, Scenario};

    use super::*;

    const S: u64 = 1_000_000_000;

    fn spans(list: &[(u64, u64, u64)]) -> Spans {
        let mut spans = Spans::default();
        for (scenario, &(from, until, warmup)) in list.iter().enumerate() {
            let span = Span { from_ns: from * S, until_ns: until * S, warmup_end_ns: warmup * S };
            spans.set(scenario, span);
        }
        spans
    }

    #[test]
    fn seconds_are_those_in_which_something_could_start() {
        // From, until, end of the warm-up; now; warm-up and measured seconds.
        type Case = (&'static [(u64, u64, u64)], u64, f64, f64);
        let cases: [Case; 7] = [
            (&[(0, 10, 0)], 100, 0.0, 10.0),
            (&[(0, 10, 2)], 100, 2.0, 8.0),
            (&[(0, 10, 2)], 5, 2.0, 3.0),
            (&[(0, 10, 20)], 100, 10.0, 0.0),
            (&[(5, 10, 2)], 100, 0.0, 5.0),
            (&[(0, 10, 0), (5, 12, 0)], 100, 0.0, 12.0),
            (&[(0, 10, 0), (20, 30, 0)], 25, 0.0, 15.0),
        ];
        for (list, now, warmup, measured) in cases {
            let spans = spans(list);
            assert_eq!(spans.seconds(|_| true, Window::Warmup, now * S), warmup, "{list:?}");
            assert_eq!(spans.seconds(|_| true, Window::Measured, now * S), measured, "{list:?}");
            assert_eq!(spans.warmup_s(now * S), warmup, "{list:?}");
        }
        assert_eq!(spans(&[(0, 10, 0), (20, 30, 0)]).seconds(|i| i == 1, Window::Measured, 99 * S), 10.0);
        assert_eq!(Spans::default().seconds(|_| true, Window::Measured, S), 0.0);
    }

    #[test]
    fn an_interval_is_covered_as_far_as_the_load_goes() {
        let spans = spans(&[(0, 10, 2), (12, 20, 0)]);
        let covered =
            |from: u64, to: u64| spans.covered(|_| true, from * S, to * S).map(|(a, b)| (a / S, b / S));
        assert_eq!(covered(0, 2), None);
        assert_eq!(covered(1, 3), Some((2, 3)));
        assert_eq!(covered(9, 11), Some((9, 10)));
        assert_eq!(covered(10, 12), None);
        assert_eq!(covered(9, 13), Some((9, 13)));
        assert_eq!(spans.covered(|i| i == 1, 0, 11 * S), None);
    }

    #[test]
    fn a_load_that_is_over_keeps_its_length_though_its_last_iteration_ended_sooner() {
        let mut spans = spans(&[(0, 10, 0)]);
        let end = 10 * S - 1_000;
        assert_eq!(spans.seconds(|_| true, Window::Measured, end), 9.999999);
        assert_eq!(spans.covered(|_| true, 9 * S, end), Some((9 * S, end)));
        spans.over(0);
        spans.over(7);
        assert_eq!(spans.seconds(|_| true, Window::Measured, end), 10.0);
        assert_eq!(spans.covered(|_| true, 9 * S, end), Some((9 * S, 10 * S)));
        spans.set(0, Span { from_ns: 0, until_ns: 8 * S, warmup_end_ns: 0 });
        assert_eq!(spans.seconds(|_| true, Window::Measured, end), 8.0);
    }

    #[test]
    fn scenarios_are_described_as_they_run() {
        let closed = |vus| Executor::ConstantVus(ConstantVus { vus, duration_ms: 10_000, ramp_up_ms: 0 });
        let mut scenarios = vec![
            Scenario::new("plain", closed(2)),
            Scenario::new("share", Executor::MixShare(MixShare { mix: "shop".into(), weight: 3 })),
            Scenario::new(
                "some",
                Executor::SharedIterations(Iterations { vus: 1, iterations: 9, max_duration_ms: 2_500 }),
            ),
        ];
        scenarios[2].part = 1;
        let mix = Mix {
            name: "shop".into(),
            phase: String::new(),
            start_ms: 0,
            executor: closed(5),
            pause: None,
            part: 0,
        };
        let mut plan = Plan { scenarios, mixes: vec![mix], ..Plan::default() };
        let infos = ScenarioInfo::all(&plan, &plan.schedule(), "own");
        assert_eq!(infos[0].load, closed(2).describe());
        let share = plan.scenarios[1].executor.describe();
        assert_eq!(infos[1].load, format!("{share}: {}", closed(5).describe()));
        assert_eq!((infos[2].limit_s, infos[2].open, infos[2].plugin.as_str()), (Some(2.5), false, "own"));
        let part = |plugin: &str| Part { plugin: plugin.into(), ..Part::default() };
        plan.parts = vec![part("a"), part("b")];
        let infos = ScenarioInfo::all(&plan, &plan.schedule(), "own");
        assert_eq!((infos[0].plugin.as_str(), infos[2].plugin.as_str()), ("a", "b"));
    }
}
