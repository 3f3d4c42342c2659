//! Generators for parameters that nobody declared: such as fit the statement and the live data.

use stresshost_sdk::serde_json::{Value as Json, json};
use stresshost_sdk::sql::{Cell, Connection};

use crate::document::{Filled, Step};
use crate::generator::fake::Fake;
use crate::generator::{Generator, whole};
use crate::schema::{Column, Range, Schema};
use crate::statement::{Parameter, Role};

/// Texts of a column that are few enough to be words of a kind, such as a status.
const FEW: usize = 50;

/// Part of a column's range that a range of a query spans.
const SPAN: f64 = 0.1;

/// Fills in the generators that a step lacks, and resolves those that stand for a column.
pub(crate) fn fill(step: &mut Step, schema: &Schema, connection: Connection) {
    let parameters: Vec<Parameter> = step.parameters.iter().map(|filled| filled.is.clone()).collect();
    for (place, filled) in step.parameters.iter_mut().enumerate() {
        match &filled.by {
            Some(Generator::Column { table, column }) => {
                let found = schema.find(Some(table), column).cloned();
                let resolved = found.and_then(|column| existing(&column, schema, connection));
                let (by, why) = resolved.unwrap_or_else(|| {
                    (
                        Generator::Constant { value: Json::Null },
                        format!("{table}.{column} is empty or not there"),
                    )
                });
                *filled = Filled { by: Some(by), why: format!("declared: {why}"), ..filled.clone() };
            }
            Some(_) => {}
            None => {
                let (by, why) = infer(place, &parameters, schema, connection);
                (filled.by, filled.why) = (Some(by), why);
            }
        }
    }
}

fn infer(
    place: usize,
    parameters: &[Parameter],
    schema: &Schema,
    connection: Connection,
) -> (Generator, String) {
    let unknown = Parameter::default();
    let parameter = parameters.get(place).unwrap_or(&unknown);
    match parameter.role {
        Role::Limit => return (Generator::Constant { value: json!(20) }, "a page of 20 rows".to_owned()),
        Role::Offset => {
            return (Generator::Uniform { min: 0, max: 100 }, "one of the first pages".to_owned());
        }
        _ => {}
    }
    let column =
        parameter.column.as_deref().and_then(|column| schema.find(parameter.table.as_deref(), column));
    let Some(column) = column else {
        let why = match &parameter.column {
            Some(column) => format!("nothing is known of `{column}`"),
            None => "it stands beside no column".to_owned(),
        };
        return (Generator::Uniform { min: 1, max: 100 }, why);
    };
    let shown = format!("{}.{}", column.table, column.name);
    match parameter.role {
        Role::Step => (Generator::Uniform { min: 1, max: 3 }, format!("a small step of {shown}")),
        Role::Low | Role::High => range(place, parameters, column, schema, connection),
        Role::Pattern => {
            let starts = schema.sample(connection, column).into_iter().filter_map(|cell| cell.to_text());
            let values: Vec<Json> =
                starts.map(|text| json!(format!("{}%", text.chars().take(3).collect::<String>()))).collect();
            if values.is_empty() {
                (Generator::Constant { value: json!("a%") }, format!("{shown} is empty"))
            } else {
                (Generator::Values { values, exponent: None }, format!("beginnings of values of {shown}"))
            }
        }
        Role::Assigned => assigned(column, schema, connection),
        _ => existing(column, schema, connection).unwrap_or_else(|| made_up(column, "is empty")),
    }
}

/// Values that are there: of the column that it refers to, or its own.
fn existing(column: &Column, schema: &Schema, connection: Connection) -> Option<(Generator, String)> {
    if let Some((referred, is_declared)) = schema.referred_by(column) {
        let how = if is_declared { "foreign key to" } else { "named after" };
        let (by, _) = values(referred, schema, connection)?;
        return Some((by, format!("{how} {}.{}", referred.table, referred.name)));
    }
    let (by, what) = values(column, schema, connection)?;
    let key = if column.is_key { "key " } else { "" };
    Some((by, format!("{what} of {key}{}.{}", column.table, column.name)))
}

