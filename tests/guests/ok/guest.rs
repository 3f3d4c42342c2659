//! Uses every import but `http` and `data`, as it is meant to be used.

use std::time::Duration;

use stresshost_sdk::checks::Check;
use stresshost_sdk::metrics::Counter;
use stresshost_sdk::prelude::*;
use stresshost_sdk::{artifacts, pacing, random};

#[derive(Default)]
struct Guest {
    vu: u64,
    user: Option<(Check, Counter)>,
}

impl Workload for Guest {
    type Shared = String;

    fn describe() -> Descriptor {
        let asks = Asks { artifacts: true, ..Asks::default() };
        Descriptor { asks, ..stresshost_guests::describe("ok") }
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        stresshost_guests::plan("ok", &input)
    }

    fn setup(context: SetupContext) -> Result<String, Failure> {
        Ok(format!("seed {}", context.seed))
    }

    fn start(vu: VuInfo, _: String) -> Result<Self, Failure> {
        Ok(Self {
            vu: vu.id,
            user: Some((Check::register("a die has six sides")?, Counter::register("throws", "")?)),
        })
    }

    fn iterate(&mut self, it: Iteration) -> Result<(), Failure> {
        let Some((check, counter)) = self.user else { return Err(Failure::new("start", "not started")) };
        pacing::sleep(Duration::from_millis(5));
        let throw = random::between(1, 6);
        check.mark((1..=6).contains(&throw));
        counter.add(1.0);
        if it.number == 0 {
            stresshost_sdk::info!("user {} threw {throw}", self.vu);
        }
        artifacts::append("throws.txt", format!("{throw}\n").as_bytes())
    }

    fn teardown(shared: String) -> Result<(), Failure> {
        artifacts::write("end/shared.txt", shared.as_bytes())
    }
}

stresshost_sdk::export!(Guest);
