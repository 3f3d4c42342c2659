//! One command: what it does, what it is called, and what each of its parameters is about.

use stresshost_sdk::serde_json::{self, Map, Value as Json};

use crate::limits::MAX_PARAMETERS;
use crate::statement::{Class, Misread, Parameter, Role, Statement};

/// Commands that only read. An `aggregate` reads unless it has a stage that writes.
const READS: [&str; 9] = [
    "find",
    "aggregate",
    "count",
    "distinct",
    "ping",
    "dbStats",
    "collStats",
    "listCollections",
    "listIndexes",
];

/// Commands that change documents.
const WRITES: [&str; 5] = ["insert", "update", "delete", "findAndModify", "findandmodify"];

/// Stages of an `aggregate` that write.
const WRITING_STAGES: [&str; 2] = ["$out", "$merge"];

/// Commands within a transaction, which one command an iteration has no use for.
const TRANSACTIONS: [&str; 2] = ["commitTransaction", "abortTransaction"];

/// Keys below which conditions stand, and those below which new values do.
const CONDITIONS: [&str; 4] = ["filter", "query", "q", "$match"];
const CHANGES: [&str; 4] = ["documents", "u", "update", "$set"];

/// Reads one command.
///
/// # Errors
/// When it is no command of MongoDB, or parameters are missing between those it has.
pub(crate) fn read(text: &str) -> Result<Statement, Misread> {
    let parsed: Json = serde_json::from_str(text).map_err(|error| Misread {
        message: format!("it is no JSON: {error}"),
        line: u32::try_from(error.line().max(1)).unwrap_or(1),
    })?;
    let misread = |message: String| Misread { message, line: 1 };
    let Json::Object(command) = &parsed else {
        return Err(misread("a command is a document, such as {\"find\": \"users\"}".to_owned()));
    };
    let Some((name, value)) = command.iter().next() else {
        return Err(misread("the command is empty".to_owned()));
    };
    if command.contains_key("$db") {
        return Err(misread("`$db` is set for you: name the database in the URL".to_owned()));
    }
    let collection = value.as_str().filter(|text| number_of(text).is_none());
    let mut finder = Finder { collection: collection.map(str::to_owned), uses: Vec::new() };
    finder.document(command, &Place::default());
    let parameters = finder.parameters().map_err(misread)?;
    let shown = match collection {
        Some(collection) => format!("{name} {collection}"),
        None => name.clone(),
    };
    Ok(Statement {
        class: class(name, command),
        name: shown.get(..shown.floor_char_boundary(80)).unwrap_or_default().to_owned(),
        tables: collection.map(str::to_owned).into_iter().collect(),
        parameters,
        returning: Vec::new(),
    })
}

fn class(name: &str, command: &Map<String, Json>) -> Class {
    let stages = command.get("pipeline").and_then(Json::as_array).into_iter().flatten();
    let writes = |stage: &Json| WRITING_STAGES.iter().any(|name| stage.get(*name).is_some());
    match name {
        "aggregate" if stages.clone().any(writes) => Class::Write,
        _ if READS.contains(&name) => Class::Read,
        _ if WRITES.contains(&name) => Class::Write,
        _ if TRANSACTIONS.contains(&name) => Class::Transaction,
        _ => Class::Definition,
    }
}

/// The number of the parameter that a text stands for, as the host reads it.
fn number_of(text: &str) -> Option<usize> {
    let digits = text.strip_prefix('$')?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_| is_number)
}

/// Where a value stands.
#[derive(Clone, Debug, Default)]
struct Place {
    /// Path of the field, its parts with dots between them; empty outside of conditions and documents.
    field: String,
    role: Role,
    /// Whether keys are fields or operators here, and not words of the command.
    within: bool,
}

impl Place {
    /// The place of a key's value.
    fn of(&self, key: &str) -> Self {
        let role = match key {
            "$eq" | "$in" if self.within => Role::Equal,
            "$gt" | "$gte" => Role::Low,
            "$lt" | "$lte" => Role::High,
            "$regex" => Role::Pattern,
            "$inc" => Role::Step,
            "limit" | "$limit" if !self.within => Role::Limit,
            "skip" | "$skip" if !self.within => Role::Offset,
            _ if !self.within && CONDITIONS.contains(&key) => Role::Equal,
            _ if CHANGES.contains(&key) && (!self.within || key == "$set") => Role::Assigned,
            "$set" | "$setOnInsert" | "$push" | "$addToSet" => Role::Assigned,
            _ if !self.within => Role::Other,
            _ if key.starts_with('$') && !matches!(key, "$and" | "$or" | "$nor" | "$elemMatch") => {
                Role::Other
            }
            _ => self.role,
        };
        let begins = !self.within && (CONDITIONS.contains(&key) || CHANGES.contains(&key));
        let mut field = self.field.clone();
        if self.within && !key.starts_with('$') {
            if !field.is_empty() {
                field.push('.');
            }
            field.push_str(key);
        }
        Self { field, role, within: self.within || begins }
    }
}

/// Collects what stands beside parameters.
struct Finder {
    collection: Option<String>,
    uses: Vec<(usize, Parameter)>,
}

impl Finder {
    fn document(&mut self, document: &Map<String, Json>, place: &Place) {
        for (key, value) in document {
            self.value(value, &place.of(key));
        }
    }

