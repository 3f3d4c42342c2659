//! Records as documents of MongoDB.

use stresshost_sdk::mongo::{Connection, Prepared, Reply, Value};
use stresshost_sdk::prelude::Failure;
use stresshost_sdk::random;
use stresshost_sdk::serde_json::Value as Json;

use super::{Action, Chooser, FIELDS, Record, field, inserts, run, value, vary, works};
use crate::builtin::Builtin;
use crate::document::{Doing, QueryType, Work, Workload};
use crate::limits::LOAD_DOCUMENTS;
use crate::mongo::{open, open_user};
use crate::user::Ledger;

/// Collections of records that are read and written whole, and of those with fields.
const WHOLE: &str = "stresshost_kv";
const FIELDED: &str = "stresshost_ycsb";

/// Counts the changes of a document, which together are the ledger of acknowledged ones.
const COUNTED: &str = r#", "$inc": {"version": 1}"#;

/// A virtual user.
#[derive(Debug)]
pub(crate) struct User {
    chooser: Chooser,
    commands: Commands,
    /// What ids of this user's own records begin with.
    own: String,
    value: String,
    ledger: Option<Ledger>,
}

#[derive(Debug)]
struct Commands {
    get: Prepared,
    set: Prepared,
    read: Prepared,
    /// One for each field, whose name is no value.
    updates: Vec<Prepared>,
    insert: Prepared,
    scan: Prepared,
}

