//! Flags, and what they mean.

use stresshost_sdk::config::{Found, short};
use stresshost_sdk::documents::Feed;
use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json::Value;

use crate::builtin::Builtin;
use crate::document::{Invariant, QueryType};
use crate::generator::{Generator, read};
use crate::limits::{MAX_INVARIANTS, MAX_ROWS, MAX_SCALE};
use crate::script;

/// What the command line asks for, beside the load.
#[derive(Clone, Debug, Default)]
pub(crate) struct Command {
    pub(crate) url: Option<String>,
    pub(crate) query_type: Option<QueryType>,
    /// Text of the query file.
    pub(crate) query_file: Option<String>,
    pub(crate) workload: Option<Builtin>,
    /// Rows of the key-value table, or records of Redis or MongoDB.
    pub(crate) rows: Option<u64>,
    /// Branches or warehouses.
    pub(crate) scale: Option<u64>,
    /// Generators by the names of parameters.
    pub(crate) parameters: Vec<(String, Generator)>,
    /// Rows of the parameter file.
    pub(crate) feed: Option<Feed>,
    pub(crate) invariants: Vec<Invariant>,
    /// `HOST/DATABASE` that may be written to.
    pub(crate) allow_writes: Vec<String>,
    pub(crate) explain: bool,
    pub(crate) prove: bool,
    /// Whether pool sizes are tried.
    pub(crate) sweep: bool,
    pub(crate) timeout_ms: Option<u64>,
}

/// What the plugin says of itself.
pub(crate) fn descriptor() -> Descriptor {
    let example = |args: &str, about: &str| Example { args: args.to_owned(), about: about.to_owned() };
    let url = Positional {
        name: "URL".to_owned(),
        help: "The database: postgresql://, mysql://, mariadb://, sqlite:FILE, redis:// or mongodb:// [default: the config's]"
            .to_owned(),
        required: false,
        target: true,
    };
    let mut flags = LoadFlags::flags();
    if let Some(users) = flags.iter_mut().find(|flag| flag.name == "vus") {
        users.aliases.push("connections".to_owned());
    }
    flags.extend(own_flags());
    Descriptor {
        name: "datastress".to_owned(),
        summary: "Load a database and tell the truth about it: statements, transactions, locks, consistency".to_owned(),
        description: "Statements, or commands of MongoDB, come from a config of scenarios, from --query-file, or from a \
                      built-in workload. Read and write scenarios pick one statement an iteration by its weight; a mixed \
                      scenario is its statements in turn in one transaction. Parameters `$1` are filled by declared \
                      generators, or by such as fit the statement and the live schema; the report says which and why. \
                      The server's own counters stand beside what the clients saw; what a server cannot tell is said \
                      so. Invariants are checked before and after. Read scenarios use read-only connections; a database \
                      that is not on this machine is written to only with --allow-writes."
            .to_owned(),
        positionals: vec![url],
        flags,
        asks: Asks { secrets: vec!["*".to_owned()], ..Asks::default() },
        examples: vec![
            example("postgresql://user:pass@localhost:5432/mydb --connections 100 --duration 60", "built-in reads by key"),
            example("mysql://localhost/mydb --connections 50 --query-type write --duration 120", "built-in writes by key"),
            example("redis://localhost:6379 --connections 200 --query-type mixed", "reads and writes of Redis"),
            example("mongodb://localhost:27017/testdb --connections 200 --duration 120 --query-type mixed", "reads and updates of MongoDB"),
            example("sqlite:shop.db --query-file queries.sql --connections 4", "the queries of a file"),
            example("postgresql://localhost/bench --workload tpcc --scale 4", "TPC-C-like orders and payments"),
            example("--config ecommerce_db_test.yaml --query-plan-analysis", "the scenarios of a config"),
        ],
        ..Descriptor::empty()
    }
}

