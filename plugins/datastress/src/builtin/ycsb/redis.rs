//! Records as strings and hashes of Redis, with an index for scans.

use stresshost_sdk::prelude::Failure;
use stresshost_sdk::random;
use stresshost_sdk::redis::{Connection, Prepared, Reply, Target, pipeline};

use super::{Action, Chooser, FIELDS, Record, field, inserts, run, value, vary, works};
use crate::builtin::Builtin;
use crate::document::{QueryType, Workload};
use crate::generator::zipf::scramble;
use crate::monitor::redis_number;

/// Commands of one pipeline that loads or clears.
const BATCH: u64 = 200;

/// Sorted set of all keys.
const INDEX: &str = "stresshost:index";

/// A virtual user.
#[derive(Debug)]
pub(crate) struct User {
    builtin: Builtin,
    chooser: Chooser,
    commands: Commands,
    /// What names of this user's own records begin with.
    own: String,
    value: String,
}

#[derive(Clone, Copy, Debug)]
struct Commands {
    get: Prepared,
    set: Prepared,
    read: Prepared,
    update: Prepared,
    insert: Prepared,
    index: Prepared,
    scan: Prepared,
}

impl Commands {
    fn new(connection: Connection) -> Result<Self, Failure> {
        let mut insert =
            connection.command("HSET insert").word("HSET").word("{{key}}").slot("key").slot("value");
        for field in 0..FIELDS {
            insert = insert.word(format!("field{field}")).word("{{value}}");
        }
        let key = |name: &str, word: &str| connection.command(name).word(word).word("{{key}}").slot("key");
        Ok(Self {
            get: key("GET", "GET").expect_value().prepare()?,
            set: key("SET", "SET").word("{{value}}").slot("value").prepare()?,
            read: key("HGETALL", "HGETALL").prepare()?,
            update: key("HSET update", "HSET")
                .words(["{{field}}", "{{value}}"])
                .slot("field")
                .slot("value")
                .prepare()?,
            insert: insert.prepare()?,
            index: connection
                .command("ZADD index")
                .words(["ZADD", INDEX, "{{score}}", "{{key}}"])
                .slot("score")
                .slot("key")
                .prepare()?,
            scan: connection
                .command("ZRANGEBYSCORE scan")
                .words(["ZRANGEBYSCORE", INDEX, "{{from}}", "+inf", "LIMIT", "0", "{{count}}"])
                .slot("from")
                .slot("count")
                .prepare()?,
        })
    }
}

/// Name of a record that was loaded: strings and hashes stand beside each other.
fn loaded(builtin: Builtin, number: u64) -> String {
    format!("stresshost:{}:{number}", kind_of(builtin))
}

/// Where a record stands in the index: spread, so that neighbours in it are no neighbours in time.
fn score(number: u64) -> String {
    scramble(number, 1 << 50).to_string()
}

impl User {
    pub(crate) fn new(
        workload: &Workload,
        builtin: Builtin,
        query_type: QueryType,
        records: u64,
    ) -> Result<Self, Failure> {
        let connection = open(workload)?;
        Ok(Self {
            builtin,
            chooser: Chooser::new(builtin, query_type, records),
            commands: Commands::new(connection)?,
            own: format!("{}{}:", inserted_prefix(workload), random::next()),
            value: value(),
        })
    }

    pub(crate) fn iterate(&mut self, number: u64) -> Result<(), Failure> {
        vary(&mut self.value, number);
        let commands = self.commands;
        let key = |number| loaded(self.builtin, number);
        match self.chooser.choose() {
            Action::Get(record) => commands.get.send(&[key(record).as_bytes()]).check(),
            Action::Set(record) => {
                commands.set.send(&[key(record).as_bytes(), self.value.as_bytes()]).check()
            }
            Action::Read(Record::Loaded(record)) => commands.read.send(&[key(record).as_bytes()]).check(),
            Action::Read(Record::Own(record)) => {
                commands.read.send(&[format!("{}{record}", self.own).as_bytes()]).check()
            }
            Action::Update(record) => self.update(&key(record)).check(),
            Action::ReadAndUpdate(record) => {
                let key = key(record);
                commands.read.send(&[key.as_bytes()]).check()?;
                self.update(&key).check()
            }
            Action::Insert(record) => self.insert(record),
            Action::Scan { from, count } => self.scan(from, count),
        }
    }

    fn update(&self, key: &str) -> Reply {
        let field = format!("field{}", field());
        self.commands.update.send(&[key.as_bytes(), field.as_bytes(), self.value.as_bytes()])
    }

    fn scan(&self, from: u64, count: u64) -> Result<(), Failure> {
        let (from, count) = (score(from), count.to_string());
        let reply = self.commands.scan.send(&[from.as_bytes(), count.as_bytes()]);
        reply.check()?;
        let found = reply.value()?;
        let keys: Vec<&str> = found.as_array().into_iter().flatten().filter_map(|key| key.as_str()).collect();
        let values: Vec<[&[u8]; 1]> = keys.iter().map(|key| [key.as_bytes()]).collect();
        let calls: Vec<_> = values.iter().map(|value| self.commands.read.call(value)).collect();
        all(&pipeline(&calls))
    }

