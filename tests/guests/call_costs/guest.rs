//! Makes so many calls of one kind in each iteration, so that `cargo xtask bench calls` can tell what one costs. Without
//! any, an iteration is empty.

use std::time::Duration;

use stresshost_sdk::prelude::*;
use stresshost_sdk::{pacing, random};

#[derive(Default)]
struct Guest {
    call: Call,
    times: u32,
}

#[derive(Clone, Copy, Default)]
enum Call {
    /// The host answers at once.
    #[default]
    Random,
    /// The guest is suspended and resumed, without any time between.
    Sleep,
}

/// What `KIND:N` asks for.
fn parse(calls: &str) -> Option<(Call, u32)> {
    let (kind, times) = calls.split_once(':')?;
    let call = match kind {
        "random" => Call::Random,
        "sleep" => Call::Sleep,
        _ => return None,
    };
    Some((call, times.parse().ok()?))
}

impl Workload for Guest {
    type Shared = String;

    fn describe() -> Descriptor {
        let calls = Positional {
            name: "CALLS".into(),
            help: "Calls of each iteration, such as `random:1000`, `sleep:1000` or `random:0`".into(),
            required: true,
            target: false,
        };
        Descriptor { positionals: vec![calls], ..stresshost_guests::describe("call_costs") }
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        stresshost_guests::plan("call_costs", &input)
    }

    fn start(_: VuInfo, calls: String) -> Result<Self, Failure> {
        let (call, times) = parse(&calls)
            .ok_or_else(|| Failure::setup(format!("`{calls}` is not `random:N` or `sleep:N`")))?;
        Ok(Self { call, times })
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        for _ in 0..self.times {
            match self.call {
                Call::Random => {
                    std::hint::black_box(random::next());
                }
                Call::Sleep => pacing::sleep(Duration::ZERO),
            }
        }
        Ok(())
    }
}

stresshost_sdk::export!(Guest);
