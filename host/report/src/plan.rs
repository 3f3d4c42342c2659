//! A plan as text: what a run would do, before it does it.

use std::collections::HashSet;

use stresshost_plan::{
    Executor, LimitScope, Pause, Phase, Plan, RateLimit, Requirements, Schedule, ScheduledPhase, Stream,
    Threshold, format_duration_ms,
};

use crate::text::page::{INDENT, Page, Tone};
use crate::text::table::{Cell, Table};
use crate::{Options, format};

/// What the host knows of a plan beyond the plan itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlanSetting<'a> {
    /// What the plugin may reach, in one line; empty: not said.
    pub granted: &'a str,
    /// What the machine must have for it, each a line: memory, descriptors, ports.
    pub capacity: &'a [String],
}

/// Explains `plan`, which must be valid: its phases in the order in which they can begin, the load of each with
/// multipliers and cuts already applied, what must hold, and what the machine must have.
pub fn plan_text(plan: &Plan, setting: &PlanSetting<'_>, options: &Options) -> String {
    let schedule = plan.schedule();
    let mut page = Page::new(*options);
    head(&mut page, plan, &schedule, setting);
    let phased = !plan.phases.is_empty();
    page.heading(if phased { "Phases" } else { "Load" }, "");
    for (place, &index) in order(&schedule).iter().enumerate() {
        let Some(scheduled) = schedule.phases.get(index) else { continue };
        if let Some(phase) = plan.phases.get(index) {
            if place > 0 {
                page.end_line();
            }
            phase_head(&mut page, plan, phase, scheduled);
        }
        load(&mut page, plan, scheduled, if phased { 2 * INDENT } else { INDENT });
        for criterion in &scheduled.criteria {
            let text = format!("at its end must hold: {}", objective(criterion));
            page.bullet(2 * INDENT, "-", &text);
        }
    }
    thresholds(&mut page, plan);
    limits(&mut page, &plan.limits);
    list(&mut page, "Needs", "of this machine", setting.capacity);
    list(&mut page, "Notes", "", &plan.notes);
    page.finish()
}

fn head(page: &mut Page, plan: &Plan, schedule: &Schedule, setting: &PlanSetting<'_>) {
    page.pair("Plan", &plan.name);
    if !plan.targets.is_empty() {
        page.pair("Targets", &plan.targets.join(", "));
    }
    if !setting.granted.is_empty() {
        page.pair("Granted", setting.granted);
    }
    for (index, part) in plan.parts.iter().enumerate() {
        let text = format!("{}@{}", part.plugin, part.version);
        page.pair(if index == 0 { "Plugins" } else { "" }, &text);
    }
    let needs = schedule.requirements();
    page.pair("Length", &length(plan, needs.duration_ms));
    let warmup = if plan.warmup_ms == 0 {
        "none".to_owned()
    } else {
        format!("{}, reported apart and never judged", format_duration_ms(plan.warmup_ms))
    };
    page.pair("Warm-up", &warmup);
    page.pair(
        "Grace",
        &format!("up to {} for iterations in flight at the end", format_duration_ms(plan.graceful_stop_ms)),
    );
    page.pair("Peak", &peak(&needs));
}

fn length(plan: &Plan, duration_ms: u64) -> String {
    let at_most = format_duration_ms(duration_ms);
    match plan.phases.len() {
        0 => at_most,
        1 => format!("at most {at_most} in one phase"),
        phases => format!("at most {at_most} in {phases} phases"),
    }
}

/// The most that can be asked of the machine and the target at once.
fn peak(needs: &Requirements) -> String {
    let mut text = users(needs.peak_vus);
    if needs.total_vus > needs.peak_vus {
        text.push_str(&format!(" at once ({} in all phases together)", format::count(needs.total_vus)));
    }
    if let Some(rate) = needs.peak_rate_per_s {
        text.push_str(&format!(", {} iterations/s on a schedule", format::rate(rate)));
    }
    if let Some(iterations) = needs.iterations {
        text.push_str(&format!(", {} iterations in all", format::count(iterations)));
    }
    text
}

