//! Loads `http://127.0.0.1:PORT/`, which neither its plan nor the user names: PORT alone is no URL.

use stresshost_sdk::http::{Prepared, Request};
use stresshost_sdk::prelude::*;

#[derive(Default)]
struct Guest {
    request: Option<Prepared>,
}

impl Workload for Guest {
    type Shared = String;

    fn describe() -> Descriptor {
        let port =
            Positional { name: "PORT".into(), help: "Where to go".into(), required: true, target: false };
        Descriptor { positionals: vec![port], ..stresshost_guests::describe("denied_host") }
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        stresshost_guests::plan("denied_host", &input)
    }

    fn start(_: VuInfo, port: String) -> Result<Self, Failure> {
        Ok(Self { request: Some(Request::get("elsewhere", format!("http://127.0.0.1:{port}/")).prepare()?) })
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        let Some(request) = self.request else { return Err(Failure::new("start", "not started")) };
        let response = request.fire(&[]);
        let (kind, text) = (response.error_name(), response.error_text());
        if response.ok() { Ok(()) } else { Err(Failure::new(kind, text)) }
    }
}

stresshost_sdk::export!(Guest);
