//! Its second virtual user does not start.

use stresshost_sdk::prelude::*;

#[derive(Default)]
struct Guest;

impl Workload for Guest {
    type Shared = ();

    fn describe() -> Descriptor {
        stresshost_guests::describe("fail_start")
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        stresshost_guests::plan("fail_start", &input)
    }

    fn start(vu: VuInfo, (): ()) -> Result<Self, Failure> {
        if vu.id == 1 { Err(Failure::new("no_account", "there is one account only")) } else { Ok(Self) }
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        Ok(())
    }
}

stresshost_sdk::export!(Guest);
