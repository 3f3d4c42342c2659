//! Plans of statements, read for what stands out: tables read whole, rows read and thrown away, estimates far off.

use stresshost_sdk::serde_json::{self, Value as Json};
use stresshost_sdk::sql::{Cell, Connection, Engine};

use crate::document::Step;
use crate::generator::{Drawn, Source, Wire};
use crate::limits::{SMALL_TABLE_ROWS, WRONG_ESTIMATE};
use crate::schema::{literal, texts};
use crate::script::filled;
use crate::statement::{Class, Role};

/// First major version of PostgreSQL with `EXPLAIN (GENERIC_PLAN)`.
const GENERIC_PLAN: u32 = 16;

/// A table that a plan reads whole.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scan {
    pub(crate) table: String,
    /// Rows it reads.
    pub(crate) rows: f64,
    /// Rows that the condition throws away; None when the plan was not executed.
    pub(crate) removed: Option<f64>,
}

/// What a plan says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    pub(crate) scans: Vec<Scan>,
    /// Node, rows estimated, and rows found where they differ by much.
    pub(crate) misjudged: Vec<(String, f64, f64)>,
    /// Cost in the planner's unit.
    pub(crate) cost: Option<f64>,
    /// Whether the statement was executed for it.
    pub(crate) is_measured: bool,
}

/// The text with sample values of its parameters as literals.
pub(crate) fn sampled(step: &Step, engine: Engine) -> String {
    let mut drawn = Drawn::default();
    for filled in &step.parameters {
        let cell = match filled.by.as_ref().map(|by| Source::new(by, Wire::Natural)) {
            Some(Ok(source)) => source.draw(&mut drawn),
            _ => Cell::Null,
        };
        drawn.values.push(cell);
    }
    let value = |number: usize| match number.checked_sub(1).and_then(|place| drawn.values.get(place)) {
        None | Some(Cell::Null | Cell::Bytes(_)) => "NULL".to_owned(),
        Some(Cell::Text(text)) => literal(text, engine),
        Some(Cell::Boolean(value)) => value.to_string(),
        Some(other) => other.to_text().unwrap_or_default(),
    };
    filled(&step.text, value)
}

/// Asks for the plan of a statement. A read is executed for it where the server then tells more.
///
/// # Errors
/// The server's words when it has none.
pub(crate) fn plan(
    connection: Connection,
    engine: Engine,
    version: &str,
    step: &Step,
) -> Result<Plan, String> {
    let major: u32 =
        version.split(|c: char| !c.is_ascii_digit()).find_map(|part| part.parse().ok()).unwrap_or(0);
    let is_read = step.class == Class::Read;
    let text = match engine {
        Engine::Postgresql if is_read => {
            format!("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {}", sampled(step, engine))
        }
        Engine::Postgresql if major >= GENERIC_PLAN => {
            format!("EXPLAIN (GENERIC_PLAN, FORMAT JSON) {}", step.text)
        }
        Engine::Postgresql => format!("EXPLAIN (FORMAT JSON) {}", sampled(step, engine)),
        Engine::Mysql | Engine::Mariadb => format!("EXPLAIN FORMAT=JSON {}", sampled(step, engine)),
        Engine::Sqlite => format!("EXPLAIN QUERY PLAN {}", sampled(step, engine)),
    };
    let answer = connection.run(&format!("EXPLAIN {}", step.name), &text);
    answer.check().map_err(|failure| failure.message)?;
    let rows = answer.all_rows();
    if engine == Engine::Sqlite {
        return Ok(of_sqlite(
            &rows.iter().map(|row| texts(row).pop().unwrap_or_default()).collect::<Vec<_>>(),
        ));
    }
    let lines: Vec<String> = rows.iter().map(|row| texts(row).concat()).collect();
    let json: Json =
        serde_json::from_str(&lines.join("\n")).map_err(|error| format!("its plan is no JSON: {error}"))?;
    Ok(if engine == Engine::Postgresql { of_postgresql(&json) } else { of_mysql(&json) })
}

/// A plan of PostgreSQL's `FORMAT JSON`.
fn of_postgresql(json: &Json) -> Plan {
    let root = json.get(0).and_then(|first| first.get("Plan")).unwrap_or(&Json::Null);
    let mut plan = Plan {
        cost: root.get("Total Cost").and_then(Json::as_f64),
        is_measured: root.get("Actual Rows").is_some(),
        ..Plan::default()
    };
    node(root, &mut plan);
    plan
}