fn values(column: &Column, schema: &Schema, connection: Connection) -> Option<(Generator, String)> {
    if is_whole(&column.kind)
        && column.is_key
        && let Some(Range { min, max, is_dense: true }) = schema.range(connection, column)
    {
        return Some((Generator::Uniform { min: whole(min), max: whole(max) }, "every value".to_owned()));
    }
    let cells = schema.sample(connection, column);
    let values: Vec<Json> = cells.iter().map(json).collect();
    (!values.is_empty()).then(|| (Generator::Values { values, exponent: None }, "sampled values".to_owned()))
}

fn json(cell: &Cell) -> Json {
    match cell {
        Cell::Boolean(value) => json!(value),
        Cell::Integer(value) => json!(value),
        Cell::Real(value) => json!(value),
        other => other.to_text().map_or(Json::Null, Json::String),
    }
}

/// The ends of a range: the upper is the lower and a tenth of the column's range.
fn range(
    place: usize,
    parameters: &[Parameter],
    column: &Column,
    schema: &Schema,
    connection: Connection,
) -> (Generator, String) {
    let shown = format!("{}.{}", column.table, column.name);
    let is_number = is_whole(&column.kind) || is_fraction(&column.kind);
    let range = if is_number { schema.range(connection, column) } else { None };
    let Some(Range { min, max, .. }) = range else {
        return existing(column, schema, connection).unwrap_or_else(|| made_up(column, "is empty"));
    };
    let span = (max - min) * SPAN;
    let role = |role: Role| {
        let same = |other: &Parameter| other.role == role && other.column.as_deref() == Some(&column.name);
        parameters.iter().position(same)
    };
    let is_high = parameters.get(place).is_some_and(|parameter| parameter.role == Role::High);
    if is_high && let Some(low) = role(Role::Low).filter(|low| *low < place) {
        let why = format!("a tenth of the range of {shown} above ${}", low + 1);
        return (Generator::Above { parameter: low + 1, span }, why);
    }
    let has_both = role(Role::Low).is_some() && role(Role::High).is_some();
    let top = if has_both { max - span } else { max };
    let why = format!("the range of {shown}");
    if is_whole(&column.kind) {
        (Generator::Uniform { min: whole(min), max: whole(top).max(whole(min)) }, why)
    } else {
        (Generator::Decimal { min, max: top.max(min), decimals: 2 }, why)
    }
}

fn assigned(column: &Column, schema: &Schema, connection: Connection) -> (Generator, String) {
    let shown = format!("{}.{}", column.table, column.name);
    if schema.referred_by(column).is_some()
        && let Some(found) = existing(column, schema, connection)
    {
        return found;
    }
    if column.is_key && is_whole(&column.kind) {
        let last = schema.range(connection, column).map_or(0.0, |range| range.max);
        return (Generator::Sequence { start: whole(last) + 1 }, format!("new values of key {shown}"));
    }
    if is_whole(&column.kind) || is_fraction(&column.kind) {
        return match schema.range(connection, column) {
            Some(Range { min, max, .. }) if is_whole(&column.kind) => {
                (Generator::Uniform { min: whole(min), max: whole(max) }, format!("the range of {shown}"))
            }
            Some(Range { min, max, .. }) => {
                (Generator::Decimal { min, max, decimals: 2 }, format!("the range of {shown}"))
            }
            None => made_up(column, "is empty"),
        };
    }
    if is_text(&column.kind) && !column.is_key {
        let cells = schema.sample(connection, column);
        if (1..=FEW).contains(&cells.len()) {
            let values = cells.iter().map(json).collect();
            return (Generator::Values { values, exponent: None }, format!("the values of {shown}"));
        }
    }
    made_up(column, "takes any value of its type")
}

/// A value of the column's type.
fn made_up(column: &Column, because: &str) -> (Generator, String) {
    let kind = column.kind.as_str();
    let by = match () {
        () if kind.contains("bool") => {
            Generator::Values { values: vec![json!(true), json!(false)], exponent: None }
        }
        () if is_whole(kind) => Generator::Uniform { min: 1, max: 100 },
        () if is_fraction(kind) => Generator::Decimal { min: 1.0, max: 500.0, decimals: 2 },
        () if kind.contains("uuid") => Generator::Fake { of: Fake::Uuid },
        () if kind.contains("json") => Generator::Constant { value: json!("{}") },
        () if kind.contains("timestamp") || kind.contains("datetime") => {
            Generator::Fake { of: Fake::Timestamp }
        }
        () if kind.contains("date") => Generator::Fake { of: Fake::Date },
        () => Generator::Fake { of: Fake::of_column(&column.name) },
    };
    (by, format!("{}.{} ({kind}) {because}", column.table, column.name))
}

