//! Computes for ever and never calls the host.

use stresshost_sdk::prelude::*;

#[derive(Default)]
struct Guest;

impl Workload for Guest {
    type Shared = ();

    fn describe() -> Descriptor {
        stresshost_guests::describe("spin")
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        stresshost_guests::plan("spin", &input)
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        loop {
            std::hint::black_box(());
        }
    }
}

stresshost_sdk::export!(Guest);
