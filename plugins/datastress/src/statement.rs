//! One statement: what it does, what it is called, and what each of its parameters is about.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Assignment, AssignmentTarget, BinaryOperator, Delete, Expr, FromTable, Ident, Insert, LimitClause,
    ObjectName, Query, SelectItem, SetExpr, Statement as Parsed, TableFactor, TableObject, TableWithJoins,
    Update, Value, Visit, Visitor,
};
use sqlparser::dialect::{Dialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;
use stresshost_sdk::serde::{Deserialize, Serialize};

use crate::database::Kind;
use crate::script;

/// What a statement does to the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde", rename_all = "lowercase")]
pub(crate) enum Class {
    /// It changes nothing.
    Read,
    /// It changes rows.
    Write,
    /// It changes tables and other objects.
    Definition,
    /// It begins or ends a transaction, which is the plugin's to do.
    Transaction,
}

/// A statement that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) class: Class,
    /// Verb and tables, such as `SELECT products, inventory`.
    pub(crate) name: String,
    /// Tables it names, in their order.
    pub(crate) tables: Vec<String>,
    /// Its parameters, `$1` first.
    pub(crate) parameters: Vec<Parameter>,
    /// Columns that it returns of the rows it changed; `*` for all.
    pub(crate) returning: Vec<String>,
}

/// What a parameter is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub(crate) struct Parameter {
    pub(crate) role: Role,
    /// The column, when it stands beside one.
    pub(crate) column: Option<String>,
    /// The column's table, when the statement says.
    pub(crate) table: Option<String>,
}

/// How a parameter is used. The first of these that is true of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde", rename_all = "lowercase")]
pub(crate) enum Role {
    /// The column equals it.
    Equal,
    /// The column is set to it.
    Assigned,
    /// It is added to the column or taken from it.
    Step,
    /// Lower end of a range of the column.
    Low,
    /// Upper end of a range of the column.
    High,
    /// The column is like it.
    Pattern,
    /// Most rows.
    Limit,
    /// Rows left out.
    Offset,
    /// Nothing of the above.
    #[default]
    Other,
}

/// Why a statement was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Misread {
    pub(crate) message: String,
    /// Line within the statement, from 1.
    pub(crate) line: u32,
}

/// Reads one statement.
///
/// # Errors
/// When it is no SQL of the engine, or parameters are missing between those it has.
pub(crate) fn read(text: &str, kind: Kind) -> Result<Statement, Misread> {
    let dialect: &dyn Dialect = match kind {
        Kind::Mysql => &MySqlDialect {},
        Kind::Sqlite => &SQLiteDialect {},
        _ => &PostgreSqlDialect {},
    };
    let parsed = Parser::parse_sql(dialect, text).map_err(|error| misread(&error.to_string(), text))?;
    let parsed = match parsed.as_slice() {
        [one] => one,
        many => {
            return Err(Misread {
                message: format!("{} statements where one is wanted", many.len()),
                line: 1,
            });
        }
    };
    let mut finder = Finder::default();
    // It never breaks.
    let (ControlFlow::Continue(()) | ControlFlow::Break(())) = parsed.visit(&mut finder);
    finder.statement(parsed);
    let count = script::parameters(text).into_iter().map(|(_, _, number)| number).max().unwrap_or(0);
    let used = |number: usize| script::parameters(text).iter().any(|(_, _, used)| *used == number);
    if let Some(missing) = (1..=count).find(|number| !used(*number)) {
        return Err(Misread { message: format!("it has ${count} but no ${missing}"), line: 1 });
    }
    if count > crate::limits::MAX_PARAMETERS {
        let most = crate::limits::MAX_PARAMETERS;
        return Err(Misread { message: format!("{count} parameters; the most is {most}"), line: 1 });
    }
    let parameters = (1..=count).map(|number| finder.parameter(number)).collect();
    let tables = finder.table_names();
    let verb = text
        .split(|letter: char| !letter.is_ascii_alphabetic())
        .next()
        .unwrap_or_default()
        .to_ascii_uppercase();
    let name = match tables.join(", ") {
        tables if tables.is_empty() => verb,
        tables => format!("{verb} {tables}"),
    };
    let name = name.get(..name.floor_char_boundary(80)).unwrap_or_default().to_owned();
    Ok(Statement { class: class(parsed), name, tables, parameters, returning: returning(parsed) })
}

