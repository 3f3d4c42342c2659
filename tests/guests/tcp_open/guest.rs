//! Leaves an operation open, in one of several ways.

use stresshost_sdk::prelude::*;
use stresshost_sdk::tcp::{Prepared, Target};

#[derive(Default)]
struct Guest(Option<(Prepared, String)>);

impl Workload for Guest {
    type Shared = (String, String);

    fn describe() -> Descriptor {
        let mode = Positional {
            name: "MODE".into(),
            help: "`return`, `fail`, `trap` or `wait`".into(),
            required: true,
            target: false,
        };
        let mut descriptor = stresshost_guests::describe_with_url("tcp_open");
        descriptor.positionals.push(mode);
        descriptor
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        let mut plan = stresshost_guests::plan("tcp_open", &input)?;
        plan.workload = input.args.into();
        Ok(plan)
    }

    fn setup(context: SetupContext) -> Result<Self::Shared, Failure> {
        let argument = |index: usize| context.workload[index].as_str().unwrap_or_default().to_owned();
        Ok((argument(0), argument(1)))
    }

    fn start(_: VuInfo, (address, mode): (String, String)) -> Result<Self, Failure> {
        let ask = Target::new(address).open()?.exchange("ask", "version\r\n").prepare()?;
        Ok(Self(Some((ask, mode))))
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        let Some((ask, mode)) = &self.0 else { return Ok(()) };
        let mut operation = ask.begin(&[]);
        let line = operation.read_until(b"\r\n", 100);
        assert!(line.is_ok(), "{line:?}");
        match mode.as_str() {
            "return" => Ok(()),
            "fail" => Err(Failure::new("half", "something else went wrong")),
            "wait" => {
                // The server has nothing more to say.
                let more = operation.read(1);
                Err(Failure::new("more", format!("{more:?}")))
            }
            _ => panic!("the plugin breaks"),
        }
    }
}

stresshost_sdk::export!(Guest);
