//! Panics when it is asked what it is.

use stresshost_sdk::prelude::*;

#[derive(Default)]
struct Guest;

impl Workload for Guest {
    type Shared = ();

    fn describe() -> Descriptor {
        panic!("who am I?");
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        stresshost_guests::plan("panic_describe", &input)
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        Ok(())
    }
}

stresshost_sdk::export!(Guest);