    fn value(&mut self, value: &Json, place: &Place) {
        match value {
            Json::Object(document) => self.document(document, place),
            Json::Array(items) => items.iter().for_each(|item| self.value(item, place)),
            Json::String(text) => self.text(text, place),
            _ => {}
        }
    }

    fn text(&mut self, text: &str, place: &Place) {
        let Some(number) = number_of(text) else { return };
        let column = Some(place.field.clone()).filter(|field| !field.is_empty());
        let table = column.as_ref().and(self.collection.clone());
        let role = match place.role {
            // A condition or a document that is a parameter as a whole is of no field.
            Role::Equal | Role::Assigned if column.is_none() => Role::Other,
            role => role,
        };
        self.uses.push((number, Parameter { role, column, table }));
    }

    /// What is known of each parameter: of several uses the one that says most.
    fn parameters(&self) -> Result<Vec<Parameter>, String> {
        let count = self.uses.iter().map(|(number, _)| *number).max().unwrap_or(0);
        if count > MAX_PARAMETERS {
            return Err(format!("{count} parameters; the most is {MAX_PARAMETERS}"));
        }
        let of = |number: usize| {
            let uses = self.uses.iter().filter(|(used, _)| *used == number).map(|(_, parameter)| parameter);
            let missing = || format!("it has ${count} but no ${number}");
            uses.min_by_key(|parameter| parameter.role).cloned().ok_or_else(missing)
        };
        (1..=count).map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(parameter: &Parameter) -> String {
        format!("{:?} {}", parameter.role, parameter.column.as_deref().unwrap_or("-"))
    }

    #[test]
    fn commands_tell_class_name_and_parameters() {
        let cases: &[(&str, Class, &str, &[&str])] = &[
            (
                r#"{"find": "users", "filter": {"_id": "$1", "address.city": {"$in": ["$2"]}}, "limit": "$3"}"#,
                Class::Read,
                "find users",
                &["Equal _id", "Equal address.city", "Limit -"],
            ),
            (
                r#"{"find": "a", "filter": {"$and": [{"b": {"$gte": "$1", "$lt": "$2"}}]}, "skip": "$3"}"#,
                Class::Read,
                "find a",
                &["Low b", "High b", "Offset -"],
            ),
            (
                r#"{"update": "a", "updates": [{"q": {"b": "$1"}, "u": {"$set": {"c": {"d": "$2"}}, "$inc": {"e": "$3"}}}]}"#,
                Class::Write,
                "update a",
                &["Equal b", "Assigned c.d", "Step e"],
            ),
            (
                r#"{"insert": "a", "documents": [{"b": "$1", "c": ["$2"]}, "$3"]}"#,
                Class::Write,
                "insert a",
                &["Assigned b", "Assigned c", "Other -"],
            ),
            (
                r#"{"delete": "a", "deletes": [{"q": "$1", "limit": 1}]}"#,
                Class::Write,
                "delete a",
                &["Other -"],
            ),
            (
                r#"{"findAndModify": "a", "query": {"b": "$1"}, "update": {"$set": {"b": "$1"}}}"#,
                Class::Write,
                "findAndModify a",
                &["Equal b"],
            ),
            (
                r#"{"aggregate": "a", "pipeline": [{"$match": {"b": "$1"}}, {"$limit": "$2"}], "cursor": {}}"#,
                Class::Read,
                "aggregate a",
                &["Equal b", "Limit -"],
            ),
            (
                r#"{"aggregate": "a", "pipeline": [{"$out": "b"}], "cursor": {}}"#,
                Class::Write,
                "aggregate a",
                &[],
            ),
            (r#"{"count": "a", "query": {"b": {"$regex": "$1"}}}"#, Class::Read, "count a", &["Pattern b"]),
            (r#"{"ping": 1}"#, Class::Read, "ping", &[]),
            (r#"{"drop": "a"}"#, Class::Definition, "drop a", &[]),
            (r#"{"commitTransaction": 1}"#, Class::Transaction, "commitTransaction", &[]),
        ];
        for (text, class, name, parameters) in cases {
            let statement = read(text).unwrap();
            let told: Vec<String> = statement.parameters.iter().map(shown).collect();
            assert_eq!((statement.class, statement.name.as_str()), (*class, *name), "{text}");
            assert_eq!(told, *parameters, "{text}");
        }
        let statement = read(r#"{"find": "a", "filter": {"b": "$1"}}"#).unwrap();
        assert_eq!(
            (statement.tables, statement.parameters[0].table.as_deref()),
            (vec!["a".to_owned()], Some("a"))
        );
    }

    #[test]
    fn what_is_no_command_is_told() {
        for (text, line, told) in [
            ("SELECT 1", 1, "it is no JSON"),
            ("{\n\"find\":\n}", 3, "it is no JSON"),
            ("[]", 1, "a command is a document"),
            ("{}", 1, "is empty"),
            (r#"{"find": "a", "$db": "b"}"#, 1, "name the database in the URL"),
            (r#"{"find": "a", "filter": {"b": "$1", "c": "$3"}}"#, 1, "it has $3 but no $2"),
            (r#"{"find": "a", "filter": {"b": "$501"}}"#, 1, "501 parameters; the most is 500"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.message.contains(told) && error.line == line, "{text}: {error:?}");
        }
    }
}
