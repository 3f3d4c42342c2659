//! What the guests share: a description and a plan whose load comes from the standard flags, such as `--vus 1`.

use stresshost_sdk::prelude::*;

/// A descriptor with the standard load flags.
pub fn describe(name: &str) -> Descriptor {
    Descriptor {
        name: name.to_owned(),
        summary: "A guest of the sandbox tests".to_owned(),
        flags: LoadFlags::flags(),
        ..Descriptor::empty()
    }
}

/// A descriptor that also takes a URL, which grants its target.
pub fn describe_with_url(name: &str) -> Descriptor {
    let url = Positional { name: "URL".into(), help: "What to load".into(), required: true, target: true };
    Descriptor { positionals: vec![url], ..describe(name) }
}

/// A plan of one scenario, `main`. The first argument, if there is one, is the plan's `workload`.
///
/// # Errors
/// When the flags make no load.
pub fn plan(name: &str, input: &PlanInput) -> Result<Plan, Problems> {
    let mut problems = Problems::new();
    let load = LoadFlags::read(input, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut plan = Plan { name: name.to_owned(), ..Plan::default() };
    plan.scenarios.push(load.scenario("main", "", &mut plan.notes));
    plan.workload = input.args.first().map(String::as_str).into();
    load.apply(&mut plan);
    Ok(plan)
}
