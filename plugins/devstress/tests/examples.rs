//! The example configs make plans, and the README's configs too.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use devstress::DevStress;
use stresshost_plan::yaml::Document;
use stresshost_sdk::guest;
use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json::Value;
use stresshost_sdk::testing::{self, FakeHost};

/// The plan of a config in which no variable of the environment is set.
fn plan(name: &str, text: &str) -> Plan {
    let mut document = Document::parse(name, text).unwrap_or_else(|error| panic!("{}", error.render()));
    assert_eq!(document.expand_env(&|_| None), []);
    let input = serde_json::to_string(&testing::input(&[], (), document.value())).unwrap();
    let plan = guest::plan::<DevStress>(&input).unwrap_or_else(|problems| {
        let problems: Problems = serde_json::from_str(&problems).unwrap();
        let shown: Vec<_> = problems.iter().map(|problem| document.render_problem(problem)).collect();
        panic!("{}", shown.join("\n"))
    });
    let plan: Plan = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan.validate(), [], "{name}");
    plan
}

/// The plan of a file, and whether a user of each of its scenarios starts and does an iteration.
fn plan_and_start(path: &Path) -> Plan {
    let plan = plan(&path.display().to_string(), &std::fs::read_to_string(path).unwrap());
    for (index, scenario) in (0_u32..).zip(&plan.scenarios) {
        let _host = FakeHost::new();
        let mut user: DevStress = testing::start_in(&plan, &scenario.phase, 0).unwrap();
        let own = scenario.own_index.unwrap_or(index);
        let done = user.iterate(Iteration { scenario: own, number: 0 });
        assert_ne!(
            done.err().map(|failure| failure.code).as_deref(),
            Some(Failure::SETUP),
            "{}",
            path.display()
        );
    }
    plan
}

#[test]
fn examples_make_plans_whose_users_start() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        plan_and_start(&entry.unwrap().path());
        seen += 1;
    }
    assert_eq!(seen, 3);
}

/// What a plan asks the host for, by the name of the example; what its users do is left out.
#[test]
fn every_shape_has_an_example() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let mut plans = BTreeMap::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let folder = entry.unwrap().path();
        let (name, config) = (folder.file_name().unwrap().display().to_string(), folder.join("run.yaml"));
        if config.exists() {
            let plan = Plan { workload: Value::Null, feeds: Vec::new(), ..plan_and_start(&config) };
            insta::assert_json_snapshot!(format!("example-{name}"), plan);
            let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
            assert!(readme.contains(&format!("--config examples/{name}/run.yaml")), "{name}");
            plans.insert(name, plan);
        }
    }
    let executors = plans.values().flat_map(|plan| {
        plan.scenarios
            .iter()
            .map(|scenario| &scenario.executor)
            .chain(plan.mixes.iter().map(|mix| &mix.executor))
    });
    let kinds: HashSet<_> = executors.map(std::mem::discriminant).collect();
    assert_eq!(kinds.len(), 8, "every kind of executor, and shares of mixes");
    assert!(plans.values().all(|plan| plan.duration_ms() <= 6_000), "examples take a few seconds");
}

#[test]
fn the_configs_of_the_readme_make_plans() {
    let readme = include_str!("../README.md");
    let configs: Vec<&str> =
        readme.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!configs.is_empty(), "the README shows a config");
    for config in configs {
        plan("README.md", config);
    }
}
