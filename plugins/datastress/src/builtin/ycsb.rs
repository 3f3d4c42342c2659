//! Redis: reads and writes by key, and the core workloads of YCSB on hashes with an index for scans.
//!
//! | | reads | changes | keys |
//! |---|---|---|---|
//! | A | 50% | 50% updates | zipf |
//! | B | 95% | 5% updates | zipf |
//! | C | 100% | | zipf |
//! | D | 95% | 5% inserts | latest |
//! | E | 95% scans of up to 100 | 5% inserts | zipf |
//! | F | 50% | 50% read, then changed | zipf |

use stresshost_sdk::prelude::Failure;
use stresshost_sdk::random;
use stresshost_sdk::redis::{Connection, Prepared, Reply, Target, pipeline};

use crate::builtin::Builtin;
use crate::document::{Doing, QueryType, Workload};
use crate::generator::read::EXPONENT;
use crate::generator::zipf::{Zipf, latest, scramble};
use crate::monitor::redis_number;

/// Fields of a record, and bytes of each, as in YCSB.
const FIELDS: u64 = 10;
const FIELD_BYTES: usize = 100;

/// Most records of a scan, as in YCSB.
const MAX_SCAN: u64 = 100;

/// Of a hundred iterations of mixed key-value work so many read.
const KV_READS: u64 = 80;

/// Commands of one pipeline that loads or clears.
const BATCH: u64 = 200;

/// Sorted set of all keys.
const INDEX: &str = "stresshost:index";

/// A virtual user.
#[derive(Debug)]
pub(crate) struct Ycsb {
    builtin: Builtin,
    query_type: QueryType,
    records: u64,
    zipf: Zipf,
    commands: Commands,
    /// What names of this user's own records begin with.
    own: String,
    /// Records it has inserted.
    inserted: u64,
    value: Vec<u8>,
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

fn value() -> Vec<u8> {
    let mut value = Vec::with_capacity(FIELD_BYTES);
    while value.len() < FIELD_BYTES {
        value.push(b'a' + u8::try_from(random::below(26)).unwrap_or(0));
    }
    value
}

impl Ycsb {
    pub(crate) fn new(
        workload: &Workload,
        builtin: Builtin,
        query_type: QueryType,
        records: u64,
    ) -> Result<Self, Failure> {
        let connection = open(workload)?;
        let own = format!("{}{}:", inserted_prefix(workload), random::next());
        Ok(Self {
            builtin,
            query_type,
            records,
            zipf: Zipf::new(records, EXPONENT),
            commands: Commands::new(connection)?,
            own,
            inserted: 0,
            value: value(),
        })
    }

    pub(crate) fn iterate(&mut self, number: u64) -> Result<(), Failure> {
        let percent = random::below(100);
        // Another value each time, without drawing a hundred letters.
        if let Some(first) = self.value.first_mut() {
            *first = b'a' + u8::try_from(number % 26).unwrap_or(0);
        }
        let key = loaded(self.builtin, self.zipf.scrambled());
        let commands = self.commands;
        match (self.builtin, percent) {
            (Builtin::Kv, _) => {
                let reads = match self.query_type {
                    QueryType::Read => 100,
                    QueryType::Write => 0,
                    QueryType::Mixed => KV_READS,
                };
                let get = percent < reads;
                let reply = if get {
                    commands.get.send(&[key.as_bytes()])
                } else {
                    commands.set.send(&[key.as_bytes(), &self.value])
                };
                reply.check()
            }
            (Builtin::YcsbA | Builtin::YcsbF, 0..50) | (Builtin::YcsbB, 0..95) | (Builtin::YcsbC, _) => {
                commands.read.send(&[key.as_bytes()]).check()
            }
            (Builtin::YcsbF, _) => {
                commands.read.send(&[key.as_bytes()]).check()?;
                self.update(&key).check()
            }
            (Builtin::YcsbD, 0..95) => {
                let count = self.records + self.inserted;
                let place = latest(&self.zipf, count);
                let key = match place.checked_sub(self.records) {
                    Some(own) => format!("{}{own}", self.own),
                    None => loaded(self.builtin, place),
                };
                commands.read.send(&[key.as_bytes()]).check()
            }
            (Builtin::YcsbE, 0..95) => self.scan(),
            (Builtin::YcsbD | Builtin::YcsbE, _) => self.insert(),
            _ => self.update(&key).check(),
        }
    }

    fn update(&self, key: &str) -> Reply {
        let field = format!("field{}", random::below(FIELDS));
        self.commands.update.send(&[key.as_bytes(), field.as_bytes(), &self.value])
    }

