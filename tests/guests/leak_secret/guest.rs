//! Learns a secret from a server that sends back what it got, and tells it in every way there is.

use std::sync::OnceLock;

use stresshost_sdk::checks::Check;
use stresshost_sdk::http::Request;
use stresshost_sdk::metrics::Counter;
use stresshost_sdk::prelude::*;

#[derive(Default)]
struct Guest {
    iterations: u32,
}

impl Workload for Guest {
    type Shared = String;

    fn describe() -> Descriptor {
        let asks = Asks { secrets: vec!["key".into()], artifacts: true, ..Asks::default() };
        Descriptor { asks, ..stresshost_guests::describe_with_url("leak_secret") }
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        stresshost_guests::plan("leak_secret", &input)
    }

    fn setup(context: SetupContext) -> Result<String, Failure> {
        let url = context.workload.as_str().unwrap_or_default();
        let response = Request::get("echo", url).header("X-Key", "{{secret:key}}").prepare()?.fire(&[]);
        response.text()
    }

    fn start(_: VuInfo, stolen: String) -> Result<Self, Failure> {
        for log in ["error", "info"] {
            stresshost_sdk::log::write(log, format_args!("it is {stolen}"));
        }
        Check::register(&format!("check {stolen}"))?;
        Counter::register(&format!("metric {stolen}"), "")?.add(1.0);
        Request::get(format!("operation {stolen}"), "http://127.0.0.1:1/").prepare()?;
        stresshost_sdk::artifacts::write("stolen.txt", stolen.as_bytes())?;
        STOLEN.set(stolen).map_err(|_| Failure::new("start", "twice"))?;
        Ok(Self::default())
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        self.iterations += 1;
        let stolen = STOLEN.get().map_or("", String::as_str);
        assert!(!self.iterations.is_multiple_of(3), "panics with {stolen}");
        Err(Failure::new("leak", format!("fails with {stolen}")))
    }
}

static STOLEN: OnceLock<String> = OnceLock::new();

stresshost_sdk::export!(Guest);
