//! Rules for thresholds and criteria.

use super::{metric, no_such};
use crate::{Expression, Metric, Phase, Plan, Problem, Scenario, Tag, TagFilter, Threshold};

pub(super) fn check(problems: &mut Vec<Problem>, plan: &Plan) {
    if let Some(share) = plan.pass_share.filter(|share| !(0.0..=1.0).contains(share)) {
        let message = format!("a share of {share}; shares are from 0 to 1");
        problems.push(Problem::new("/pass_share", message));
    }
    for (path, threshold, home) in plan.judged() {
        check_scope(problems, plan, &path, threshold);
        let at = format!("{path}/expression");
        match Expression::parse(&threshold.expression) {
            Err(error) => problems.push(error.into_problem(at)),
            Ok(expression) => {
                check_kind(problems, plan, &at, &expression);
                for filter in &expression.tags {
                    check_filter(
                        problems,
                        plan,
                        &at,
                        filter,
                        &Scope::new(plan, threshold, home, &expression),
                    );
                }
            }
        }
    }
}

impl Plan {
    /// Every threshold and criterion, with its path and the phase whose criterion it is.
    fn judged(&self) -> impl Iterator<Item = (String, &Threshold, Option<&Phase>)> {
        let own = self.thresholds.iter().enumerate();
        let own = own.map(|(index, threshold)| (format!("/thresholds/{index}"), threshold, None));
        own.chain(self.phases.iter().enumerate().flat_map(|(phase_index, phase)| {
            phase.criteria.iter().enumerate().map(move |(index, threshold)| {
                (format!("/phases/{phase_index}/criteria/{index}"), threshold, Some(phase))
            })
        }))
    }

    /// Thresholds on metrics of the plugin's own that are neither declared in the plan nor among `known`, those
    /// registered once the virtual users have started.
    pub fn unknown_metrics(&self, known: &[&str]) -> Vec<Problem> {
        let declared = self.metrics.iter().map(|metric| metric.name.as_str());
        let names = declared.chain(known.iter().copied());
        self.unknown_words(|expression| match &expression.metric {
            Metric::Custom(name) if !names.clone().any(|known| known == name) => {
                Some(no_such("", format!("no plugin records a metric `{name}`"), name, names.clone()))
            }
            _ => None,
        })
    }

    /// Thresholds on protocols that are not among `known`, those this host speaks.
    pub fn unknown_protocols(&self, known: &[&str]) -> Vec<Problem> {
        self.unknown_words(|expression| match &expression.metric {
            Metric::Operations { protocol: Some(protocol), .. } if !known.contains(&protocol.as_str()) => {
                let message = format!("no operation uses a protocol `{protocol}`");
                Some(no_such("", message, protocol, known.iter().copied()))
            }
            _ => None,
        })
    }

    /// Thresholds whose filter on kinds of errors matches none of `known`. They would hold whatever happens.
    pub fn unknown_error_kinds(&self, known: &[&str]) -> Vec<Problem> {
        self.unknown_words(|expression| {
            let filter = expression.tags.iter().find(|filter| filter.tag == Tag::Error)?;
            if known.iter().any(|kind| filter.matches(kind)) {
                return None;
            }
            let message = format!("`{filter}` matches no kind of error");
            Some(no_such("", message, &filter.pattern, known.iter().copied()))
        })
    }

    fn unknown_words(&self, find: impl Fn(&Expression) -> Option<Problem>) -> Vec<Problem> {
        let judged = self.judged().filter_map(|(path, threshold, _)| {
            let problem = find(&Expression::parse(&threshold.expression).ok()?)?;
            Some(Problem { path: format!("{path}/expression"), ..problem })
        });
        judged.collect()
    }
}

/// The phase and plugin of a threshold itself, not of its expression.
fn check_scope(problems: &mut Vec<Problem>, plan: &Plan, path: &str, threshold: &Threshold) {
    let phases = plan.phases.iter().map(|phase| phase.name.as_str());
    if !threshold.phase.is_empty() && !phases.clone().any(|phase| phase == threshold.phase) {
        let message = format!("there is no phase `{}`", threshold.phase);
        problems.push(no_such(format!("{path}/phase"), message, &threshold.phase, phases));
    }
    // Without parts there is one plugin, whose name the plan does not hold.
    let plugins = plan.parts.iter().map(|part| part.plugin.as_str());
    let is_known = plan.parts.is_empty() || plugins.clone().any(|plugin| plugin == threshold.plugin);
    if !threshold.plugin.is_empty() && !is_known {
        let message = format!("there is no plugin `{}`", threshold.plugin);
        problems.push(no_such(format!("{path}/plugin"), message, &threshold.plugin, plugins));
    }
}

