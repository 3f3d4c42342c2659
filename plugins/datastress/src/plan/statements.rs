//! A scenario's statements: classified, named, and their parameters given the generators that were declared.

use stresshost_sdk::config::{Found, short};
use stresshost_sdk::documents::nearest;

use crate::config::{Query, Scenario};
use crate::database::Kind;
use crate::document::{Doing, Filled, QueryType, Step, Work};
use crate::generator::{Generator, Wire};
use crate::limits::MAX_STATEMENTS;
use crate::mongo;
use crate::statement::{self, Class, Role, Statement};

/// What statements are read with.
pub(super) struct Reader<'a> {
    pub(super) kind: Kind,
    /// Declared generators; the first list that has one decides.
    pub(super) declared: [&'a Vec<(String, Generator)>; 3],
    /// Whether there is a parameter file.
    pub(super) has_feed: bool,
}

/// Reads the statements of a scenario.
pub(super) fn read_statements(scenario: &Scenario, reader: &Reader<'_>, found: &mut Found) -> Option<Work> {
    let before = found.problems.len();
    if scenario.queries.len() > MAX_STATEMENTS {
        let message = format!("{} statements; the most is {MAX_STATEMENTS}", scenario.queries.len());
        found.problem(&scenario.path, message);
        return None;
    }
    let read: Vec<(&Query, Statement)> = scenario
        .queries
        .iter()
        .filter_map(|query| Some((query, statement(query, reader.kind, found)?)))
        .collect();
    let query_type = scenario.query_type.unwrap_or_else(|| of_statements(&read));
    for (query, statement) in &read {
        misfit(query, statement, query_type, reader.kind, found);
    }
    if query_type == QueryType::Write && read.iter().all(|(_, statement)| statement.class == Class::Read) {
        let message = format!("scenario `{}` is `write`, and none of its statements writes", scenario.name);
        found.problem(&scenario.path, message);
    }
    let is_mongo = reader.kind == Kind::Mongo;
    if is_mongo && scenario.transaction == Some(true) {
        let message =
            format!("scenario `{}`: commands of MongoDB are not run in transactions here", scenario.name);
        found.problem_with_hint(&scenario.path, message, "without `transaction` an iteration is one command");
    }
    let transaction = scenario.transaction.unwrap_or(query_type == QueryType::Mixed && !is_mongo);
    let mut steps: Vec<Step> = read.iter().map(|(query, statement)| step(query, statement, reader)).collect();
    unique_names(&mut steps);
    unused_declarations(&scenario.parameters, &scenario.path, &steps, found);
    if transaction {
        chain(&mut steps);
    }
    check_feeds(&steps, reader, found);
    let doing = Doing::Statements { steps, transaction };
    (found.problems.len() == before && !read.is_empty()).then(|| Work {
        name: scenario.name.clone(),
        query_type,
        doing,
    })
}

/// Reads one statement; what is wrong is told with its line.
fn statement(query: &Query, kind: Kind, found: &mut Found) -> Option<Statement> {
    let read = match kind {
        Kind::Mongo => mongo::command::read(&query.sql),
        _ => statement::read(&query.sql, kind),
    };
    match read {
        Ok(statement) => Some(statement),
        Err(error) => {
            let line = match query.line {
                0 => String::new(),
                line => format!("line {}: ", line + error.line - 1),
            };
            let message =
                format!("{line}{}{}: {}", query.label, short(&error.message), beginning(&query.sql));
            found.problem(&query.path, message);
            None
        }
    }
}

/// The first line of a statement.
fn beginning(sql: &str) -> String {
    format!("`{}`", short(sql.lines().next().unwrap_or_default()))
}

fn of_statements(read: &[(&Query, Statement)]) -> QueryType {
    let reads = read.iter().filter(|(_, statement)| statement.class == Class::Read).count();
    match reads {
        reads if reads == read.len() => QueryType::Read,
        0 => QueryType::Write,
        _ => QueryType::Mixed,
    }
}

fn misfit(query: &Query, statement: &Statement, query_type: QueryType, kind: Kind, found: &mut Found) {
    let (records, objects) = match kind {
        Kind::Mongo => ("documents", "collections and indexes"),
        _ => ("rows", "tables and settings"),
    };
    let mut problem = |message: &str, hint: &str| {
        let line = if query.line == 0 { String::new() } else { format!("line {}: ", query.line) };
        let message = format!("{line}{}{message}: {}", query.label, beginning(&query.sql));
        found.problem_with_hint(&query.path, message, hint);
    };
    match statement.class {
        Class::Write if query_type == QueryType::Read => {
            problem(
                &format!("a `read` scenario only reads, and this changes or locks {records}"),
                "make the scenario `write` or `mixed`",
            );
        }
        Class::Definition => problem(
            &format!("this is no query or change of {records}"),
            &format!("change {objects} before the run"),
        ),
        Class::Transaction if kind == Kind::Mongo => {
            problem("commands of MongoDB are not run in transactions here", "leave it out");
        }
        Class::Transaction => {
            problem(
                "transactions are begun and ended for you",
                "a `mixed` scenario is one transaction an iteration",
            );
        }
        Class::Read | Class::Write => {}
    }
}

