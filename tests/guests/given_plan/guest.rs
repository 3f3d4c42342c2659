//! Hands its config on as the plan, so that a test can have any plan run, and notes each call of its life in an
//! artifact.

use std::time::Duration;

use stresshost_sdk::checks::Check;
use stresshost_sdk::prelude::*;
use stresshost_sdk::{artifacts, pacing, serde_json};

#[derive(Default)]
struct Guest {
    limiter: Option<pacing::Limiter>,
    check: Option<Check>,
}

/// Appends a line to the artifact `life.log`.
fn note(line: &str) -> Result<(), Failure> {
    artifacts::append("life.log", format!("{line}\n").as_bytes())
}

impl Workload for Guest {
    type Shared = String;

    fn describe() -> Descriptor {
        let asks = Asks { artifacts: true, ..Asks::default() };
        Descriptor { asks, ..stresshost_guests::describe("given_plan") }
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        serde_json::from_value(input.config)
            .map_err(|error| vec![Problem::new("", format!("the config is no plan: {error}"))])
    }

    fn setup(_context: SetupContext) -> Result<String, Failure> {
        note("setup")?;
        Ok("run".to_owned())
    }

    fn setup_phase(context: PhaseContext<String>) -> Result<String, Failure> {
        note(&format!("setup-phase {}", context.phase))?;
        if context.phase.starts_with("broken") {
            return Err(Failure::new("broken", "this phase cannot be set up"));
        }
        Ok(format!("{} {}", context.shared, context.phase))
    }

    fn start(vu: VuInfo, shared: String) -> Result<Self, Failure> {
        if vu.id == 0 {
            note(&format!("start {shared}"))?;
        }
        Ok(Self { limiter: pacing::limiter("quota").ok(), check: Some(Check::register("it iterates")?) })
    }

    fn iterate(&mut self, _iteration: Iteration) -> Result<(), Failure> {
        if let Some(limiter) = self.limiter {
            limiter.acquire(1);
        }
        if let Some(check) = self.check {
            check.mark(true);
        }
        pacing::sleep(Duration::from_millis(5));
        Ok(())
    }

    fn teardown_phase(shared: String) -> Result<(), Failure> {
        note(&format!("teardown-phase {shared}"))
    }

    fn teardown(shared: String) -> Result<(), Failure> {
        note(&format!("teardown {shared}"))
    }
}

stresshost_sdk::export!(Guest);
