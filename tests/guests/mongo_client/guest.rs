//! Does with a MongoDB whatever the SDK offers, and checks what comes of it.

use std::time::Duration;

use stresshost_sdk::checks::Check;
use stresshost_sdk::mongo::{Connection, Prepared, Target, Value};
use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json::{Value as Json, json};

/// Longer than any command takes.
const LIMIT: Duration = Duration::from_secs(10);

#[derive(Default)]
struct Guest {
    user: Option<User>,
}

struct User {
    url: String,
    id: u64,
    connection: Connection,
    ping: Prepared,
    checks: Vec<(&'static str, Check)>,
}

impl Workload for Guest {
    type Shared = String;

    fn describe() -> Descriptor {
        stresshost_guests::describe_with_url("mongo_client")
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        stresshost_guests::plan("mongo_client", &input)
    }

    fn setup(context: SetupContext) -> Result<Self::Shared, Failure> {
        let url = context.workload.as_str().unwrap_or_default().to_owned();
        let connection = Target::new(&url).open()?;
        connection.run("set-up", r#"{"insert": "before", "documents": [{"_id": 1}]}"#).check()?;
        Ok(url)
    }

    fn start(info: VuInfo, url: String) -> Result<Self, Failure> {
        let connection = Target::new(&url).open()?;
        let ping = connection.command("ping", r#"{"ping": 1}"#).prepare()?;
        Ok(Self { user: Some(User { url, id: info.id, connection, ping, checks: Vec::new() }) })
    }

    fn iterate(&mut self, iteration: Iteration) -> Result<(), Failure> {
        let user = self.user.as_mut().ok_or_else(|| Failure::new("start", "not started"))?;
        let connection = Target::new(&user.url).connect_timeout(LIMIT).timeout(LIMIT).open()?;
        let collection = format!("of_{}_{}", user.id, iteration.number);
        user.values(connection, &collection)?;
        user.counts(connection, &collection)?;
        user.failures(connection, &collection)?;
        user.closed(connection)
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

    fn values(&mut self, connection: Connection, collection: &str) -> Result<(), Failure> {
        let insert =
            format!(r#"{{"insert": "{collection}", "documents": [{{"_id": "$1", "value": "$2"}}]}}"#);
        let insert = connection.command("insert", insert).timeout(LIMIT).prepare()?;
        let find = find(connection, collection)?;
        let mut are_back = true;
        for (number, (value, back)) in (0..).zip([
            (Value::Null, Json::Null),
            (Value::from(true), json!(true)),
            (Value::from(1_i64 << 40), json!(1_u64 << 40)),
            (Value::from(0.25), json!(0.25)),
            (Value::from("$1 \"ż\""), json!("$1 \"ż\"")),
            (Value::Json(r#"{"a": [1, null]}"#), json!({ "a": [1, null] })),
        ]) {
            let inserted = insert.execute(&[Value::Integer(number), value]);
            let found = find.execute(&[Value::Integer(number)]);
            are_back &= inserted.is_ok() && found.is_ok() && found.documents()?[0]["value"] == back;
        }
        self.mark("values come back as they went", are_back)?;

        let inserted = insert.execute(&[Value::Integer(6), Value::from(&b"\0\xff"[..])]);
        let found = find.execute(&[Value::Integer(6)]);
        let bytes = &found.value()?["cursor"]["firstBatch"][0]["value"]["$binary"]["base64"];
        self.mark("bytes come back as they went", bytes == "AP8=")?;
        self.mark("a reply has a duration", found.duration() > Duration::ZERO)?;
        let is_stale = inserted.value().is_err() && inserted.duration().is_zero() && inserted.count() == 1;
        self.mark("an earlier reply is stale", is_stale)
    }

    fn counts(&mut self, connection: Connection, collection: &str) -> Result<(), Failure> {
        let of = |text: &str| text.replace("C", collection);
        let counted = connection.run("count", &of(r#"{"count": "C"}"#));
        let is_whole = counted.check().is_ok() && counted.count() == 7 && counted.documents()?.is_empty();
        self.mark("what is counted is told", is_whole)?;
        let listed = connection.run("list", &of(r#"{"find": "C", "filter": {}}"#));
        self.mark("documents are counted", listed.count() == 7 && listed.documents()?.len() == 7)?;
        let elsewhere = connection.command("elsewhere", of(r#"{"find": "C", "filter": {}}"#));
        let elsewhere = elsewhere.database("elsewhere").prepare()?.execute(&[]);
        // Not every server keeps databases apart.
        self.mark("another database is asked", elsewhere.is_ok())
    }

    fn failures(&mut self, connection: Connection, collection: &str) -> Result<(), Failure> {
        let again = format!(r#"{{"insert": "{collection}", "documents": [{{"_id": 1}}]}}"#);
        let again = connection.run("insert again", &again);
        // Not every server says of which kind it is.
        let is_told = matches!(again.error(), Some(ErrorKind::Constraint | ErrorKind::ServerError))
            && !again.error_text().is_empty()
            && again.error_code().parse::<i32>().is_ok() == (again.error() == Some(ErrorKind::Constraint));
        self.mark("a refusal is told", is_told && again.check().is_err())?;

        let find = find(connection, collection)?;
        let missing = find.execute(&[Value::Integer(99)]);
        self.mark("what is expected and missing fails", missing.error_name() == "status_unexpected")?;
        let too_few = find.execute(&[]);
        let broken = connection.run("broken", "{");
        let are_invalid = [too_few, broken].iter().all(|reply| reply.error() == Some(ErrorKind::Invalid));
        self.mark("what cannot be sent is told", are_invalid && !broken.error_text().is_empty())?;
        let refused = ["", "{", "[]", "{}", r#"{"find": "$2"}"#].map(|text| connection.command("x", text));
        let unknown = connection.command("x", r#"{"ping": 1}"#).option("colour", "red");
        let are_refused = refused.iter().chain([&unknown]).all(|command| command.prepare().is_err());
        self.mark("what is no command is refused", are_refused)?;
        let urls = ["mongodb+srv://localhost/x", "mongodb://a,b/x", "redis://localhost", ""];
        let are_refused = urls.iter().all(|url| Target::new(*url).open().is_err());
        self.mark("what is no target is refused", are_refused)
    }

    fn closed(&mut self, connection: Connection) -> Result<(), Failure> {
        let server = connection.server();
        let is_known = server.engine == "mongodb" && server.primary && self.url.ends_with(&server.database);
        self.mark("the server says what it is", is_known && !server.version.is_empty())?;
        let ping = connection.command("ping", r#"{"ping": 1}"#).prepare()?;
        connection.close();
        let is_stale = ping.execute(&[]).error() == Some(ErrorKind::Invalid);
        self.mark("a closed connection is stale", is_stale && connection.server().engine.is_empty())?;
        let stays = self.ping.execute(&[]).is_ok() && self.connection.server() == server;
        self.mark("other connections stay", stays)
    }
}

/// Reads a document, which is expected to be there.
fn find(connection: Connection, collection: &str) -> Result<Prepared, Failure> {
    let text = format!(r#"{{"find": "{collection}", "filter": {{"_id": "$1"}}, "limit": 1}}"#);
    connection.command("find", text).expect_documents().prepare()
}

stresshost_sdk::export!(Guest);