fn step(query: &Query, statement: &Statement, reader: &Reader<'_>) -> Step {
    let parameters = (1..).zip(&statement.parameters).map(|(number, parameter)| {
        let by = declared(reader, number, parameter.table.as_deref(), parameter.column.as_deref());
        let why = if by.is_some() { "declared".to_owned() } else { String::new() };
        Filled { is: parameter.clone(), by, wire: Wire::Natural, why }
    });
    let place = match query.line {
        0 => query.path.clone(),
        line => format!("{} line {line}", query.path),
    };
    Step {
        name: query.name.clone().unwrap_or_else(|| statement.name.clone()),
        text: query.sql.trim().trim_end_matches(';').to_owned(),
        weight: query.weight.unwrap_or(1),
        class: statement.class,
        tables: statement.tables.clone(),
        parameters: parameters.collect(),
        returning: statement.returning.clone(),
        keeps_row: false,
        place,
    }
}

/// Names by which a parameter is declared, the closest first.
fn names(number: usize, table: Option<&str>, column: Option<&str>) -> Vec<String> {
    let qualified = table.zip(column).map(|(table, column)| format!("{table}.{column}"));
    let column = column.map(str::to_owned);
    qualified.into_iter().chain(column).chain([format!("${number}")]).collect()
}

fn declared(
    reader: &Reader<'_>,
    number: usize,
    table: Option<&str>,
    column: Option<&str>,
) -> Option<Generator> {
    let names = names(number, table, column);
    let of = |list: &[(String, Generator)]| {
        names.iter().find_map(|name| list.iter().find(|(known, _)| known == name).map(|(_, by)| by.clone()))
    };
    reader.declared.iter().find_map(|list| of(list))
}

/// Makes each name the scenario's only one of its kind: the second is ` (2)`.
fn unique_names(steps: &mut [Step]) {
    let mut seen: Vec<(String, u32)> = Vec::new();
    for step in steps {
        match seen.iter_mut().find(|(name, _)| *name == step.name) {
            Some((name, count)) => {
                *count += 1;
                step.name = format!("{name} ({count})");
            }
            None => seen.push((step.name.clone(), 1)),
        }
    }
}

/// A generator that fills nothing is a name mistyped.
fn unused_declarations(declared: &[(String, Generator)], path: &str, steps: &[Step], found: &mut Found) {
    let known: Vec<String> = steps
        .iter()
        .flat_map(|step| (1..).zip(&step.parameters))
        .flat_map(|(number, filled)| names(number, filled.is.table.as_deref(), filled.is.column.as_deref()))
        .collect();
    for (name, _) in declared.iter().filter(|(name, _)| !known.contains(name)) {
        let message = format!("no statement has a parameter `{}`", short(name));
        let path = format!("{path}/parameters/{}", name.replace('~', "~0").replace('/', "~1"));
        match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => found.problem_with_hint(&path, message, format!("did you mean `{near}`?")),
            None => found.problem(&path, message),
        }
    }
}

fn check_feeds(steps: &[Step], reader: &Reader<'_>, found: &mut Found) {
    let mut generators =
        steps.iter().flat_map(|step| &step.parameters).filter_map(|filled| filled.by.as_ref());
    if !reader.has_feed && generators.any(|by| matches!(by, Generator::Feed { .. })) {
        found.problem("--parameter-file", "a generator deals out rows of a file, and none was given");
    }
}

/// What an `INSERT INTO orders ... RETURNING id` returns fills `order_id` of the statements after it.
fn chain(steps: &mut [Step]) {
    for place in 1..steps.len() {
        let (earlier, later) = steps.split_at_mut(place);
        let Some(step) = later.first_mut() else { continue };
        for filled in &mut step.parameters {
            if filled.by.is_some() || !matches!(filled.is.role, Role::Equal | Role::Assigned) {
                continue;
            }
            let Some(column) = filled.is.column.clone() else { continue };
            let source = earlier.iter().enumerate().rev().find_map(|(index, source)| {
                let returned =
                    source.returning.iter().position(|returned| is_same(source, returned, &column))?;
                Some((index, returned))
            });
            if let Some((statement, column_at)) = source {
                filled.by = Some(Generator::Returned { statement, column: column_at });
                if let Some(source) = earlier.get_mut(statement) {
                    source.keeps_row = true;
                    filled.why = format!("`{}` is what `{}` returned", column, source.name);
                }
            }
        }
    }
}

/// Whether a column of a later statement means a returned one: by its own name with the table before it.
fn is_same(source: &Step, returned: &str, column: &str) -> bool {
    let Some(table) = source.tables.first() else { return false };
    let table = table.to_ascii_lowercase();
    let singular = match table.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => table.strip_suffix('s').unwrap_or(&table).to_owned(),
    };
    let column = column.to_ascii_lowercase();
    let returned = returned.to_ascii_lowercase();
    let is_named = [&table, &singular].iter().any(|table| column == format!("{table}_{returned}"));
    is_named || (column == returned && returned != "id" && returned.ends_with("_id"))
}
