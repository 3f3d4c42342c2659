//! Says that a plan is good which cannot run.

use stresshost_sdk::prelude::*;

#[derive(Default)]
struct Guest;

impl Workload for Guest {
    type Shared = ();

    fn describe() -> Descriptor {
        stresshost_guests::describe("bad_plan")
    }

    fn plan(_: PlanInput) -> Result<Plan, Problems> {
        let executor = Executor::ConstantVus(ConstantVus { vus: 0, duration_ms: 0, ramp_up_ms: 0 });
        let scenario = Scenario::new("main", executor);
        Ok(Plan { name: "bad_plan".into(), scenarios: vec![scenario], ..Plan::default() })
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        Ok(())
    }
}

stresshost_sdk::export!(Guest);
