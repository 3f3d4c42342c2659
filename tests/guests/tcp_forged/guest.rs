//! Makes handles of `tcp` up, asks for too much, and opens what nobody granted.

use stresshost_sdk::bindings::stresshost::workload::tcp as contract;
use stresshost_sdk::checks::Check;
use stresshost_sdk::prelude::*;
use stresshost_sdk::tcp::Target;

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
        let mut descriptor = stresshost_guests::describe_with_url("tcp_forged");
        descriptor.positionals.push(elsewhere);
        descriptor
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        let mut plan = stresshost_guests::plan("tcp_forged", &input)?;
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
        let invalid = ErrorKind::Invalid.code();
        let refused = |answer: u64| (answer >> 48) as u32 == invalid;
        let exchange = || contract::Exchange { name: "x", bytes: b"x", slots: &[], options: &[] };
        let handles = FORGED.iter().all(|&handle| {
            refused(contract::send(handle))
                && refused(contract::send_with(handle, &[b"x"]))
                && contract::begin(handle, &[]) == invalid
                && contract::prepare(handle, exchange()).is_err()
                && contract::bytes(handle).is_none()
                && contract::reply_bytes(handle) == 0
                && contract::duration_us(handle) == 0
                && contract::error_text(handle).is_empty()
        });
        Check::register("forged handles are refused")?.mark(handles);
        let nothing_open = contract::write(b"x") == invalid
            && contract::read(1) == Err(invalid)
            && contract::read(0) == Err(invalid)
            && contract::read_until(b"", 1) == Err(invalid)
            && contract::read_until(b"x", 1) == Err(invalid)
            && contract::skip(1) == invalid
            && refused(contract::end("", ""))
            && refused(contract::end("timeout", "x"));
        Check::register("without an operation nothing is read")?.mark(nothing_open);
        let denied = Target::new(&self.elsewhere).open();
        let told = denied.is_err_and(|failure| failure.message.contains("is not among the granted targets"));
        Check::register("what nobody granted is denied")?.mark(told);

        let connection = Target::new(&self.granted).open()?;
        let ask = connection.exchange("ask", "version\r\n").until("\r\n").prepare()?;
        let huge = ask.send_and_read(&[], |reading| reading.read(u32::MAX));
        Check::register("more than is kept is not read")?.mark(huge.0.error() == Some(ErrorKind::TooLarge));
        connection.close();
        connection.close();
        let stale = ask.send(&[]).error() == Some(ErrorKind::Invalid);
        let again = Target::new(&self.granted).open()?;
        let still = ask.send(&[]).error() == Some(ErrorKind::Invalid);
        Check::register("closed handles stay stale")?.mark(stale && still);
        let one = again.exchange("ask", "version\r\n");
        let most = (0..20_000).take_while(|_| one.prepare().is_ok()).count();
        Check::register("prepared exchanges are limited")?.mark(most == 10_000);
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