/// Reads one document by its id.
fn find(collection: &str) -> String {
    format!(r#"{{"find": "{collection}", "filter": {{"_id": "$1"}}, "limit": 1, "singleBatch": true}}"#)
}

/// Changes one field of the document of an id; `also` is what else is done to it.
fn update(collection: &str, field: &str, also: &str) -> String {
    let change = format!(r#"{{"q": {{"_id": "$1"}}, "u": {{"$set": {{"{field}": "$2"}}{also}}}}}"#);
    format!(r#"{{"update": "{collection}", "updates": [{change}]}}"#)
}

/// A document of fields that are all the same.
fn document(id: &str, value: &str) -> String {
    let fields: Vec<String> = (0..FIELDS).map(|field| format!(r#""field{field}": {value}"#)).collect();
    format!(r#"{{"_id": {id}, {}}}"#, fields.join(", "))
}

impl Commands {
    fn new(connection: Connection) -> Result<Self, Failure> {
        let named = |verb: &str, collection: &str, text: String| {
            connection.command(format!("{verb} {collection}"), text)
        };
        let updates = (0..FIELDS).map(|field| {
            let text = update(FIELDED, &format!("field{field}"), "");
            named("update", FIELDED, text).expect_documents().prepare()
        });
        let inserted = document(r#""$1""#, r#""$2""#);
        let insert = format!(r#"{{"insert": "{FIELDED}", "documents": [{inserted}]}}"#);
        let scan = format!(
            r#"{{"find": "{FIELDED}", "filter": {{"_id": {{"$gte": "$1"}}}}, "sort": {{"_id": 1}}, "limit": "$2", "singleBatch": true}}"#
        );
        Ok(Self {
            get: named("find", WHOLE, find(WHOLE)).expect_documents().prepare()?,
            set: named("update", WHOLE, update(WHOLE, "value", COUNTED)).expect_documents().prepare()?,
            read: named("find", FIELDED, find(FIELDED)).expect_documents().prepare()?,
            updates: updates.collect::<Result<_, _>>()?,
            insert: named("insert", FIELDED, insert).prepare()?,
            scan: named("scan", FIELDED, scan).prepare()?,
        })
    }
}

/// Id of a record that was loaded: its order is that of the numbers.
fn loaded(number: u64) -> String {
    format!("user{number:09}")
}

/// What ids of records that the run inserts begin with: they stand behind all that were loaded.
fn inserted_prefix(workload: &Workload) -> String {
    format!("userrun{}:", run(workload))
}

/// A number as an id of `kv`.
fn id(number: u64) -> Value<'static> {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

impl User {
    pub(crate) fn new(
        workload: &Workload,
        builtin: Builtin,
        query_type: QueryType,
        records: u64,
    ) -> Result<Self, Failure> {
        Ok(Self {
            chooser: Chooser::new(builtin, query_type, records),
            commands: Commands::new(open_user(workload)?)?,
            own: format!("{}{:020}:", inserted_prefix(workload), random::next()),
            value: value(),
            ledger: has_ledger(builtin, query_type).then(Ledger::new).transpose()?,
        })
    }

    pub(crate) fn iterate(&mut self, number: u64) -> Result<(), Failure> {
        vary(&mut self.value, number);
        let commands = &self.commands;
        let value = Value::Text(&self.value);
        match self.chooser.choose() {
            Action::Get(record) => commands.get.execute(&[id(record)]).check(),
            Action::Set(record) => {
                let done = commands.set.execute(&[id(record), value]).check();
                self.ledger.map_or(done.clone(), |ledger| ledger.count(done))
            }
            Action::Read(Record::Loaded(record)) => self.read(&loaded(record)).check(),
            Action::Read(Record::Own(record)) => self.read(&self.own(record)).check(),
            Action::Update(record) => self.update(&loaded(record)),
            Action::ReadAndUpdate(record) => {
                let id = loaded(record);
                self.read(&id).check()?;
                self.update(&id)
            }
            Action::Insert(record) => {
                commands.insert.execute(&[Value::Text(&self.own(record)), value]).check()?;
                self.chooser.has_inserted();
                Ok(())
            }
            Action::Scan { from, count } => {
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                commands.scan.execute(&[Value::Text(&loaded(from)), Value::Integer(count)]).check()
            }
        }
    }

    fn own(&self, record: u64) -> String {
        format!("{}{record:09}", self.own)
    }

    fn read(&self, id: &str) -> Reply {
        self.commands.read.execute(&[Value::Text(id)])
    }

    fn update(&self, id: &str) -> Result<(), Failure> {
        let field = usize::try_from(field()).unwrap_or(0);
        let update = self.commands.updates.get(field);
        update.map_or(Ok(()), |update| update.execute(&[Value::Text(id), Value::Text(&self.value)]).check())
    }
}

const fn collection_of(builtin: Builtin) -> &'static str {
    match builtin {
        Builtin::Kv => WHOLE,
        _ => FIELDED,
    }
}

/// Whether the changes of work are counted in its data.
fn has_ledger(builtin: Builtin, query_type: QueryType) -> bool {
    builtin == Builtin::Kv && query_type != QueryType::Read
}

/// Changes that the data shows, by the workload; nothing where none are counted.
///
/// # Errors
/// When the server refuses.
pub(crate) fn ledger(connection: Connection, workload: &Workload) -> Result<Vec<(String, f64)>, Failure> {
    let counts = |work: &Work| match &work.doing {
        Doing::Records { builtin, .. } => has_ledger(*builtin, work.query_type),
        _ => false,
    };
    if !workload.works.iter().any(counts) {
        return Ok(Vec::new());
    }
    let sum = r#"{"$group": {"_id": null, "versions": {"$sum": "$version"}}}"#;
    let text = format!(r#"{{"aggregate": "{WHOLE}", "pipeline": [{sum}], "cursor": {{}}}}"#);
    let reply = connection.run("verify ledger", &text);
    reply.check()?;
    let documents = reply.documents()?;
    let versions = documents.first().and_then(|group| group.get("versions")).and_then(Json::as_f64);
    Ok(versions.map(|versions| (Builtin::Kv.word().to_owned(), versions)).into_iter().collect())
}

/// Makes the collections that are not there and fills them; their names.
///
/// # Errors
/// When the server refuses, or a collection is there that holds fewer documents than are wanted.
pub(crate) fn make(connection: Connection, workload: &Workload) -> Result<Vec<String>, Failure> {
    let mut made: Vec<String> = Vec::new();
    for (builtin, records) in works(workload) {
        let name = collection_of(builtin);
        if made.iter().any(|known| known == name) {
            continue;
        }
        let filled = match count(connection, name)? {
            0 => {
                made.push(name.to_owned());
                load(connection, builtin, records)
            }
            there if there < records => Err(Failure::setup(format!(
                "collection `{name}` is there with {there} documents where {records} are wanted: drop it, or ask for \
                 that size"
            ))),
            _ => {
                stresshost_sdk::info!("collection `{name}` is there and stays");
                Ok(())
            }
        };
        if let Err(failure) = filled {
            // What failed first is what is told.
            drop_made(connection, &made).unwrap_or_default();
            return Err(failure);
        }
    }
    Ok(made)
}

/// Documents of a collection; a collection that is not there has none.
fn count(connection: Connection, name: &str) -> Result<u64, Failure> {
    let reply = connection.run("setup count", &format!(r#"{{"count": "{name}"}}"#));
    reply.check().map_err(|failure| Failure::setup(failure.message))?;
    Ok(reply.count())
}

fn load(connection: Connection, builtin: Builtin, records: u64) -> Result<(), Failure> {
    let name = collection_of(builtin);
    let text = format!(r#"{{"insert": "{name}", "documents": "$1"}}"#);
    let insert = connection.command("setup insert", text).prepare()?;
    let value = format!("\"{}\"", value());
    let record = |number: u64| match builtin {
        Builtin::Kv => format!(r#"{{"_id": {{"$numberLong": "{number}"}}, "value": {value}, "version": 0}}"#),
        _ => document(&format!("\"{}\"", loaded(number)), &value),
    };
    let mut shown = 0;
    for first in (0..records).step_by(usize::try_from(LOAD_DOCUMENTS).unwrap_or(1)) {
        let last = (first + LOAD_DOCUMENTS).min(records);
        let documents: Vec<String> = (first..last).map(record).collect();
        let documents = format!("[{}]", documents.join(","));
        insert
            .execute(&[Value::Json(&documents)])
            .check()
            .map_err(|failure| Failure::setup(failure.message))?;
        let tenth = last * 10 / records;
        if tenth > shown && records > 10 * LOAD_DOCUMENTS {
            shown = tenth;
            stresshost_sdk::info!("`{name}`: {last} of {records} documents loaded ({}%)", tenth * 10);
        }
    }
    stresshost_sdk::info!("collection `{name}` made with {records} documents");
    Ok(())
}

/// Drops the collections that this run made, and nothing else.
///
/// # Errors
/// When the server refuses.
pub(crate) fn drop_made(connection: Connection, made: &[String]) -> Result<(), Failure> {
    made.iter()
        .try_for_each(|name| connection.run("teardown drop", &format!(r#"{{"drop": "{name}"}}"#)).check())
}

/// Takes away what the run has made: its collections, and the records it inserted into one that was there.
///
/// # Errors
/// When the server refuses.
pub(crate) fn take(workload: &Workload) -> Result<(), Failure> {
    let made = &workload.found.made;
    let is_left = inserts(workload) && !made.iter().any(|name| name == FIELDED);
    if made.is_empty() && !is_left {
        return Ok(());
    }
    let connection = open(workload)?;
    drop_made(connection, made)?;
    if is_left {
        let text = format!(
            r#"{{"delete": "{FIELDED}", "deletes": [{{"q": {{"_id": {{"$gte": "$1", "$lt": "$2"}}}}, "limit": 0}}]}}"#
        );
        let prefix = inserted_prefix(workload);
        // `;` follows `:`, which the prefix ends with.
        let end = format!("{};", prefix.trim_end_matches(':'));
        let delete = connection.command("teardown delete", text).prepare()?;
        delete.execute(&[Value::Text(&prefix), Value::Text(&end)]).check()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