fn users(vus: u64) -> String {
    if vus == 1 { "1 virtual user".to_owned() } else { format!("{} virtual users", format::count(vus)) }
}

/// Indices of the phases so that each stands after those it depends on, otherwise in the order of the plan.
fn order(schedule: &Schedule) -> Vec<usize> {
    let mut placed = HashSet::new();
    let mut order = Vec::new();
    while order.len() < schedule.phases.len() {
        let ready = schedule.phases.iter().enumerate().position(|(index, phase)| {
            !placed.contains(&index) && phase.depends_on.iter().all(|before| placed.contains(before))
        });
        // A valid plan has no cycle; of any other the rest is shown as it stands.
        let next = ready.or_else(|| (0..schedule.phases.len()).find(|index| !placed.contains(index)));
        let Some(next) = next else { break };
        placed.insert(next);
        order.push(next);
    }
    order
}

fn phase_head(page: &mut Page, plan: &Plan, phase: &Phase, scheduled: &ScheduledPhase) {
    let after = match phase.depends_on.as_slice() {
        [] => "begins at once".to_owned(),
        names => format!("after {}", names.join(", ")),
    };
    let mut facts = vec![after, format!("at most {}", format_duration_ms(scheduled.duration_ms()))];
    facts.push(users(scheduled.vus()));
    #[expect(clippy::float_cmp, reason = "1 is the default, written and read exactly")]
    if phase.load_multiplier != 1.0 {
        let factor = format::number(phase.load_multiplier);
        facts.push(format!("load x {factor}, included in the numbers below"));
    }
    if let Some(limit_ms) = phase.duration_ms {
        facts.push(format!("cut to {}", format_duration_ms(limit_ms)));
    }
    if scheduled.warmup_ms != plan.warmup_ms {
        facts.push(format!("warm-up {}", format_duration_ms(scheduled.warmup_ms)));
    }
    if scheduled.graceful_stop_ms != plan.graceful_stop_ms {
        facts.push(format!("grace {}", format_duration_ms(scheduled.graceful_stop_ms)));
    }
    page.paragraph(INDENT, &phase.name, Tone::Heading);
    page.paragraph(2 * INDENT, &facts.join("; "), Tone::Dim);
    if !phase.description.is_empty() {
        page.paragraph(2 * INDENT, &phase.description, Tone::Plain);
    }
    for workload in &phase.workloads {
        // Once resolved, its scenarios stand among the plan's.
        if !plan.parts.iter().any(|part| part.phase == phase.name) {
            page.bullet(
                2 * INDENT,
                "-",
                &format!("plugin {} with {}", workload.plugin, args(&workload.args)),
            );
        }
    }
}

fn args(args: &[String]) -> String {
    if args.is_empty() { "no arguments".to_owned() } else { args.join(" ") }
}

fn load(page: &mut Page, plan: &Plan, scheduled: &ScheduledPhase, indent: usize) {
    if scheduled.streams.is_empty() {
        page.bullet(indent, "-", "no load");
    }
    for stream in &scheduled.streams {
        let plugin = plugin(plan, stream);
        let start = match stream.start_ms {
            0 => String::new(),
            ms => format!(", from {} on", format_duration_ms(ms)),
        };
        let text = format!("{}{plugin}: {}{start}{}", stream.name, stream.executor.describe(), pause(stream));
        page.bullet(indent, "-", &text);
        shares(page, plan, stream, indent + INDENT);
    }
    for scenario in plan.scenarios.iter().enumerate().filter(|(index, _)| !runs(scheduled, *index)) {
        if scenario.1.phase == scheduled.name {
            let text = format!("{}: nothing, since its phase is cut before it begins", scenario.1.name);
            page.bullet(indent, "-", &text);
        }
    }
}

fn runs(scheduled: &ScheduledPhase, index: usize) -> bool {
    scheduled
        .streams
        .iter()
        .flat_map(|stream| &stream.scenarios)
        .any(|(scenario, _)| usize::from(*scenario) == index)
}

