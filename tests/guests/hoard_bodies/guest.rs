//! Keeps as many large answers at once as it can ask for.

use stresshost_sdk::http::{Prepared, Request, Shot, send_all};
use stresshost_sdk::metrics::Counter;
use stresshost_sdk::prelude::*;

#[derive(Default)]
struct Guest {
    request: Option<Prepared>,
}

impl Workload for Guest {
    type Shared = String;

    fn describe() -> Descriptor {
        stresshost_guests::describe_with_url("hoard_bodies")
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        stresshost_guests::plan("hoard_bodies", &input)
    }

    fn start(_: VuInfo, url: String) -> Result<Self, Failure> {
        Ok(Self { request: Some(Request::get("large", url).prepare()?) })
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        let Some(request) = self.request else { return Ok(()) };
        let shots: Vec<Shot<'_>> = (0..64).map(|_| Shot { request, values: &[] }).collect();
        let answers = send_all(&shots);
        // Held while others fetch theirs.
        stresshost_sdk::pacing::sleep(std::time::Duration::from_millis(200));
        let whole =
            answers.iter().filter(|answer| answer.json("/none").is_none() && answer.body().is_ok()).count();
        Counter::register("bodies kept whole", "")?.add(whole as f64);
        Ok(())
    }
}

stresshost_sdk::export!(Guest);
