//! Takes memory until there is no more.

use stresshost_sdk::prelude::*;

#[derive(Default)]
struct Guest;

impl Workload for Guest {
    type Shared = ();

    fn describe() -> Descriptor {
        stresshost_guests::describe("hog_memory")
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        stresshost_guests::plan("hog_memory", &input)
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        let mut hoard = Vec::new();
        loop {
            hoard.push(std::hint::black_box(vec![1_u8; 1 << 20]));
        }
    }
}

stresshost_sdk::export!(Guest);
