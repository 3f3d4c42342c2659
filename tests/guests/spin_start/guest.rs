//! Is never done with starting.

use stresshost_sdk::prelude::*;

#[derive(Default)]
struct Guest;

impl Workload for Guest {
    type Shared = ();

    fn describe() -> Descriptor {
        stresshost_guests::describe("spin_start")
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        stresshost_guests::plan("spin_start", &input)
    }

    fn start(_: VuInfo, (): ()) -> Result<Self, Failure> {
        let mut number = 1_u64;
        while std::hint::black_box(number) != 0 {
            number = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        }
        Ok(Self)
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        Ok(())
    }
}

stresshost_sdk::export!(Guest);
