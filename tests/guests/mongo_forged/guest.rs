//! Makes handles of MongoDB up, asks for too much, and opens what nobody granted.

use stresshost_sdk::bindings::stresshost::workload::mongo as contract;
use stresshost_sdk::checks::Check;
use stresshost_sdk::mongo::{Target, Value};
use stresshost_sdk::prelude::*;

/// Numbers that nobody gave out.
const FORGED: [u32; 4] = [1, 7, 1 << 20, u32::MAX];

const PING: &str = r#"{"ping": 1}"#;

#[derive(Default)]
struct Guest {
    granted: String,
    elsewhere: String,
}

impl Workload for Guest {
    type Shared = (String, String);

    fn describe() -> Descriptor {
        let elsewhere = Positional {
            name: "ELSEWHERE".into(),
            help: "A server that is not granted".into(),
            required: true,
            target: false,
        };
        let mut descriptor = stresshost_guests::describe_with_url("mongo_forged");
        descriptor.positionals.push(elsewhere);
        descriptor
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        let mut plan = stresshost_guests::plan("mongo_forged", &input)?;
        plan.workload = input.args.into();
        Ok(plan)
    }

    fn setup(context: SetupContext) -> Result<Self::Shared, Failure> {
        let argument = |index: usize| context.workload[index].as_str().unwrap_or_default().to_owned();
        Ok((argument(0), argument(1)))
    }

    fn start(_: VuInfo, (granted, elsewhere): (String, String)) -> Result<Self, Failure> {
        Ok(Self { granted, elsewhere })
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        Check::register("forged replies are stale")?.mark(FORGED.iter().all(|&reply| is_stale(reply)));
        Check::register("forged handles are refused")?.mark(FORGED.iter().all(|&handle| is_refused(handle)));
        let denied = Target::new(&self.elsewhere).open();
        let told = denied.is_err_and(|failure| failure.message.contains("is not among the granted targets"));
        Check::register("what nobody granted is denied")?.mark(told);

        let connection = Target::new(&self.granted).open()?;
        let ping = connection.command("ping", PING).prepare()?;
        let too_many = ping.execute(&vec![Value::Null; 1_001]);
        let too_long = format!(r#"{{"ping": "{}"}}"#, "x".repeat(1 << 20));
        let too_deep = format!(r#"{{"ping": {}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
        let are_refused = too_many.error() == Some(ErrorKind::Invalid)
            && [too_long, too_deep]
                .into_iter()
                .all(|text| connection.command("ping", text).prepare().is_err());
        Check::register("commands are limited")?.mark(are_refused);
        connection.close();
        connection.close();
        let stale =
            ping.execute(&[]).error() == Some(ErrorKind::Invalid) && connection.server().engine.is_empty();
        let again = Target::new(&self.granted).open()?;
        let still = ping.execute(&[]).error() == Some(ErrorKind::Invalid);
        Check::register("closed handles stay stale")?.mark(stale && still);
        let one = again.command("ping", PING);
        let most = (0..20_000).take_while(|_| one.prepare().is_ok()).count();
        Check::register("prepared commands are limited")?.mark(most == 10_000);
        again.close();
        let open: Vec<_> = (0..100).map_while(|_| Target::new(&self.granted).open().ok()).collect();
        Check::register("connections are limited")?.mark(open.len() == 64);
        for connection in open {
            connection.close();
        }
        Ok(())
    }
}

fn is_stale(reply: u32) -> bool {
    contract::count(reply) == 0
        && contract::reply(reply).is_err()
        && contract::duration_us(reply) == 0
        && contract::error_text(reply).is_empty()
        && contract::error_code(reply).is_empty()
}

fn is_refused(handle: u32) -> bool {
    let invalid = |answer: u64| ErrorKind::from_code((answer >> 48) as u32) == Some(ErrorKind::Invalid);
    let command = contract::Command { name: "ping", text: PING, options: &[] };
    contract::close(handle);
    invalid(contract::execute(handle, &[]))
        && invalid(contract::run(handle, "ping", PING))
        && contract::prepare(handle, command).is_err()
        && contract::server(handle).is_empty()
}

stresshost_sdk::export!(Guest);