    fn scan(&self) -> Result<(), Failure> {
        let from = score(self.zipf.scrambled());
        let count = random::between(1, MAX_SCAN).to_string();
        let reply = self.commands.scan.send(&[from.as_bytes(), count.as_bytes()]);
        reply.check()?;
        let found = reply.value()?;
        let keys: Vec<&str> = found.as_array().into_iter().flatten().filter_map(|key| key.as_str()).collect();
        let values: Vec<[&[u8]; 1]> = keys.iter().map(|key| [key.as_bytes()]).collect();
        let calls: Vec<_> = values.iter().map(|value| self.commands.read.call(value)).collect();
        all(&pipeline(&calls))
    }

    fn insert(&mut self) -> Result<(), Failure> {
        let key = format!("{}{}", self.own, self.inserted);
        self.commands.insert.send(&[key.as_bytes(), &self.value]).check()?;
        self.inserted += 1;
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
    let run: String = workload.found.run.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("stresshost:{}:", run.get(run.len().saturating_sub(8)..).unwrap_or_default())
}

/// Makes the records that are not there; the words of what was made.
///
/// # Errors
/// When the server refuses.
pub(crate) fn make(workload: &Workload) -> Result<Vec<String>, Failure> {
    let connection = open(workload)?;
    let commands = Commands::new(connection)?;
    let mut made = Vec::new();
    for work in &workload.works {
        let Doing::Redis { builtin, records } = &work.doing else { continue };
        let kind = kind_of(*builtin);
        let name = format!("{kind} {records}");
        if made.contains(&name) {
            continue;
        }
        let exists = connection.command("setup EXISTS").words(["EXISTS", "{{key}}"]).slot("key").prepare()?;
        let reply = exists.send(&[loaded(*builtin, 0).as_bytes()]);
        reply.check().map_err(|failure| Failure::setup(failure.message))?;
        if reply.integer() == Some(1) {
            stresshost_sdk::info!("records `{}...` are there and stay", loaded(*builtin, 0));
            continue;
        }
        load(commands, *builtin, *records)?;
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
            names.iter().map(|(name, _)| [name.as_bytes(), value.as_slice()]).collect();
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
    let inserts = |builtin: Builtin| matches!(builtin, Builtin::YcsbD | Builtin::YcsbE);
    if !workload
        .works
        .iter()
        .any(|work| matches!(&work.doing, Doing::Redis { builtin, .. } if inserts(*builtin)))
    {
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
    use stresshost_sdk::testing::{FakeHost, RedisReply};

    use super::*;
    use crate::database::Database;

    fn names(host: &FakeHost) -> Vec<String> {
        host.commands().into_iter().map(|sent| sent.name).collect()
    }

    fn workload() -> Workload {
        Workload { database: Database::read("redis://localhost", "URL").unwrap(), ..Workload::default() }
    }

    fn shares(builtin: Builtin, query_type: QueryType) -> Vec<(String, f64)> {
        let host = FakeHost::new();
        host.redis_reply("GET", RedisReply::bulk("x"));
        host.redis_reply("ZRANGEBYSCORE scan", RedisReply::array(vec!["a".into(), "b".into()]));
        let mut user = Ycsb::new(&workload(), builtin, query_type, 100).unwrap();
        (0..2_000).for_each(|number| user.iterate(number).unwrap());
        let names = names(&host);
        let mut shares: Vec<(String, f64)> = Vec::new();
        for name in &names {
            match shares.iter_mut().find(|(known, _)| known == name) {
                Some((_, count)) => *count += 1.0 / 2_000.0,
                None => shares.push((name.clone(), 1.0 / 2_000.0)),
            }
        }
        shares.sort_by(|a, b| a.0.cmp(&b.0));
        shares
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
            let shares = shares(builtin, query_type);
            let told: Vec<&str> = shares.iter().map(|(name, _)| name.as_str()).collect();
            let wanted: Vec<&str> = expected.iter().map(|(name, _)| *name).collect();
            assert_eq!(told, wanted, "{builtin:?}");
            for ((name, share), (_, wanted)) in shares.iter().zip(&expected) {
                assert!((share - wanted).abs() < 0.05, "{builtin:?} {name}: {share}");
            }
        }
    }

    #[test]
    fn records_that_are_there_stay() {
        let host = FakeHost::new();
        let mut workload = workload();
        let doing = Doing::Redis { builtin: Builtin::Kv, records: 450 };
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