#[expect(clippy::too_many_lines, reason = "a list")]
fn own_flags() -> Vec<Flag> {
    let flag = |name: &str, kind: ValueKind, value_name: &str, help: &str| Flag {
        name: name.to_owned(),
        aliases: Vec::new(),
        short: None,
        kind,
        value_name: value_name.to_owned(),
        help: help.to_owned(),
        repeated: false,
        default: None,
    };
    let repeated = |flag: Flag| Flag { repeated: true, ..flag };
    let words = |words: &[&str]| ValueKind::Choice(words.iter().map(|&word| word.to_owned()).collect());
    let switch = |name: &str, help: &str| flag(name, ValueKind::Switch, "", help);
    vec![
        flag(
            "query-type",
            words(&QueryType::WORDS),
            "TYPE",
            "Kind of work [default: as the statements are, else read]",
        ),
        flag(
            "query-file",
            ValueKind::TextFile,
            "FILE",
            "Statements with `;` between them, or commands of MongoDB as JSON; `-- name: x` and `-- weight: n` before one",
        ),
        flag(
            "workload",
            words(&Builtin::WORDS),
            "NAME",
            "A built-in workload with data of its own [default: kv]",
        ),
        flag(
            "rows",
            ValueKind::Integer,
            "N",
            "Rows of the built-in kv table, or records of Redis or MongoDB [default: 10000]",
        ),
        flag("scale", ValueKind::Integer, "N", "Branches of tpcb, warehouses of tpcc [default: 1]"),
        repeated(flag(
            "parameter",
            ValueKind::Text,
            "NAME=GENERATOR",
            "How a parameter is filled: by its column or as $1, such as 'user_id=zipf 1..1000'",
        )),
        flag(
            "parameter-file",
            ValueKind::TextFile,
            "FILE",
            "CSV whose columns `feed COLUMN` generators deal out",
        ),
        flag(
            "invariants",
            ValueKind::TextFile,
            "FILE",
            "Queries that return no rows as long as the data is consistent; checked before and after",
        ),
        repeated(flag(
            "allow-writes",
            ValueKind::Text,
            "HOST/DATABASE",
            "A database of another machine that may be written to",
        )),
        switch("query-plan-analysis", "Read the plan of each statement, and tell what stands out"),
        switch("prove", "Measure suggested indexes on a scratch copy of the table, which is dropped again"),
        switch(
            "connection-pool-optimization",
            "Try pool sizes first, and recommend the best that was measured",
        ),
        flag("statement-timeout", ValueKind::Duration, "DURATION", "Limit of each statement"),
        switch("real-time-monitoring", "Show progress while it runs, as is done on a terminal anyhow"),
    ]
}

impl Command {
    pub(crate) fn read(input: &PlanInput, found: &mut Found) -> Self {
        let value = |name: &str| input.flags.get(name);
        let text = |name: &str| value(name).and_then(Value::as_str);
        let is_set = |name: &str| value(name).and_then(Value::as_bool).unwrap_or(false);
        let texts = |name: &str| -> Vec<String> {
            let list = value(name).and_then(Value::as_array).into_iter().flatten();
            list.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let mut count = |name: &str, most: u64| {
            let count = value(name).and_then(Value::as_u64)?;
            if count == 0 || count > most {
                found.problem(&format!("--{name}"), format!("{count} is not 1 to {most}"));
                return None;
            }
            Some(count)
        };
        let (rows, scale) = (count("rows", MAX_ROWS), count("scale", MAX_SCALE));
        let command = Self {
            url: input.args.first().cloned(),
            query_type: text("query-type").and_then(QueryType::of_word),
            query_file: text("query-file").map(str::to_owned),
            workload: text("workload").and_then(Builtin::of_word),
            rows,
            scale,
            parameters: parameters(&texts("parameter"), found),
            feed: text("parameter-file").and_then(|text| feed(text, found)),
            invariants: text("invariants").map(|text| invariants(text, found)).unwrap_or_default(),
            allow_writes: texts("allow-writes"),
            explain: is_set("query-plan-analysis") || is_set("prove"),
            prove: is_set("prove"),
            sweep: is_set("connection-pool-optimization"),
            timeout_ms: value("statement-timeout").and_then(Value::as_u64),
        };
        if command.workload.is_some() && command.query_file.is_some() {
            found.problem("--workload", "--workload and --query-file cannot both be given");
        }
        command
    }
}

fn parameters(texts: &[String], found: &mut Found) -> Vec<(String, Generator)> {
    let mut parameters = Vec::new();
    for text in texts {
        let Some((name, by)) = text.split_once('=') else {
            found.problem("--parameter", format!("`{}` is not NAME=GENERATOR", short(text)));
            continue;
        };
        match read::text(by) {
            Ok(by) => parameters.push((name.trim().to_owned(), by)),
            Err(message) => found.problem("--parameter", format!("{}: {message}", short(name))),
        }
    }
    parameters
}

/// Rows of a CSV with a heading. Values may stand in double quotes; a doubled quote stands for itself.
fn feed(text: &str, found: &mut Found) -> Option<Feed> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let columns = cells(lines.next().unwrap_or_default());
    let mut rows = Vec::new();
    for (number, line) in (2..).zip(lines) {
        let row = cells(line);
        if row.len() != columns.len() {
            let message = format!("row {number} has {} values for {} columns", row.len(), columns.len());
            found.problem("--parameter-file", message);
            return None;
        }
        rows.push(row);
    }
    if rows.is_empty() {
        found.problem("--parameter-file", "it has no rows below its heading");
        return None;
    }
    let order = stresshost_sdk::documents::FeedOrder::Sequential;
    Some(Feed { name: read::FEED.to_owned(), columns, rows, order })
}

fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let (mut is_quoted, mut characters) = (false, line.chars().peekable());
    while let Some(character) = characters.next() {
        match character {
            '"' if is_quoted && characters.peek() == Some(&'"') => {
                characters.next();
                push(&mut cells, '"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => cells.push(String::new()),
            other => push(&mut cells, other),
        }
    }
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

fn push(cells: &mut [String], character: char) {
    if let Some(cell) = cells.last_mut() {
        cell.push(character);
    }
}

/// Queries of a file, named by `-- name: x`.
fn invariants(text: &str, found: &mut Found) -> Vec<Invariant> {
    let pieces = script::split(text);
    if pieces.is_empty() || pieces.len() > MAX_INVARIANTS {
        let message = format!("it holds {} queries; 1 to {MAX_INVARIANTS} are wanted", pieces.len());
        found.problem("--invariants", message);
    }
    let named = |(number, piece): (usize, script::Piece)| Invariant {
        name: piece.name.unwrap_or_else(|| format!("query {number}")),
        sql: piece.text,
    };
    (1..).zip(pieces).map(named).collect()
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::serde_json::json;
    use stresshost_sdk::testing;

    use super::*;

    fn read(flags: Value) -> (Command, String) {
        let mut found = Found::default();
        let command = Command::read(&testing::input(&["sqlite:a.db"], flags, ()), &mut found);
        let problems: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
        (command, problems.join("\n"))
    }

    #[test]
    fn flags_are_read() {
        let (command, problems) = read(json!({ "query-type": "write", "rows": 5, "prove": true,
            "parameter": ["user_id=zipf 1..9"], "parameter-file": "a, b\n1,\"x, \"\"y\"\"\"\n",
            "invariants": "-- name: no orphans\nSELECT 1; SELECT 2" }));
        assert_eq!(problems, "");
        assert_eq!(
            (command.query_type, command.rows, command.explain),
            (Some(QueryType::Write), Some(5), true)
        );
        assert_eq!(command.feed.unwrap().rows, [["1".to_owned(), "x, \"y\"".to_owned()]]);
        let names: Vec<&str> = command.invariants.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["no orphans", "query 2"]);
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (flags, told) in [
            (json!({ "rows": 0 }), "--rows: 0 is not 1 to"),
            (json!({ "parameter": ["user_id"] }), "is not NAME=GENERATOR"),
            (json!({ "parameter": ["a=unifrom 1..2"] }), "did you mean `uniform`?"),
            (json!({ "parameter-file": "a,b\n1\n" }), "row 2 has 1 values for 2 columns"),
            (json!({ "parameter-file": "a\n" }), "no rows"),
            (json!({ "invariants": "" }), "0 queries"),
            (json!({ "workload": "kv", "query-file": "SELECT 1" }), "cannot both be given"),
        ] {
            let (_, problems) = read(flags.clone());
            assert!(problems.contains(told), "{flags}: {problems}");
        }
    }
}
