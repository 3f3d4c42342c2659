//! Reports findings: one again and again, some that are none, and more than a run has room for.

use stresshost_sdk::bindings::stresshost::workload::findings;
use stresshost_sdk::checks::Check;
use stresshost_sdk::prelude::*;

#[derive(Default)]
struct Guest;

impl Workload for Guest {
    type Shared = ();

    fn describe() -> Descriptor {
        stresshost_guests::describe("finds")
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        stresshost_guests::plan("finds", &input)
    }

    fn setup(_: SetupContext) -> Result<(), Failure> {
        stresshost_sdk::findings::report(&finding("found in setup", ""))
    }

    fn iterate(&mut self, it: Iteration) -> Result<(), Failure> {
        stresshost_sdk::findings::report(&finding("answers HTML", &format!("iteration {}", it.number)))?;
        let none = ["", "{}", r#"{"rule": "r", "severity": "awful", "message": "m"}"#];
        let refused = none.iter().all(|text| findings::report(text).is_err());
        Check::register("what is no finding is refused")?.mark(refused);
        if it.number == 0 {
            let flood = (0..2_000).map(|number| finding(&format!("number {number}"), ""));
            let taken = flood.filter(|finding| stresshost_sdk::findings::report(finding).is_ok()).count();
            stresshost_sdk::info!("{taken} of a flood");
        }
        stresshost_sdk::pacing::sleep(std::time::Duration::from_millis(5));
        Ok(())
    }
}

fn finding(message: &str, evidence: &str) -> Finding {
    Finding {
        rule: "content-type".into(),
        severity: "high".into(),
        message: message.into(),
        location: "GET /products".into(),
        evidence: evidence.into(),
        confidence: "confirmed".into(),
        remedy: "answer JSON".into(),
    }
}

stresshost_sdk::export!(Guest);
