//! Talks to a memcached in every way that `tcp` has, and checks what it is told.

use std::time::Duration;

use stresshost_sdk::bindings::stresshost::workload::tcp as contract;
use stresshost_sdk::checks::Check;
use stresshost_sdk::prelude::*;
use stresshost_sdk::tcp::{Connection, Prepared, ReadError, Target};

/// A value that looks like the protocol around it.
const VALUE: &[u8] = b"\0\xff{{key}}\r\nEND\r\n";

#[derive(Default)]
struct Guest(Option<User>);

struct User {
    connection: Connection,
    set: Prepared,
    get: Prepared,
    checks: Vec<(&'static str, Check)>,
}

impl Workload for Guest {
    type Shared = String;

    fn describe() -> Descriptor {
        stresshost_guests::describe_with_url("tcp_client")
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        stresshost_guests::plan("tcp_client", &input)
    }

    fn start(_: VuInfo, address: String) -> Result<Self, Failure> {
        let connection = Target::new(address).timeout(Duration::from_secs(20)).open()?;
        let set = connection.exchange("set", "set {{key}} 0 0 {{length}}\r\n{{value}}\r\n");
        let set =
            set.slot("key").slot("length").slot("value").until("\r\n").expect_start("STORED").prepare()?;
        let get = connection.exchange("get", "get {{key}}\r\n").slot("key").prepare()?;
        Ok(Self(Some(User { connection, set, get, checks: Vec::new() })))
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        self.0.as_mut().map_or_else(|| Err(Failure::new("start", "not started")), User::iterate)
    }
}

impl User {
    fn mark(&mut self, name: &'static str, passed: bool) -> Result<(), Failure> {
        let check = match self.checks.iter().find(|(known, _)| *known == name) {
            Some((_, check)) => *check,
            None => {
                let check = Check::register(name)?;
                self.checks.push((name, check));
                check
            }
        };
        check.mark(passed);
        Ok(())
    }

    fn iterate(&mut self) -> Result<(), Failure> {
        let length = VALUE.len().to_string();
        let stored = self.set.send(&[b"key", length.as_bytes(), VALUE]);
        let told = stored.ok() && stored.text().as_deref() == Some("STORED\r\n") && stored.reply_bytes() == 8;
        self.mark("a reply is read whole", told)?;
        self.mark("a reply has a duration", stored.duration() > Duration::ZERO)?;

        let (got, value) = self.get.send_and_read(&[b"key"], |reading| {
            let head = reading.read_until(b"\r\n", 100)?;
            let value = reading.read(VALUE.len() as u32)?;
            reading.skip(2)?;
            let end = reading.read_until(b"\r\n", 5)?;
            let expected = format!("VALUE key 0 {}\r\n", VALUE.len());
            if head == expected.as_bytes() && end == b"END\r\n" {
                Ok(value)
            } else {
                Err(ReadError::unexpected("another reply"))
            }
        });
        let bytes = 16 + VALUE.len() as u64 + 2 + 5;
        let read = got.ok() && value.as_deref() == Some(VALUE) && got.reply_bytes() == bytes;
        self.mark("pieces are what was sent", read)?;
        self.mark("an earlier answer is stale", stored.bytes().is_none() && stored.reply_bytes() == 8)?;
        self.mark("a reply in pieces is not kept", got.bytes().is_none())?;

        let incr = self.connection.exchange("incr", "incr key 1\r\n").until("\r\n").expect_start("1");
        let refused = incr.prepare()?.send(&[]);
        let told = refused.error() == Some(ErrorKind::StatusUnexpected)
            && refused.error_text().starts_with("the reply begins with `CLIENT_ERROR");
        self.mark("an unexpected beginning fails", told)?;

        let (verdict, nothing) = self.get.send_and_read(&[b"none"], |reading| {
            reading.read_until(b"END\r\n", 5)?;
            Err::<(), _>(ReadError::new(ErrorKind::Constraint, "it is not there"))
        });
        let told = verdict.check() == Err(Failure::new("constraint", "it is not there"));
        self.mark("a verdict is the operation's", told && nothing.is_none())?;

        let (too_long, _) = self.get.send_and_read(&[b"key"], |reading| reading.read_until(b"\r\n", 4));
        self.mark("what is too long fails", too_long.error() == Some(ErrorKind::TooLarge))?;

        let _begun = self.get.begin(&[b"key"]);
        let anew = self.get.send_and_read(&[b"none"], |reading| reading.read(5));
        self.mark("another operation fails the open one", anew.1.as_deref() == Some(b"END\r\n"))?;
        let ended = ErrorKind::from_code((contract::end("", "") >> 48) as u32);
        self.mark("what is ended cannot be ended", ended == Some(ErrorKind::Invalid))?;

        let other = self.connection.exchange("delete", "delete none noreply\r\n").no_reply().prepare()?;
        self.mark("an exchange may have no reply", other.send(&[]).ok())
    }
}

stresshost_sdk::export!(Guest);
