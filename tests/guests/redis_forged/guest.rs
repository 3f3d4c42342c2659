//! Makes handles of Redis up, asks for too much, and opens what nobody granted.

use stresshost_sdk::bindings::stresshost::workload::redis as contract;
use stresshost_sdk::checks::Check;
use stresshost_sdk::prelude::*;
use stresshost_sdk::redis::Target;

/// Numbers that nobody gave out.
const FORGED: [u32; 4] = [1, 7, 1 << 20, u32::MAX];

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
        let mut descriptor = stresshost_guests::describe_with_url("redis_forged");
        descriptor.positionals.push(elsewhere);
        descriptor
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        let mut plan = stresshost_guests::plan("redis_forged", &input)?;
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
        let refused = |answer: u64| ErrorKind::from_code((answer >> 48) as u32) == Some(ErrorKind::Invalid);
        let command = || contract::Command { name: "x", words: &[b"PING"], slots: &[], options: &[] };
        let before = FORGED.iter().all(|&handle| {
            let call = contract::Call { command: handle, values: &[] };
            refused(contract::send(handle))
                && contract::pipeline(&[call]).into_iter().all(refused)
                && contract::prepare(handle, command()).is_err()
                && contract::server(handle).is_empty()
                && contract::bytes(handle).is_none()
                && contract::integer(handle).is_none()
                && contract::value(handle).is_err()
                && contract::duration_us(handle) == 0
                && contract::error_text(handle).is_empty()
                && contract::error_code(handle).is_empty()
        });
        Check::register("forged handles are refused")?.mark(before && contract::pipeline(&[]).is_empty());
        let denied = Target::new(&self.elsewhere).open();
        let told = denied.is_err_and(|failure| failure.message.contains("is not among the granted targets"));
        Check::register("what nobody granted is denied")?.mark(told);

        let connection = Target::new(&self.granted).open()?;
        let ping = connection.command("PING").word("PING").prepare()?;
        let too_many = vec![ping.call(&[]); 1_001];
        let refused_all = stresshost_sdk::redis::pipeline(&too_many);
        let all = refused_all.len() == 1_001
            && refused_all.iter().all(|reply| reply.error() == Some(ErrorKind::Invalid));
        Check::register("a pipeline without end is refused")?.mark(all);
        connection.close();
        connection.close();
        let stale =
            ping.send(&[]).error() == Some(ErrorKind::Invalid) && connection.server().engine.is_empty();
        let again = Target::new(&self.granted).open()?;
        let still = ping.send(&[]).error() == Some(ErrorKind::Invalid);
        Check::register("closed handles stay stale")?.mark(stale && still);
        let one = again.command("PING").word("PING");
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

stresshost_sdk::export!(Guest);
