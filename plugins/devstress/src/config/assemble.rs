//! The plan, of what was read.

use stresshost_sdk::config::{Fields, Found};
use stresshost_sdk::documents::{Feed, Mix, PLAN_SCHEMA, Threshold};
use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json;

use crate::config::Http;
use crate::config::goal::{Located, all_criteria, thresholds};
use crate::config::limit::limits;
use crate::config::load::Load;
use crate::config::phase::{Phases, Spread};
use crate::config::places::Places;
use crate::config::scenario::Scenarios;
use crate::document::Workload as Document;

/// What a plan is made of.
#[derive(Debug)]
pub(crate) struct Materials<'a> {
    /// The top level of the config.
    pub(crate) top: &'a Fields<'a>,
    pub(crate) flags: &'a Load,
    pub(crate) defaults: &'a Load,
    pub(crate) scenarios: Scenarios,
    /// Mixes and where they stand.
    pub(crate) mixes: Vec<(Mix, String)>,
    pub(crate) feeds: &'a [Feed],
    pub(crate) http: &'a Http,
}

impl Materials<'_> {
    /// Makes the plan, and says where its parts stand in the config.
    pub(crate) fn assemble(mut self, found: &mut Found) -> (Plan, Places) {
        let mut places = Places::new(&*self.top.path);
        let mut goals = thresholds(self.top, "", found);
        goals.extend(all_criteria(self.top, found));
        let mut plan = Plan {
            schema: PLAN_SCHEMA.to_owned(),
            name: self.name(found),
            pass_share: self.top.get("pass_share").and_then(|node| node.share(found)),
            http: self.http.options.clone(),
            feeds: self.feeds.to_vec(),
            ..Plan::default()
        };
        if let Some(node) = self.top.get("limits") {
            plan.limits = limits(node, &mut places, found);
        }
        self.put_load(&mut plan, &mut goals, &mut places, found);
        plan.thresholds = put_goals(goals, &mut places);
        let run = self.flags.or(self.defaults);
        run.given.shape.apply(&mut plan);
        for part in ["warmup", "graceful_stop"] {
            if let Some(place) = run.place(part) {
                places.add(format!("/{part}_ms"), place);
            }
        }
        let document = Document {
            feeds: self.feeds.iter().map(|feed| feed.name.clone()).collect(),
            scenarios: self.scenarios.work,
        };
        plan.workload = serde_json::to_value(document).unwrap_or_default();
        plan.targets = self.scenarios.targets;
        plan.notes.append(&mut found.notes);
        (plan, places)
    }

    fn name(&self, found: &mut Found) -> String {
        let name = self.top.get("name").and_then(|node| node.text(found, "the run's name"));
        name.unwrap_or_else(|| match self.scenarios.targets.as_slice() {
            [target, ..] => format!("devstress {target}"),
            [] => "devstress".to_owned(),
        })
    }

    /// Scenarios, mixes and phases.
    fn put_load(
        &mut self,
        plan: &mut Plan,
        goals: &mut Vec<Located>,
        places: &mut Places,
        found: &mut Found,
    ) {
        let scenarios = std::mem::take(&mut self.scenarios.load);
        let mixes = std::mem::take(&mut self.mixes);
        let Spread { scenarios, mixes } = match self.top.get("phases") {
            None => Spread { scenarios: scenarios.into_iter().zip(0..).collect(), mixes },
            Some(node) => {
                let before = found.problems.len();
                let mut phases = Phases::read(node, &scenarios, self.flags, places, found);
                goals.append(&mut phases.thresholds);
                // A phase that was misread may be the one that has it.
                let is_whole = found.problems.len() == before;
                let left_out = if is_whole { phases.left_out(scenarios.len()) } else { Vec::new() };
                for index in left_out {
                    let message = format!("no phase has the scenario `{}`", scenarios[index].name);
                    let hint = "name it in the `scenarios` of a phase";
                    found.problem_with_hint(&self.scenarios.paths[index], message, hint);
                }
                let copies = phases.spread(&scenarios, &mixes, found);
                plan.phases = phases.list;
                copies
            }
        };
        for (scenario, index) in scenarios {
            places.add(format!("/scenarios/{}", plan.scenarios.len()), &self.scenarios.paths[index]);
            plan.scenarios.push(scenario);
        }
        for (mix, path) in mixes {
            places.add(format!("/mixes/{}", plan.mixes.len()), path);
            plan.mixes.push(mix);
        }
    }
}

fn put_goals(goals: Vec<Located>, places: &mut Places) -> Vec<Threshold> {
    let mut thresholds = Vec::with_capacity(goals.len());
    for (threshold, path) in goals {
        places.add(format!("/thresholds/{}", thresholds.len()), path);
        thresholds.push(threshold);
    }
    thresholds
}