fn node(json: &Json, plan: &mut Plan) {
    let number = |key: &str| json.get(key).and_then(Json::as_f64);
    let text = |key: &str| json.get(key).and_then(Json::as_str).unwrap_or_default();
    let loops = number("Actual Loops").unwrap_or(1.0);
    let estimated = number("Plan Rows").unwrap_or(0.0);
    if text("Node Type") == "Seq Scan" {
        let removed = number("Rows Removed by Filter").map(|rows| rows * loops);
        let found = number("Actual Rows").map(|rows| rows * loops);
        let rows = found.map_or(estimated, |found| found + removed.unwrap_or(0.0));
        // A node that was executed and names no rows removed has removed none.
        let removed = if found.is_some() { Some(removed.unwrap_or(0.0)) } else { None };
        plan.scans.push(Scan { table: text("Relation Name").to_owned(), rows, removed });
    }
    // A limit stops the nodes below it early, so that what they found says nothing of their estimate.
    if let Some(found) = number("Actual Rows").filter(|_| text("Node Type") != "Limit") {
        let (least, most) = (estimated.min(found).max(1.0), estimated.max(found));
        if most / least >= WRONG_ESTIMATE && most >= SMALL_TABLE_ROWS {
            let relation = text("Relation Name");
            plan.misjudged.push((
                format!("{} {relation}", text("Node Type")).trim().to_owned(),
                estimated,
                found,
            ));
        }
    }
    if text("Node Type") == "Limit" {
        let mut below = Plan::default();
        children(json, &mut below);
        plan.scans.append(&mut below.scans);
        return;
    }
    children(json, plan);
}

fn children(json: &Json, plan: &mut Plan) {
    for child in json.get("Plans").and_then(Json::as_array).into_iter().flatten() {
        node(child, plan);
    }
}

/// A plan of `EXPLAIN FORMAT=JSON`: tables stand anywhere in it.
fn of_mysql(json: &Json) -> Plan {
    fn look(json: &Json, plan: &mut Plan) {
        if let Some("ALL") = json.get("access_type").and_then(Json::as_str) {
            let number = |key: &str| json.get(key).and_then(Json::as_f64);
            let rows = number("rows_examined_per_scan").or_else(|| number("rows")).unwrap_or(0.0);
            let table = json.get("table_name").and_then(Json::as_str).unwrap_or_default();
            plan.scans.push(Scan { table: table.to_owned(), rows, removed: None });
        }
        match json {
            Json::Object(map) => map.values().for_each(|value| look(value, plan)),
            Json::Array(items) => items.iter().for_each(|value| look(value, plan)),
            _ => {}
        }
    }
    let block = json.get("query_block");
    let cost = block.and_then(|block| block.pointer("/cost_info/query_cost").or_else(|| block.get("cost")));
    let cost = cost.and_then(|cost| cost.as_f64().or_else(|| cost.as_str()?.parse().ok()));
    let mut plan = Plan { cost, ..Plan::default() };
    look(json, &mut plan);
    plan
}

/// Lines of `EXPLAIN QUERY PLAN`: `SCAN` reads a table whole, unless it goes along an index.
fn of_sqlite(lines: &[String]) -> Plan {
    let scans = lines.iter().filter_map(|line| {
        let rest = line.trim().strip_prefix("SCAN ")?;
        let rest = rest.strip_prefix("TABLE ").unwrap_or(rest);
        let is_whole = !rest.contains("USING") && !rest.starts_with("CONSTANT") && !rest.starts_with('(');
        let table = rest.split_whitespace().next()?;
        is_whole.then(|| Scan { table: table.to_owned(), rows: f64::NAN, removed: None })
    });
    Plan { scans: scans.collect(), ..Plan::default() }
}

impl Scan {
    /// Whether it is worth telling: a table that is not small, or of which nobody knows, and not one all rows of which are
    /// wanted.
    pub(crate) fn is_much(&self) -> bool {
        let are_wanted = self.removed == Some(0.0);
        !are_wanted && (self.rows.is_nan() || self.rows >= SMALL_TABLE_ROWS)
    }

