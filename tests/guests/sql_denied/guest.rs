//! Connects to `postgresql://127.0.0.1:PORT`, which neither its plan nor the user names: PORT alone is no URL.

use stresshost_sdk::prelude::*;
use stresshost_sdk::sql::Target;

#[derive(Default)]
struct Guest {
    port: String,
}

impl Workload for Guest {
    type Shared = String;

    fn describe() -> Descriptor {
        let port =
            Positional { name: "PORT".into(), help: "Where to go".into(), required: true, target: false };
        Descriptor { positionals: vec![port], ..stresshost_guests::describe("sql_denied") }
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        stresshost_guests::plan("sql_denied", &input)
    }

    fn start(_: VuInfo, port: String) -> Result<Self, Failure> {
        Ok(Self { port })
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        Target::new(format!("postgresql://a:b@127.0.0.1:{}/x", self.port)).open()?.close();
        Ok(())
    }
}

stresshost_sdk::export!(Guest);
