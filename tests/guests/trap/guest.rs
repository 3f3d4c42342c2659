//! Panics in the third iteration of each virtual user.

use stresshost_sdk::prelude::*;

#[derive(Default)]
struct Guest {
    iterations: u64,
}

impl Workload for Guest {
    type Shared = ();

    fn describe() -> Descriptor {
        stresshost_guests::describe("trap")
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        stresshost_guests::plan("trap", &input)
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        self.iterations += 1;
        if self.iterations == 3 {
            take_from_empty_basket();
        }
        Ok(())
    }
}

/// Kept out of line, so that the backtrace has a name to show.
#[inline(never)]
fn take_from_empty_basket() {
    panic!("the basket is empty");
}

stresshost_sdk::export!(Guest);