/// Whose stream it is, when several plugins share the plan.
fn plugin(plan: &Plan, stream: &Stream) -> String {
    if plan.parts.len() < 2 {
        return String::new();
    }
    let part = plan.parts.get(usize::from(stream.part));
    part.map_or_else(String::new, |part| format!(" (plugin {})", part.plugin))
}

fn pause(stream: &Stream) -> String {
    match stream.pause {
        None => String::new(),
        Some(Pause::ThinkTime { min_ms, max_ms }) if min_ms == max_ms => {
            format!("; thinks {} after each iteration", format_duration_ms(min_ms))
        }
        Some(Pause::ThinkTime { min_ms, max_ms }) => format!(
            "; thinks {} to {} after each iteration",
            format_duration_ms(min_ms),
            format_duration_ms(max_ms)
        ),
        Some(Pause::Pacing { interval_ms }) => {
            format!("; each user begins an iteration every {}", format_duration_ms(interval_ms))
        }
    }
}

/// The scenarios of a mix with their shares, and their rate where the mix has one.
fn shares(page: &mut Page, plan: &Plan, stream: &Stream, indent: usize) {
    let shared = |(index, _): &(u16, u64)| {
        plan.scenarios
            .get(usize::from(*index))
            .is_some_and(|scenario| matches!(scenario.executor, Executor::MixShare(_)))
    };
    if !stream.scenarios.iter().any(shared) {
        return;
    }
    let all: u64 = crate::facts::total(stream.scenarios.iter().map(|(_, weight)| *weight));
    let mut table = Table::new(&["scenario"]).indented(indent).numbers("", &["share"]);
    let rate = stream.executor.peak_rate_per_s();
    if rate.is_some() {
        table = table.numbers("", &["at most"]);
    }
    for (index, weight) in &stream.scenarios {
        let Some(scenario) = plan.scenarios.get(usize::from(*index)) else { continue };
        let mut row = vec![Cell::new(&scenario.name), Cell::new(format::percent(*weight, all))];
        let share = *weight as f64 / all.max(1) as f64;
        row.extend(rate.map(|rate| Cell::new(format!("{}/s", format::rate(rate * share)))));
        table.row(row);
    }
    table.write(page);
}

fn thresholds(page: &mut Page, plan: &Plan) {
    if plan.thresholds.is_empty() {
        return;
    }
    let remark = match plan.pass_share {
        Some(share) => format!("{} of their weight must hold, and every key one", format::percent_of(share)),
        None => "every one must hold".to_owned(),
    };
    page.heading("Thresholds", &remark);
    for threshold in &plan.thresholds {
        page.bullet(INDENT, "-", &objective(threshold));
    }
}

/// A threshold with the words of the person who asked for it.
fn objective(threshold: &Threshold) -> String {
    let mut text = threshold.expression.clone();
    if !threshold.label.is_empty() {
        text = format!("{} (read as {text})", threshold.label);
    }
    let place = crate::objectives::place_title((&threshold.phase, &threshold.plugin));
    if place.is_empty() { text } else { format!("{text}, of {place}") }
}

fn limits(page: &mut Page, limits: &[RateLimit]) {
    if limits.is_empty() {
        return;
    }
    page.heading("Limits", "waiting for them is schedule lag, never service time");
    for limit in limits {
        let scope = match &limit.scope {
            LimitScope::Named => "what the plugin asks for by this name".to_owned(),
            LimitScope::Global => "every operation".to_owned(),
            LimitScope::Scenario(name) => format!("every operation of scenario {name}"),
            LimitScope::Target(pattern) => format!("every operation to {pattern}"),
        };
        let burst = format::count(limit.burst);
        let rate = format::rate(limit.rate_per_s);
        page.bullet(INDENT, "-", &format!("{}: {rate}/s, bursts of {burst}; {scope}", limit.name));
    }
}

fn list(page: &mut Page, title: &str, remark: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    page.heading(title, remark);
    for line in lines {
        page.bullet(INDENT, "-", line);
    }
}
