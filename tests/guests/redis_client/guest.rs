//! Sends commands to a Redis, in one of several ways.

use std::time::Duration;

use stresshost_sdk::checks::Check;
use stresshost_sdk::prelude::*;
use stresshost_sdk::redis::{self, Connection, Kind, Prepared, Target};
use stresshost_sdk::serde_json::Value;

/// Commands of a pipeline: as many as benchmarks of others send.
const PIPELINE: usize = 16;

#[derive(Default)]
struct Guest {
    user: Option<User>,
}

struct User {
    url: String,
    mode: Mode,
    connection: Connection,
    get: Prepared,
    block: Prepared,
    checks: Vec<(&'static str, Check)>,
}

#[derive(Clone, Copy)]
enum Mode {
    /// One `GET` in each iteration.
    Get,
    /// Many `GET` at once.
    Pipeline,
    /// A command of each kind, whose replies are checked.
    Kinds,
    /// A command that is answered when somebody else pushes.
    Block,
    /// A connection of its own for each iteration.
    Open,
}

impl Workload for Guest {
    type Shared = (String, String);

    fn describe() -> Descriptor {
        let mode = Positional {
            name: "MODE".into(),
            help: "`get`, `pipeline`, `kinds`, `block` or `open`".into(),
            required: true,
            target: false,
        };
        let mut descriptor = stresshost_guests::describe_with_url("redis_client");
        descriptor.positionals.push(mode);
        descriptor
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        let mut plan = stresshost_guests::plan("redis_client", &input)?;
        plan.workload = input.args.into();
        Ok(plan)
    }

    fn setup(context: SetupContext) -> Result<Self::Shared, Failure> {
        let argument = |index: usize| context.workload[index].as_str().unwrap_or_default().to_owned();
        let (url, mode) = (argument(0), argument(1));
        let connection = Target::new(&url).open()?;
        connection.command("SET").words(["SET", "k", "v"]).prepare()?.send(&[]).check()?;
        if connection.server().engine.is_empty() {
            return Err(Failure::setup("the server does not say what it is"));
        }
        Ok((url, mode))
    }

    fn start(_: VuInfo, (url, mode): (String, String)) -> Result<Self, Failure> {
        let mode = match mode.as_str() {
            "get" => Mode::Get,
            "pipeline" => Mode::Pipeline,
            "kinds" => Mode::Kinds,
            "block" => Mode::Block,
            "open" => Mode::Open,
            _ => return Err(Failure::setup(format!("`{mode}` is no mode"))),
        };
        let connection = Target::new(&url).open()?;
        let get = connection.command("GET").words(["GET", "k"]).prepare()?;
        let block =
            connection.command("BLPOP").words(["BLPOP", "list", "0"]).timeout(Duration::from_secs(60));
        let block = block.prepare()?;
        Ok(Self { user: Some(User { url, mode, connection, get, block, checks: Vec::new() }) })
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        self.user.as_mut().map_or_else(|| Err(Failure::new("start", "not started")), User::iterate)
    }
}

impl User {
    fn iterate(&mut self) -> Result<(), Failure> {
        match self.mode {
            Mode::Get => self.get.send(&[]).check(),
            Mode::Pipeline => {
                redis::pipeline(&[self.get.call(&[]); PIPELINE]).into_iter().try_for_each(redis::Reply::check)
            }
            Mode::Kinds => self.kinds(),
            Mode::Block => self.block.send(&[]).check(),
            Mode::Open => {
                let connection = Target::new(&self.url).open()?;
                connection.command("PING").word("PING").prepare()?.send(&[]).check()?;
                connection.close();
                Ok(())
            }
        }
    }

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

    fn kinds(&mut self) -> Result<(), Failure> {
        let connection = Target::new(&self.url).option("protocol", "3").open()?;
        let command = |words: &[&str]| connection.command(words[0]).words(words.iter().copied());
        let set = command(&["SET", "{{key}}", "{{value}}"]).slot("key").slot("value").prepare()?;
        let get = command(&["GET", "{{key}}"]).slot("key").prepare()?;
        let value = b"\0\xff{{key}}\r\n";
        let reply = set.send(&[b"binary", value]);
        self.mark(
            "a status is read",
            reply.ok() && reply.kind() == Kind::Simple && reply.text().as_deref() == Some("OK"),
        )?;
        let got = get.send(&[b"binary"]);
        self.mark("bytes come back as they went", got.bytes().as_deref() == Some(value))?;
        self.mark("a reply has a duration", got.duration() > Duration::ZERO)?;
        self.mark("an earlier reply is stale", reply.text().is_none() && reply.value().is_err())?;
        let nil = get.send(&[b"none"]);
        self.mark(
            "nil is told apart",
            nil.ok() && nil.kind() == Kind::Nil && nil.value() == Ok(Value::Null),
        )?;
        let hset = command(&["HSET", "hash", "field", "1"]).prepare()?;
        let all = command(&["HGETALL", "hash"]).prepare()?;
        let push = command(&["LPUSH", "binary", "x"]).prepare()?;
        let replies = redis::pipeline(&[hset.call(&[]), all.call(&[]), push.call(&[]), get.call(&[b"k"])]);
        let map = replies[1].value()?;
        self.mark(
            "a pipeline's replies are in order",
            replies[0].integer().is_some() && map["field"] == "1",
        )?;
        let refused = replies[2];
        let told = refused.error() == Some(ErrorKind::Statement)
            && refused.error_code() == "WRONGTYPE"
            && refused.error_text().starts_with("WRONGTYPE ")
            && refused.kind() == Kind::Error;
        self.mark("a refusal is told", told)?;
        self.mark("what follows a refusal is answered", replies[3].text().as_deref() == Some("v"))?;
        connection.close();
        self.mark("a closed connection is stale", get.send(&[b"k"]).error() == Some(ErrorKind::Invalid))?;
        let again = self.get.send(&[]);
        self.mark("other connections stay", again.ok() && self.connection.server().mode == "standalone")
    }
}

stresshost_sdk::export!(Guest);