/// The parser's own words, without the place, which is told apart. What is missing at the end is told of the last line.
fn misread(error: &str, text: &str) -> Misread {
    let error = error.strip_prefix("sql parser error: ").unwrap_or(error);
    let (message, place) = error.split_once(" at Line: ").unwrap_or((error, ""));
    let last = u32::try_from(text.lines().count().max(1)).unwrap_or(u32::MAX);
    let line = place.split(',').next().and_then(|line| line.trim().parse().ok()).unwrap_or(last);
    Misread { message: message.to_owned(), line }
}

fn class(statement: &Parsed) -> Class {
    match statement {
        Parsed::Query(query) => of_query(query),
        Parsed::Insert(_) | Parsed::Update(_) | Parsed::Delete(_) | Parsed::Merge(_) | Parsed::Call(_) => {
            Class::Write
        }
        Parsed::Copy { .. } | Parsed::LockTables { .. } => Class::Write,
        Parsed::Explain { analyze: true, statement, .. } => class(statement),
        Parsed::Explain { .. } | Parsed::ExplainTable { .. } | Parsed::ShowVariable { .. } => Class::Read,
        Parsed::ShowStatus { .. } | Parsed::ShowVariables { .. } | Parsed::ShowTables { .. } => Class::Read,
        Parsed::ShowCreate { .. } | Parsed::ShowColumns { .. } => Class::Read,
        Parsed::StartTransaction { .. } | Parsed::Commit { .. } | Parsed::Rollback { .. } => {
            Class::Transaction
        }
        Parsed::Savepoint { .. } => Class::Transaction,
        _ => Class::Definition,
    }
}

/// A query reads, unless a part of it changes rows or locks them.
fn of_query(query: &Query) -> Class {
    fn writes(body: &SetExpr) -> bool {
        match body {
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => true,
            SetExpr::Query(query) => of_query(query) == Class::Write,
            SetExpr::SetOperation { left, right, .. } => writes(left) || writes(right),
            SetExpr::Select(select) => select.into.is_some(),
            SetExpr::Values(_) | SetExpr::Table(_) => false,
        }
    }
    let tables = query.with.iter().flat_map(|with| &with.cte_tables);
    let in_tables = tables.clone().any(|table| of_query(&table.query) == Class::Write);
    if in_tables || writes(&query.body) || !query.locks.is_empty() { Class::Write } else { Class::Read }
}

fn returning(statement: &Parsed) -> Vec<String> {
    let items = match statement {
        Parsed::Insert(Insert { returning, .. })
        | Parsed::Update(Update { returning, .. })
        | Parsed::Delete(Delete { returning, .. }) => returning,
        _ => &None,
    };
    let name = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) => column_of(expr).map(|(_, column)| column),
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
        SelectItem::Wildcard(_) => Some("*".to_owned()),
        _ => None,
    };
    items.iter().flatten().map(|item| name(item).unwrap_or_default()).collect()
}