    fn insert(&mut self, record: u64) -> Result<(), Failure> {
        let key = format!("{}{record}", self.own);
        self.commands.insert.send(&[key.as_bytes(), self.value.as_bytes()]).check()?;
        self.chooser.has_inserted();
        if self.builtin == Builtin::YcsbE {
            let score = score(random::next());
            return self.commands.index.send(&[score.as_bytes(), key.as_bytes()]).check();
        }
        Ok(())
    }
}

fn all(replies: &[Reply]) -> Result<(), Failure> {
    replies.iter().try_for_each(|reply| reply.check())
}

fn open(workload: &Workload) -> Result<Connection, Failure> {
    let target = Target::new(&workload.database.url);
    let target = match workload.options.timeout_ms {
        Some(ms) => target.timeout(std::time::Duration::from_millis(ms)),
        None => target,
    };
    target.open()
}

/// What names of records that the run inserts begin with.
fn inserted_prefix(workload: &Workload) -> String {
    format!("stresshost:{}:", run(workload))
}

/// Makes the records that are not there; the words of what was made.
///
/// # Errors
/// When the server refuses.
pub(crate) fn make(workload: &Workload) -> Result<Vec<String>, Failure> {
    let connection = open(workload)?;
    let commands = Commands::new(connection)?;
    let mut made = Vec::new();
    for (builtin, records) in works(workload) {
        let kind = kind_of(builtin);
        let name = format!("{kind} {records}");
        if made.contains(&name) {
            continue;
        }
        let exists = connection.command("setup EXISTS").words(["EXISTS", "{{key}}"]).slot("key").prepare()?;
        let reply = exists.send(&[loaded(builtin, 0).as_bytes()]);
        reply.check().map_err(|failure| Failure::setup(failure.message))?;
        if reply.integer() == Some(1) {
            stresshost_sdk::info!("records `{}...` are there and stay", loaded(builtin, 0));
            continue;
        }
        load(commands, builtin, records)?;
        stresshost_sdk::info!("{records} records made");
        made.push(name);
    }
    Ok(made)
}

/// Whether records are strings or hashes: their names differ.
const fn kind_of(builtin: Builtin) -> &'static str {
    match builtin {
        Builtin::Kv => "string",
        _ => "hash",
    }
}

fn load(commands: Commands, builtin: Builtin, records: u64) -> Result<(), Failure> {
    let value = value();
    for first in (0..records).step_by(usize::try_from(BATCH).unwrap_or(1)) {
        let last = (first + BATCH).min(records);
        let names: Vec<(String, String)> =
            (first..last).map(|number| (loaded(builtin, number), score(number))).collect();
        let stored: Vec<[&[u8]; 2]> =
            names.iter().map(|(name, _)| [name.as_bytes(), value.as_bytes()]).collect();
        let store = if builtin == Builtin::Kv { commands.set } else { commands.insert };
        all(&pipeline(&stored.iter().map(|values| store.call(values)).collect::<Vec<_>>()))
            .map_err(|failure| Failure::setup(failure.message))?;
        if builtin == Builtin::YcsbE {
            let indexed: Vec<[&[u8]; 2]> =
                names.iter().map(|(name, score)| [score.as_bytes(), name.as_bytes()]).collect();
            all(&pipeline(&indexed.iter().map(|values| commands.index.call(values)).collect::<Vec<_>>()))
                .map_err(|failure| Failure::setup(failure.message))?;
        }
    }
    Ok(())
}

/// Deletes what the run has made: the records it loaded, and those it inserted.
///
/// # Errors
/// When the server refuses.
pub(crate) fn take(workload: &Workload) -> Result<(), Failure> {
    let connection = open(workload)?;
    let unlink = connection.command("teardown UNLINK").words(["UNLINK", "{{key}}"]).slot("key").prepare()?;
    let delete = |names: &[String]| {
        let values: Vec<[&[u8]; 1]> = names.iter().map(|name| [name.as_bytes()]).collect();
        all(&pipeline(&values.iter().map(|value| unlink.call(value)).collect::<Vec<_>>()))
    };
    for made in &workload.found.made {
        let (kind, records) = made.split_once(' ').unwrap_or((made, "0"));
        let records: u64 = records.parse().unwrap_or(0);
        for first in (0..records).step_by(usize::try_from(BATCH).unwrap_or(1)) {
            let names: Vec<String> = (first..(first + BATCH).min(records))
                .map(|number| format!("stresshost:{kind}:{number}"))
                .collect();
            delete(&names)?;
        }
        if kind == "hash" {
            delete(&[INDEX.to_owned()])?;
        }
    }
    if !inserts(workload) {
        return Ok(());
    }
    let scan = connection
        .command("teardown SCAN")
        .words(["SCAN", "{{cursor}}", "MATCH", &format!("{}*", inserted_prefix(workload)), "COUNT", "1000"])
        .slot("cursor")
        .prepare()?;
    let mut cursor = "0".to_owned();
    loop {
        let reply = scan.send(&[cursor.as_bytes()]);
        reply.check()?;
        let found = reply.value()?;
        let names = found.get(1).and_then(|names| names.as_array()).into_iter().flatten();
        let names: Vec<String> = names.filter_map(|name| name.as_str()).map(str::to_owned).collect();
        names.chunks(usize::try_from(BATCH).unwrap_or(1)).try_for_each(delete)?;
        cursor = found.get(0).and_then(|cursor| cursor.as_str()).unwrap_or("0").to_owned();
        if cursor == "0" {
            return Ok(());
        }
    }
}