fn is_whole(kind: &str) -> bool {
    (kind.contains("int") && !kind.contains("interval") && !kind.contains("point")) || kind.contains("serial")
}

fn is_fraction(kind: &str) -> bool {
    ["numeric", "decimal", "float", "double", "real", "money"].iter().any(|word| kind.contains(word))
}

fn is_text(kind: &str) -> bool {
    ["text", "char", "clob", "enum"].iter().any(|word| kind.contains(word))
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::sql::{Engine, Target};
    use stresshost_sdk::testing::{FakeHost, SqlReply};

    use super::*;
    use crate::database::Kind;

    fn text(text: &str) -> Cell {
        if text.is_empty() { Cell::Null } else { Cell::Text(text.to_owned()) }
    }

    fn rows(rows: &[&[&str]]) -> SqlReply {
        let rows: Vec<Vec<Cell>> =
            rows.iter().map(|row| row.iter().map(|cell| text(cell)).collect()).collect();
        SqlReply::rows(&["a"], rows)
    }

    fn shop(host: &FakeHost) {
        host.sql_reply_once(
            "setup columns",
            rows(&[
                &["products", "id", "int4"],
                &["products", "category_id", "int4"],
                &["products", "price", "numeric"],
                &["inventory", "product_id", "int4"],
                &["inventory", "quantity", "int4"],
                &["orders", "user_id", "int4"],
                &["orders", "total_amount", "numeric"],
                &["orders", "status", "text"],
            ]),
        );
        host.sql_reply(
            "setup keys",
            rows(&[&["p", "products", "id", "", ""], &["f", "inventory", "product_id", "products", "id"]]),
        );
        host.sql_reply("setup range", rows(&[&["1", "1000"]]));
        host.sql_reply("setup density", rows(&[&["1000"]]));
        host.sql_reply("setup sample", rows(&[&["3"], &["7"]]));
    }

    fn inferred(sql: &str) -> Vec<(String, String)> {
        let host = FakeHost::new();
        shop(&host);
        let connection = Target::new("postgresql://h/d").open().unwrap();
        let read = crate::statement::read(sql, Kind::Postgresql).unwrap();
        let schema = Schema::read(connection, Engine::Postgresql, &read.tables).unwrap();
        let parameters = read.parameters;
        (0..parameters.len())
            .map(|place| infer(place, &parameters, &schema, connection))
            .map(|(by, why)| (by.describe(), why))
            .collect()
    }

    #[test]
    fn generators_fit_the_statement_and_the_data() {
        for (sql, expected) in [
            (
                "SELECT * FROM products WHERE category_id = $1",
                vec![("one of 2 values", "sampled values of products.category_id")],
            ),
            (
                "SELECT * FROM products WHERE id = $1",
                vec![("uniform 1..1000", "every value of key products.id")],
            ),
            (
                "SELECT * FROM products WHERE price BETWEEN $1 AND $2",
                vec![
                    ("uniform 1.00..900.10", "the range of products.price"),
                    ("$1 and up to 99.90 more", "a tenth of the range of products.price above $1"),
                ],
            ),
            (
                "UPDATE inventory SET quantity = quantity - $1 WHERE product_id = $2 AND quantity >= $1",
                vec![
                    ("uniform 1..3", "a small step of inventory.quantity"),
                    ("uniform 1..1000", "foreign key to products.id"),
                ],
            ),
            (
                "INSERT INTO orders (user_id, total_amount, status) VALUES ($1, $2, $3)",
                vec![
                    ("uniform 1..1000", "the range of orders.user_id"),
                    ("uniform 1.00..1000.00", "the range of orders.total_amount"),
                    ("one of 2 values", "the values of orders.status"),
                ],
            ),
            (
                "SELECT * FROM products WHERE 1 = $1 LIMIT $2",
                vec![("uniform 1..100", "it stands beside no column"), ("always 20", "a page of 20 rows")],
            ),
            (
                "SELECT * FROM products WHERE colour = $1",
                vec![("uniform 1..100", "nothing is known of `colour`")],
            ),
        ] {
            let told = inferred(sql);
            let told: Vec<(&str, &str)> = told.iter().map(|(by, why)| (by.as_str(), why.as_str())).collect();
            assert_eq!(told, expected, "{sql}");
        }
    }
}
