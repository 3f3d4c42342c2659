//! Sends one request an iteration to the URL it is given, follows redirects, reads what comes, and tells what became of
//! it.

use stresshost_sdk::http::{Prepared, Request};
use stresshost_sdk::prelude::*;

#[derive(Default)]
struct Guest {
    request: Option<Prepared>,
}

impl Workload for Guest {
    type Shared = String;

    fn describe() -> Descriptor {
        // Naming it grants nothing: what is granted is for the user to say.
        let url =
            Positional { name: "URL".into(), help: "Where to go".into(), required: true, target: false };
        Descriptor { positionals: vec![url], ..stresshost_guests::describe("follow") }
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        stresshost_guests::plan("follow", &input)
    }

    fn start(_: VuInfo, url: String) -> Result<Self, Failure> {
        let request = Request::get("follow", url).follow_redirects(5);
        Ok(Self { request: Some(request.timeout(std::time::Duration::from_secs(5)).prepare()?) })
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        let Some(request) = self.request else { return Err(Failure::new("start", "not started")) };
        let response = request.fire(&[]);
        if !response.ok() {
            return Err(Failure::new(response.error_name(), response.error_text()));
        }
        let kept = response.body()?.len() as u64;
        if kept == response.body_bytes() { Ok(()) } else { Err(Failure::new("cut", "the body is not whole")) }
    }
}

stresshost_sdk::export!(Guest);