/// The server's numbers: those of `INFO` that say something of a load.
///
/// # Errors
/// When the server does not answer.
pub(crate) fn readings(workload: &Workload) -> Result<Vec<(String, f64)>, Failure> {
    const NAMES: [&str; 8] = [
        "keyspace_hits",
        "keyspace_misses",
        "total_commands_processed",
        "evicted_keys",
        "rejected_connections",
        "total_error_replies",
        "used_memory",
        "maxclients",
    ];
    let reply = open(workload)?.command("monitor INFO").word("INFO").prepare()?.send(&[]);
    reply.check()?;
    let info = reply.text().unwrap_or_default();
    Ok(NAMES.iter().filter_map(|name| Some(((*name).to_owned(), redis_number(&info, name)?))).collect())
}

/// The server's version.
///
/// # Errors
/// When there is no connection.
pub(crate) fn version(workload: &Workload) -> Result<(String, String), Failure> {
    let server = open(workload)?.server();
    Ok((server.engine, server.version))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use stresshost_sdk::testing::{FakeHost, RedisReply};

    use super::super::{assert_mix, shares};
    use super::*;
    use crate::database::Database;
    use crate::document::Doing;

    fn names(host: &FakeHost) -> Vec<String> {
        host.commands().into_iter().map(|sent| sent.name).collect()
    }

    fn workload() -> Workload {
        Workload { database: Database::read("redis://localhost", "URL").unwrap(), ..Workload::default() }
    }

    fn sent(builtin: Builtin, query_type: QueryType) -> BTreeMap<String, f64> {
        let host = FakeHost::new();
        host.redis_reply("GET", RedisReply::bulk("x"));
        host.redis_reply("ZRANGEBYSCORE scan", RedisReply::array(vec!["a".into(), "b".into()]));
        let mut user = User::new(&workload(), builtin, query_type, 100).unwrap();
        (0..2_000).for_each(|number| user.iterate(number).unwrap());
        shares(names(&host), 2_000)
    }

    #[test]
    fn each_workload_has_its_mix() {
        for (builtin, query_type, expected) in [
            (Builtin::YcsbA, QueryType::Mixed, vec![("HGETALL", 0.5), ("HSET update", 0.5)]),
            (Builtin::YcsbB, QueryType::Mixed, vec![("HGETALL", 0.95), ("HSET update", 0.05)]),
            (Builtin::YcsbC, QueryType::Read, vec![("HGETALL", 1.0)]),
            (Builtin::YcsbD, QueryType::Mixed, vec![("HGETALL", 0.95), ("HSET insert", 0.05)]),
            (
                Builtin::YcsbE,
                QueryType::Mixed,
                vec![
                    ("HGETALL", 1.9),
                    ("HSET insert", 0.05),
                    ("ZADD index", 0.05),
                    ("ZRANGEBYSCORE scan", 0.95),
                ],
            ),
            (Builtin::YcsbF, QueryType::Mixed, vec![("HGETALL", 1.0), ("HSET update", 0.5)]),
            (Builtin::Kv, QueryType::Mixed, vec![("GET", 0.8), ("SET", 0.2)]),
            (Builtin::Kv, QueryType::Write, vec![("SET", 1.0)]),
        ] {
            assert_mix(builtin, &sent(builtin, query_type), &expected);
        }
    }

    #[test]
    fn records_that_are_there_stay() {
        let host = FakeHost::new();
        let mut workload = workload();
        let doing = Doing::Records { builtin: Builtin::Kv, records: 450 };
        workload.works.push(crate::document::Work { name: "kv".into(), query_type: QueryType::Read, doing });
        host.redis_reply("setup EXISTS", RedisReply::integer(1));
        assert!(make(&workload).unwrap().is_empty());
        host.redis_reply("setup EXISTS", RedisReply::integer(0));
        workload.found.made = make(&workload).unwrap();
        assert_eq!(workload.found.made, ["string 450"]);
        assert_eq!(names(&host).iter().filter(|name| *name == "SET").count(), 450);
        take(&workload).unwrap();
        assert_eq!(names(&host).iter().filter(|name| *name == "teardown UNLINK").count(), 450);
    }
}
