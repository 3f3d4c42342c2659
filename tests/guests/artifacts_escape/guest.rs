//! Tries to write outside the run directory.

use stresshost_sdk::artifacts;
use stresshost_sdk::checks::Check;
use stresshost_sdk::prelude::*;

/// Names that lead elsewhere. The tests look for `escaped.txt`.
const NAMES: [&str; 5] =
    ["../escaped.txt", "a/../../escaped.txt", "/tmp/escaped.txt", "./../escaped.txt", "a/..\0/escaped.txt"];

#[derive(Default)]
struct Guest {
    refused: Option<Check>,
}

impl Workload for Guest {
    type Shared = ();

    fn describe() -> Descriptor {
        let asks = Asks { artifacts: true, ..Asks::default() };
        Descriptor { asks, ..stresshost_guests::describe("artifacts_escape") }
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        stresshost_guests::plan("artifacts_escape", &input)
    }

    fn start(_: VuInfo, (): ()) -> Result<Self, Failure> {
        Ok(Self { refused: Some(Check::register("a name that leads elsewhere is refused")?) })
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        let Some(refused) = self.refused else { return Err(Failure::new("start", "not started")) };
        for name in NAMES {
            let (written, appended) = (artifacts::write(name, b"x"), artifacts::append(name, b"x"));
            refused.mark(written.is_err() && appended.is_err());
        }
        artifacts::write("kept.txt", b"x")
    }
}

stresshost_sdk::export!(Guest);
