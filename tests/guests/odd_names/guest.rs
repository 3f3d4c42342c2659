//! Writes what a terminal obeys and a page runs, wherever a text may stand.

use stresshost_sdk::checks::Check;
use stresshost_sdk::http::Request;
use stresshost_sdk::metrics::Counter;
use stresshost_sdk::prelude::*;

/// Clears the screen, sets the title, turns the writing around, goes back, and is a script.
const ODD: &str = "odd\u{1b}[2J\u{1b}]0;title\u{7}\u{202e}\u{8}\r\u{9b}31m\0<script>alert(1)</script>&\"'";

#[derive(Default)]
struct Guest;

impl Workload for Guest {
    type Shared = ();

    fn describe() -> Descriptor {
        stresshost_guests::describe("odd_names")
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        let mut planned = stresshost_guests::plan(ODD, &input)?;
        planned.notes.push(format!("note {ODD}\nerror: not of the host"));
        for scenario in &mut planned.scenarios {
            scenario.name = format!("scenario {ODD}");
        }
        Ok(planned)
    }

    fn iterate(&mut self, it: Iteration) -> Result<(), Failure> {
        let refused = [
            Check::register(ODD).is_err(),
            Counter::register(ODD, ODD).is_err(),
            Request::get(ODD, "http://127.0.0.1:9/").prepare().is_err(),
            stresshost_sdk::artifacts::write(ODD, b"x").is_err(),
        ];
        Check::register("odd names are refused")?.mark(refused.iter().all(|refused| *refused));
        stresshost_sdk::error!("log {ODD}\nerror: not of the host");
        stresshost_sdk::pacing::sleep(std::time::Duration::from_millis(5));
        assert!(it.number.is_multiple_of(2), "panic {ODD}");
        Err(Failure::new(format!("code {ODD}"), format!("message {ODD}")))
    }

    fn analyze(_: Summary) -> Analysis {
        let section = Section {
            title: ODD.to_owned(),
            text: vec![format!("text {ODD}")],
            table: vec![vec![ODD.to_owned()]],
        };
        Analysis { sections: vec![section], ..Analysis::default() }
    }
}

stresshost_sdk::export!(Guest);