    /// The numbers, for people; `records` are rows or documents.
    pub(crate) fn evidence(&self, records: &str) -> String {
        let rows =
            if self.rows.is_nan() { format!("all {records}") } else { format!("{:.0} {records}", self.rows) };
        match self.removed {
            Some(removed) => format!(
                "{rows} of `{}` are read, {removed:.0} of them thrown away by the condition",
                self.table
            ),
            None => format!("{rows} of `{}` are read, as the plan has it", self.table),
        }
    }
}

/// Columns of an index that would help a statement with a table: those that equal a parameter, then one of a range.
pub(crate) fn index_columns(step: &Step, table: &str) -> Vec<String> {
    let of = |role: fn(Role) -> bool| {
        let parameters = step.parameters.iter().map(|filled| &filled.is);
        let own = parameters.filter(move |one| {
            role(one.role) && one.table.as_deref().is_some_and(|named| named.eq_ignore_ascii_case(table))
        });
        own.filter_map(|one| one.column.clone())
    };
    let mut columns: Vec<String> = Vec::new();
    let ranges = of(|role| matches!(role, Role::Low | Role::High)).take(1);
    for column in of(|role| role == Role::Equal).chain(ranges) {
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::serde_json::json;

    use super::*;

    #[test]
    fn postgresql_tells_scans_and_wrong_estimates() {
        let json = json!([{ "Plan": { "Node Type": "Limit", "Total Cost": 99.5, "Plan Rows": 20, "Actual Rows": 20, "Actual Loops": 1, "Plans": [
            { "Node Type": "Seq Scan", "Relation Name": "products", "Plan Rows": 10, "Actual Rows": 20, "Actual Loops": 1, "Rows Removed by Filter": 4980 }] } }]);
        let plan = of_postgresql(&json);
        assert_eq!(plan.scans, [Scan { table: "products".into(), rows: 5_000.0, removed: Some(4_980.0) }]);
        assert_eq!((plan.cost, plan.is_measured, plan.misjudged.len()), (Some(99.5), true, 0));
        assert!(plan.scans[0].is_much());
        assert!(!Scan { removed: Some(0.0), ..plan.scans[0].clone() }.is_much(), "every row is wanted");
        assert_eq!(
            plan.scans[0].evidence("rows"),
            "5000 rows of `products` are read, 4980 of them thrown away by the condition"
        );
        let json = json!([{ "Plan": { "Node Type": "Hash Join", "Plan Rows": 5, "Actual Rows": 9_000, "Actual Loops": 1 } }]);
        assert_eq!(of_postgresql(&json).misjudged, [("Hash Join".to_owned(), 5.0, 9_000.0)]);
        let json = json!([{ "Plan": { "Node Type": "Update", "Plans": [{ "Node Type": "Seq Scan", "Relation Name": "a", "Plan Rows": 7 }] } }]);
        assert_eq!(of_postgresql(&json).scans, [Scan { table: "a".into(), rows: 7.0, removed: None }]);
    }

    #[test]
    fn mysql_mariadb_and_sqlite_tell_scans() {
        let mysql = json!({ "query_block": { "cost_info": { "query_cost": "12.5" }, "nested_loop": [
            { "table": { "table_name": "p", "access_type": "ALL", "rows_examined_per_scan": 4000 } },
            { "table": { "table_name": "i", "access_type": "ref", "rows_examined_per_scan": 1 } }] } });
        let plan = of_mysql(&mysql);
        assert_eq!((plan.scans.len(), plan.scans[0].rows, plan.cost), (1, 4_000.0, Some(12.5)));
        let mariadb = json!({ "query_block": { "cost": 3.5, "nested_loop": [{ "table": { "table_name": "p", "access_type": "ALL", "rows": 40 } }] } });
        let plan = of_mysql(&mariadb);
        assert_eq!((plan.cost, plan.scans[0].is_much()), (Some(3.5), false));
        let lines = [
            "SCAN products",
            "SEARCH a USING INDEX b (c=?)",
            "SCAN d USING COVERING INDEX e",
            "SCAN CONSTANT ROW",
        ]
        .map(str::to_owned);
        let plan = of_sqlite(&lines);
        assert_eq!(plan.scans.iter().map(|scan| scan.table.as_str()).collect::<Vec<_>>(), ["products"]);
        assert!(plan.scans[0].is_much() && plan.scans[0].evidence("rows").starts_with("all rows"));
    }
}