/// Collects tables and what stands beside parameters.
#[derive(Default)]
struct Finder {
    /// Name in the statement, and table; equal without an alias.
    tables: Vec<(String, String)>,
    /// Names of common table expressions.
    common: Vec<String>,
    uses: Vec<(usize, Parameter)>,
}

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.common.push(table.alias.name.value.clone());
        }
        match &query.limit_clause {
            Some(LimitClause::LimitOffset { limit, offset, .. }) => {
                limit.iter().for_each(|limit| self.plain(limit, Role::Limit));
                offset.iter().for_each(|offset| self.plain(&offset.value, Role::Offset));
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
                self.plain(limit, Role::Limit);
                self.plain(offset, Role::Offset);
            }
            None => {}
        }
        // `INSERT ... VALUES` may stand in a query.
        if let SetExpr::Insert(statement) | SetExpr::Update(statement) = &*query.body {
            self.statement(statement);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, alias, args: None, .. } = factor {
            let table = last(name);
            let shown = alias.as_ref().map_or_else(|| table.clone(), |alias| alias.name.value.clone());
            self.tables.push((shown, table));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::BinaryOp { left, op, right } => self.compared(left, op, right),
            Expr::Between { expr, low, high, .. } => {
                self.beside(expr, low, Role::Low);
                self.beside(expr, high, Role::High);
            }
            Expr::InList { expr, list, .. } => {
                list.iter().for_each(|item| self.beside(expr, item, Role::Equal))
            }
            Expr::AnyOp { left, right, .. } => self.beside(left, right, Role::Other),
            Expr::Like { expr, pattern, .. } | Expr::ILike { expr, pattern, .. } => {
                self.beside(expr, pattern, Role::Pattern);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Finder {
    fn compared(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) {
        let (role, turned) = match op {
            BinaryOperator::Eq => (Role::Equal, Role::Equal),
            BinaryOperator::Gt | BinaryOperator::GtEq => (Role::Low, Role::High),
            BinaryOperator::Lt | BinaryOperator::LtEq => (Role::High, Role::Low),
            BinaryOperator::Plus | BinaryOperator::Minus => (Role::Step, Role::Step),
            _ => (Role::Other, Role::Other),
        };
        self.beside(left, right, role);
        self.beside(right, left, turned);
    }

    fn beside(&mut self, column: &Expr, value: &Expr, role: Role) {
        let (Some(number), Some((table, column))) = (number_of(value), column_of(column)) else { return };
        self.uses.push((number, Parameter { role, column: Some(column), table }));
    }

    fn plain(&mut self, value: &Expr, role: Role) {
        let number = number_of(value);
        self.uses.extend(number.map(|number| (number, Parameter { role, ..Parameter::default() })));
    }

    /// What is set, which is no expression of its own.
    fn statement(&mut self, statement: &Parsed) {
        match statement {
            Parsed::Insert(insert) => self.insert(insert),
            Parsed::Update(update) => {
                self.assignments(&update.assignments, &table_of(&update.table));
            }
            Parsed::Delete(delete) => {
                let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
                let named: Vec<String> = from.iter().map(table_of).collect();
                for table in named {
                    if !self.knows(&table) {
                        self.tables.push((table.clone(), table));
                    }
                }
            }
            _ => {}
        }
    }

    fn insert(&mut self, insert: &Insert) {
        let TableObject::TableName(name) = &insert.table else { return };
        let table = last(name);
        self.tables.insert(0, (table.clone(), table.clone()));
        self.assignments(&insert.assignments, &table);
        let Some(SetExpr::Values(values)) = insert.source.as_ref().map(|source| &*source.body) else {
            return;
        };
        for row in &values.rows {
            for (place, value) in row.content.iter().enumerate() {
                let Some(number) = number_of(value) else { continue };
                let column = insert.columns.get(place).map(last);
                self.uses
                    .push((number, Parameter { role: Role::Assigned, column, table: Some(table.clone()) }));
            }
        }
    }

    fn assignments(&mut self, assignments: &[Assignment], table: &str) {
        for assignment in assignments {
            let AssignmentTarget::ColumnName(column) = &assignment.target else { continue };
            if let Some(number) = number_of(&assignment.value) {
                let (column, table) = (Some(last(column)), Some(table.to_owned()));
                self.uses.push((number, Parameter { role: Role::Assigned, column, table }));
            }
        }
    }

    fn knows(&self, table: &str) -> bool {
        self.tables.iter().any(|(_, known)| known == table)
    }

    fn table_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (_, table) in &self.tables {
            if !names.contains(table) && !self.common.contains(table) {
                names.push(table.clone());
            }
        }
        names
    }

    /// What is known of a parameter: of several uses the one that says most.
    fn parameter(&self, number: usize) -> Parameter {
        let uses = self.uses.iter().filter(|(used, _)| *used == number).map(|(_, parameter)| parameter);
        let mut parameter = uses.min_by_key(|parameter| parameter.role).cloned().unwrap_or_default();
        let names = self.table_names();
        parameter.table = match parameter.table {
            Some(alias) => {
                let known = self.tables.iter().find(|(shown, _)| *shown == alias);
                Some(known.map_or(alias, |(_, table)| table.clone()))
            }
            None if names.len() == 1 => names.into_iter().next(),
            None => None,
        };
        parameter
    }
}

fn table_of(table: &TableWithJoins) -> String {
    match &table.relation {
        TableFactor::Table { name, .. } => last(name),
        _ => String::new(),
    }
}

/// The last part of a name.
fn last(name: &ObjectName) -> String {
    let ident = name.0.last().and_then(|part| part.as_ident());
    ident.map_or_else(|| name.to_string(), |ident| ident.value.clone())
}

/// The number of a parameter; MySQL's dialect has it as a name.
fn number_of(expr: &Expr) -> Option<usize> {
    let text = match expr {
        Expr::Value(value) => match &value.value {
            Value::Placeholder(text) => text,
            _ => return None,
        },
        Expr::Identifier(Ident { value, quote_style: None, .. }) => value,
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => return number_of(inner),
        _ => return None,
    };
    text.strip_prefix('$')?.parse().ok()
}

/// Table, when it is told, and name of a column.
fn column_of(expr: &Expr) -> Option<(Option<String>, String)> {
    match expr {
        Expr::Identifier(ident) if !ident.value.starts_with('$') => Some((None, ident.value.clone())),
        Expr::CompoundIdentifier(parts) => {
            let [.., table, column] = parts.as_slice() else { return None };
            Some((Some(table.value.clone()), column.value.clone()))
        }
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => column_of(inner),
        // `lower(email) = $1` is about the column, too.
        Expr::Function(function) => match &function.args {
            sqlparser::ast::FunctionArguments::List(list) => match list.args.as_slice() {
                [sqlparser::ast::FunctionArg::Unnamed(sqlparser::ast::FunctionArgExpr::Expr(inner))] => {
                    column_of(inner)
                }
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(parameter: &Parameter) -> String {
        let table = parameter.table.as_deref().unwrap_or("?");
        let column = parameter.column.as_deref().unwrap_or("?");
        format!("{:?} {table}.{column}", parameter.role)
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn statements_tell_class_name_and_parameters() {
        let cases: &[(&str, Class, &str, &[&str])] = &[
            (
                "SELECT * FROM products WHERE category_id = $1 AND in_stock = true LIMIT 20",
                Class::Read,
                "SELECT products",
                &["Equal products.category_id"],
            ),
            (
                "SELECT p.*, i.quantity FROM products p JOIN inventory i ON p.id = i.product_id WHERE p.featured = true",
                Class::Read,
                "SELECT products, inventory",
                &[],
            ),
            (
                "SELECT * FROM products WHERE price BETWEEN $1 AND $2 ORDER BY popularity DESC LIMIT 50",
                Class::Read,
                "SELECT products",
                &["Low products.price", "High products.price"],
            ),
            (
                "UPDATE inventory SET quantity = quantity - $1 WHERE product_id = $2 AND quantity >= $1",
                Class::Write,
                "UPDATE inventory",
                &["Step inventory.quantity", "Equal inventory.product_id"],
            ),
            (
                "INSERT INTO inventory_log (product_id, change_amount, change_type, timestamp) VALUES ($1, $2, $3, NOW())",
                Class::Write,
                "INSERT inventory_log",
                &[
                    "Assigned inventory_log.product_id",
                    "Assigned inventory_log.change_amount",
                    "Assigned inventory_log.change_type",
                ],
            ),
            (
                "UPDATE a SET x = $1 WHERE a.id IN ($2, $3)",
                Class::Write,
                "UPDATE a",
                &["Assigned a.x", "Equal a.id", "Equal a.id"],
            ),
            (
                "DELETE FROM carts WHERE $1 < created_at",
                Class::Write,
                "DELETE carts",
                &["Low carts.created_at"],
            ),
            (
                "SELECT name FROM users u WHERE lower(u.email) = $1 LIMIT $2 OFFSET $3",
                Class::Read,
                "SELECT users",
                &["Equal users.email", "Limit users.?", "Offset users.?"],
            ),
            (
                "WITH gone AS (DELETE FROM a WHERE id = $1 RETURNING *) SELECT * FROM gone",
                Class::Write,
                "WITH a",
                &["Equal a.id"],
            ),
            ("SELECT * FROM a WHERE id = $1 FOR UPDATE", Class::Write, "SELECT a", &["Equal a.id"]),
            ("CREATE TABLE a (id int)", Class::Definition, "CREATE", &[]),
            ("BEGIN", Class::Transaction, "BEGIN", &[]),
        ];
        for (text, class, name, parameters) in cases {
            for kind in [Kind::Postgresql, Kind::Mysql, Kind::Sqlite] {
                if kind == Kind::Mysql && text.starts_with("WITH gone") {
                    continue;
                }
                let read = read(text, kind).unwrap_or_else(|error| panic!("{kind:?} {text}: {error:?}"));
                let told: Vec<String> = read.parameters.iter().map(shown).collect();
                assert_eq!((read.class, read.name.as_str()), (*class, *name), "{kind:?} {text}");
                assert_eq!(told, *parameters, "{kind:?} {text}");
            }
        }
    }

    #[test]
    fn what_a_change_returns_is_known() {
        let text = "INSERT INTO orders (user_id, total_amount, status) VALUES ($1, $2, 'pending') RETURNING id, o.x AS y";
        assert_eq!(read(text, Kind::Postgresql).unwrap().returning, ["id", "y"]);
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        for (text, told, line) in [
            ("SELECT *\nFORM products", "", 2),
            ("SELEC 1", "", 1),
            ("SELECT $1, $3", "it has $3 but no $2", 1),
            ("SELECT 1; SELECT 2", "2 statements", 1),
        ] {
            let error = read(text, Kind::Postgresql).unwrap_err();
            assert!(error.message.contains(told) && !error.message.contains("Line"), "{text}: {error:?}");
            assert_eq!(error.line, line, "{text}: {error:?}");
        }
    }
}
