//! Its set-up does not succeed.

use stresshost_sdk::prelude::*;

#[derive(Default)]
struct Guest;

impl Workload for Guest {
    type Shared = ();

    fn describe() -> Descriptor {
        stresshost_guests::describe("fail_setup")
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        stresshost_guests::plan("fail_setup", &input)
    }

    fn setup(_: SetupContext) -> Result<(), Failure> {
        Err(Failure::new("no_stock", "the warehouse is closed"))
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        Ok(())
    }
}

stresshost_sdk::export!(Guest);
