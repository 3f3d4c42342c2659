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

/// A guest of the SDK whose iteration is a function without arguments.
#[macro_export]
macro_rules! iterates {
    ($name:literal, $iterate:expr) => {
        #[derive(Default)]
        struct Guest;

        impl stresshost_sdk::Workload for Guest {
            type Shared = ();

            fn describe() -> stresshost_sdk::prelude::Descriptor {
                let asks = stresshost_sdk::prelude::Asks { artifacts: true, ..Default::default() };
                stresshost_sdk::prelude::Descriptor { asks, ..$crate::describe($name) }
            }

            fn plan(
                input: stresshost_sdk::prelude::PlanInput,
            ) -> Result<stresshost_sdk::prelude::Plan, stresshost_sdk::Problems> {
                $crate::plan($name, &input)
            }

            fn iterate(&mut self, _: stresshost_sdk::Iteration) -> Result<(), stresshost_sdk::Failure> {
                let iterate: fn() -> Result<(), stresshost_sdk::Failure> = $iterate;
                iterate()
            }
        }

        stresshost_sdk::export!(Guest);
    };
}

/// A guest that implements the contract itself, because the SDK would not let it do what it does.
#[macro_export]
macro_rules! answers {
    (describe: $describe:expr, plan: $plan:expr, analyze: $analyze:expr) => {
        stresshost_sdk::export_api_section!();

        use stresshost_sdk::bindings::exports::stresshost::workload::guest as contract;

        struct Component;

        impl contract::Guest for Component {
            fn describe() -> String {
                $describe
            }
            fn plan(_: String) -> Result<String, String> {
                Ok($plan)
            }
            fn setup(_: String) -> Result<String, contract::Failure> {
                Ok(String::new())
            }
            fn setup_phase(_: String) -> Result<String, contract::Failure> {
                Ok(String::new())
            }
            fn start(_: contract::VuInfo, _: String) -> Result<(), contract::Failure> {
                Ok(())
            }
            fn iterate(_: contract::Iteration) -> Result<(), ()> {
                stresshost_sdk::pacing::sleep(std::time::Duration::from_millis(5));
                Ok(())
            }
            fn finish() {}
            fn teardown_phase(_: String) -> Result<(), contract::Failure> {
                Ok(())
            }
            fn teardown(_: String) -> Result<(), contract::Failure> {
                Ok(())
            }
            fn analyze(_: String) -> String {
                $analyze
            }
        }

        stresshost_sdk::bindings::export_component!(Component with_types_in stresshost_sdk::bindings);
    };
}

/// A descriptor as JSON, without anything that is asked for.
pub fn described(name: &str) -> String {
    format!(
        r#"{{"schema": "stresshost.descriptor/1", "name": "{name}", "version": "0.1.0", "summary": "A guest"}}"#
    )
}

/// A plan of two users for 300 ms, as JSON.
pub fn planned() -> String {
    r#"{"schema": "stresshost.plan/1", "name": "short", "graceful_stop_ms": 300, "scenarios": [
        {"name": "main", "executor": {"type": "constant-vus", "vus": 2, "duration_ms": 300}}]}"#
        .to_owned()
}
