//! Does I/O while it plans, where there is none, and tells what it heard.

use stresshost_sdk::artifacts;
use stresshost_sdk::http::Request;
use stresshost_sdk::metrics::Counter;
use stresshost_sdk::prelude::*;

#[derive(Default)]
struct Guest;

impl Workload for Guest {
    type Shared = ();

    fn describe() -> Descriptor {
        stresshost_guests::describe("io_in_plan")
    }

    fn plan(_: PlanInput) -> Result<Plan, Problems> {
        let answers = [
            Request::get("GET /", "http://127.0.0.1:1/").prepare().map(|_| ()),
            Counter::register("orders", "").map(|_| ()),
            artifacts::write("x.txt", b"x"),
        ];
        Err(answers.iter().map(|answer| Problem::new("", format!("{answer:?}"))).collect())
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        Ok(())
    }
}

stresshost_sdk::export!(Guest);