fn check_kind(problems: &mut Vec<Problem>, plan: &Plan, path: &str, expression: &Expression) {
    let Metric::Custom(name) = &expression.metric else { return };
    let Some(declared) = plan.metrics.iter().find(|metric| metric.name == *name) else { return };
    if let Some(allowed) = metric::refused(&declared.kind, expression.aggregate) {
        let message =
            format!("metric `{name}` is a {}, which has no `{}`", declared.kind, expression.aggregate);
        problems.push(Problem::new(path, message).hint(format!("it takes {allowed}")));
    }
}

/// The scenarios that a threshold's own phase and plugin and its filters on them leave.
struct Scope<'a> {
    plan: &'a Plan,
    phases: Vec<&'a str>,
    plugins: Vec<&'a str>,
    filters: Vec<&'a TagFilter>,
}

impl<'a> Scope<'a> {
    fn new(
        plan: &'a Plan,
        threshold: &'a Threshold,
        home: Option<&'a Phase>,
        expression: &'a Expression,
    ) -> Self {
        let named = [threshold.phase.as_str()].into_iter().filter(|name| !name.is_empty());
        let phases = match home {
            Some(home) if threshold.phase.is_empty() => vec![home.name.as_str()],
            _ => named.collect(),
        };
        let plugins = [threshold.plugin.as_str()].into_iter().filter(|name| !name.is_empty()).collect();
        Self { plan, phases, plugins, filters: expression.tags.iter().collect() }
    }

    fn holds_phase(&self, phase: &str) -> bool {
        self.phases.iter().all(|one| *one == phase) && self.fits(Tag::Phase, phase)
    }

    fn holds_plugin(&self, part: u16) -> bool {
        let Some(part) = self.plan.parts.get(usize::from(part)) else { return true };
        self.plugins.iter().all(|one| *one == part.plugin) && self.fits(Tag::Plugin, &part.plugin)
    }

    fn holds(&self, scenario: &Scenario) -> bool {
        self.holds_phase(&scenario.phase) && self.holds_plugin(scenario.part)
    }

    fn fits(&self, tag: Tag, value: &str) -> bool {
        self.filters.iter().filter(|filter| filter.tag == tag).all(|filter| filter.matches(value))
    }
}

fn check_filter(problems: &mut Vec<Problem>, plan: &Plan, path: &str, filter: &TagFilter, scope: &Scope<'_>) {
    let nothing = |message: String, known: &mut dyn Iterator<Item = &str>| {
        let known: Vec<&str> = known.collect();
        no_such(path, message, &filter.pattern, known.into_iter())
    };
    match filter.tag {
        Tag::Scenario if !plan.is_unresolved() => {
            let named = || plan.scenarios.iter().filter(|scenario| filter.matches(&scenario.name));
            if named().next().is_none() {
                let message = format!("`{filter}` matches no scenario");
                let mut names = plan.scenarios.iter().map(|scenario| scenario.name.as_str());
                problems.push(nothing(message, &mut names));
            } else if !named().any(|scenario| scope.holds(scenario)) {
                let message = format!("`{filter}` matches no scenario of that phase and plugin");
                let mut names = plan
                    .scenarios
                    .iter()
                    .filter(|scenario| scope.holds(scenario))
                    .map(|one| one.name.as_str());
                problems.push(nothing(message, &mut names));
            }
        }
        Tag::Phase if plan.phases.is_empty() => {
            problems.push(Problem::new(path, format!("`{filter}` matches nothing: the plan has no phases")));
        }
        Tag::Phase => {
            let mut names = plan.phases.iter().map(|phase| phase.name.as_str());
            if !names.clone().any(|phase| scope.holds_phase(phase)) {
                problems.push(nothing(format!("`{filter}` matches no phase"), &mut names));
            }
        }
        Tag::Plugin if !plan.parts.is_empty() => {
            let mut names = plan.parts.iter().map(|part| part.plugin.as_str());
            if !names.clone().any(|plugin| filter.matches(plugin)) {
                problems.push(nothing(format!("`{filter}` matches no plugin"), &mut names));
            }
        }
        _ => {}
    }
}
