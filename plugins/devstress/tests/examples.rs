//! The example configs make plans, and the README's configs too.

use devstress::DevStress;
use stresshost_plan::yaml::Document;
use stresshost_sdk::prelude::*;
use stresshost_sdk::testing::{self, FakeHost};

fn plan(name: &str, text: &str) -> Plan {
    let config =
        Document::parse(name, text).unwrap_or_else(|error| panic!("{}", error.render())).into_value();
    DevStress::plan(testing::input(&[], (), config)).unwrap_or_else(|problems| panic!("{name}: {problems:?}"))
}

#[test]
fn examples_make_plans_whose_users_start() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let plan = plan(&path.display().to_string(), &std::fs::read_to_string(&path).unwrap());
        let _host = FakeHost::new();
        assert!(testing::start::<DevStress>(&plan, 0).is_ok(), "{}", path.display());
        seen += 1;
    }
    assert_eq!(seen, 3);
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
