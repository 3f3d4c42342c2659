//! What the server says of the tables that statements name: columns, keys, and samples of values.

use stresshost_sdk::prelude::Failure;
use stresshost_sdk::sql::{Answer, Cell, Connection, Engine};

use crate::limits::{MAX_SAMPLES, SAMPLED_ROWS};

/// A column of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) table: String,
    pub(crate) name: String,
    /// The server's name of its type, in lower case.
    pub(crate) kind: String,
    pub(crate) is_key: bool,
    /// Table and column that it refers to.
    pub(crate) refers: Option<(String, String)>,
}

/// Columns of the tables that statements name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schema {
    pub(crate) columns: Vec<Column>,
    engine: Engine,
}

/// A range of whole numbers that a column holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// Whether every whole number at its beginning is there.
    pub(crate) is_dense: bool,
}

/// A text as a literal.
pub(crate) fn literal(text: &str, engine: Engine) -> String {
    let text = text.replace('\'', "''");
    // Only there a backslash means something in a literal.
    if matches!(engine, Engine::Mysql | Engine::Mariadb) {
        format!("'{}'", text.replace('\\', "\\\\"))
    } else {
        format!("'{text}'")
    }
}

/// A name as an identifier.
pub(crate) fn quoted(name: &str, engine: Engine) -> String {
    match engine {
        Engine::Mysql | Engine::Mariadb => format!("`{}`", name.replace('`', "``")),
        Engine::Postgresql | Engine::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

impl Schema {
    /// Reads the columns of some tables and of those they refer to.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(crate) fn read(connection: Connection, engine: Engine, tables: &[String]) -> Result<Self, Failure> {
        let mut schema = Self { columns: Vec::new(), engine };
        let mut known: Vec<String> = Vec::new();
        let mut wanted: Vec<String> = tables.to_vec();
        // Tables, those they refer to, and those that columns are named after.
        for _ in 0..2 {
            wanted.retain(|table| !known.iter().any(|known| known.eq_ignore_ascii_case(table)));
            if wanted.is_empty() {
                break;
            }
            schema.read_tables(connection, &wanted)?;
            known.append(&mut wanted);
            wanted = schema.referred();
        }
        Ok(schema)
    }

    fn read_tables(&mut self, connection: Connection, tables: &[String]) -> Result<(), Failure> {
        if self.engine == Engine::Sqlite {
            return self.read_sqlite(connection, tables);
        }
        let list: Vec<String> =
            tables.iter().map(|table| literal(&table.to_ascii_lowercase(), self.engine)).collect();
        let list = list.join(", ");
        let columns = match self.engine {
            Engine::Postgresql => format!(
                "SELECT table_name, column_name, udt_name FROM information_schema.columns \
                 WHERE table_schema = ANY (current_schemas(false)) AND lower(table_name) IN ({list}) ORDER BY table_name, ordinal_position"
            ),
            _ => format!(
                "SELECT table_name, column_name, data_type FROM information_schema.columns \
                 WHERE table_schema = DATABASE() AND LOWER(table_name) IN ({list}) ORDER BY table_name, ordinal_position"
            ),
        };
        for row in asked(connection.run("setup columns", &columns))?.all_rows() {
            if let [table, name, kind] = texts(&row).as_slice() {
                self.columns.push(Column {
                    table: table.clone(),
                    name: name.clone(),
                    kind: kind.to_ascii_lowercase(),
                    ..Column::default()
                });
            }
        }
        let keys = match self.engine {
            Engine::Postgresql => format!(
                "SELECT con.contype::text, rel.relname, att.attname, frel.relname, fatt.attname FROM pg_constraint con \
                 JOIN pg_class rel ON rel.oid = con.conrelid \
                 JOIN pg_attribute att ON att.attrelid = con.conrelid AND att.attnum = con.conkey[1] \
                 LEFT JOIN pg_class frel ON frel.oid = con.confrelid \
                 LEFT JOIN pg_attribute fatt ON fatt.attrelid = con.confrelid AND fatt.attnum = con.confkey[1] \
                 WHERE con.contype IN ('p', 'u', 'f') AND array_length(con.conkey, 1) = 1 AND lower(rel.relname) IN ({list})"
            ),
            _ => format!(
                "SELECT CASE WHEN referenced_table_name IS NULL THEN 'p' ELSE 'f' END, table_name, column_name, \
                 referenced_table_name, referenced_column_name FROM information_schema.key_column_usage \
                 WHERE table_schema = DATABASE() AND LOWER(table_name) IN ({list})"
            ),
        };
        for row in asked(connection.run("setup keys", &keys))?.all_rows() {
            if let [what, table, name, refers, referred] = texts(&row).as_slice() {
                let found =
                    self.columns.iter_mut().find(|column| column.table == *table && column.name == *name);
                let Some(column) = found else { continue };
                if what == "f" {
                    column.refers = Some((refers.clone(), referred.clone()));
                } else {
                    column.is_key = true;
                }
            }
        }
        Ok(())
    }

    fn read_sqlite(&mut self, connection: Connection, tables: &[String]) -> Result<(), Failure> {
        for table in tables {
            let name = quoted(table, self.engine);
            let columns =
                asked(connection.run("setup columns", &format!("PRAGMA table_info({name})")))?.all_rows();
            for row in columns {
                if let [_, name, kind, _, _, key] = texts(&row).as_slice() {
                    self.columns.push(Column {
                        table: table.clone(),
                        name: name.clone(),
                        kind: kind.to_ascii_lowercase(),
                        is_key: key != "0",
                        refers: None,
                    });
                }
            }
            let keys =
                asked(connection.run("setup keys", &format!("PRAGMA foreign_key_list({name})")))?.all_rows();
            for row in keys {
                if let [_, _, refers, from, to, ..] = texts(&row).as_slice() {
                    let mut columns = self.columns.iter_mut();
                    if let Some(column) =
                        columns.find(|column| column.table == *table && column.name == *from)
                    {
                        let to = if to.is_empty() { "id" } else { to };
                        column.refers = Some((refers.clone(), to.to_owned()));
                    }
                }
            }
        }
        Ok(())
    }

    /// Tables that columns refer to, or are named after.
    fn referred(&self) -> Vec<String> {
        let mut tables: Vec<String> = Vec::new();
        for column in &self.columns {
            let named = column.refers.clone().map(|(table, _)| vec![table]);
            for table in named.unwrap_or_else(|| named_after(&column.name)) {
                if !tables.contains(&table) {
                    tables.push(table);
                }
            }
        }
        tables
    }

    /// A column by its name; without a table that of the first table that has one.
    pub(crate) fn find(&self, table: Option<&str>, column: &str) -> Option<&Column> {
        self.columns.iter().find(|known| {
            known.name.eq_ignore_ascii_case(column)
                && table.is_none_or(|table| known.table.eq_ignore_ascii_case(table))
        })
    }

    /// What a column refers to: by a foreign key, or as `product_id` is named after the key of `products`.
    pub(crate) fn referred_by(&self, column: &Column) -> Option<(&Column, bool)> {
        if let Some((table, name)) = &column.refers {
            return self.find(Some(table), name).map(|found| (found, true));
        }
        let tables = named_after(&column.name);
        let key = |table: &String| self.find(Some(table), "id").filter(|found| found.is_key);
        tables.iter().find_map(key).map(|found| (found, false))
    }

    /// The range of a column of numbers; None when it is empty.
    pub(crate) fn range(&self, connection: Connection, column: &Column) -> Option<Range> {
        let (table, name) = (quoted(&column.table, self.engine), quoted(&column.name, self.engine));
        let answer = connection.run("setup range", &format!("SELECT MIN({name}), MAX({name}) FROM {table}"));
        let row = answer.row(0)?;
        let [min, max] = [row.first()?.as_f64()?, row.get(1)?.as_f64()?];
        let to = max.min(min + SAMPLED_ROWS as f64 - 1.0);
        let text = format!("SELECT COUNT(DISTINCT {name}) FROM {table} WHERE {name} BETWEEN {min} AND {to}");
        let count = connection.run("setup density", &text).row(0)?.first()?.as_f64()?;
        Some(Range { min, max, is_dense: (count - (to - min + 1.0)).abs() < 0.5 })
    }

    /// Different values of a column, of its first rows.
    pub(crate) fn sample(&self, connection: Connection, column: &Column) -> Vec<Cell> {
        let (table, name) = (quoted(&column.table, self.engine), quoted(&column.name, self.engine));
        let text = format!(
            "SELECT DISTINCT v FROM (SELECT {name} AS v FROM {table} WHERE {name} IS NOT NULL LIMIT {SAMPLED_ROWS}) s \
             ORDER BY v LIMIT {MAX_SAMPLES}"
        );
        let rows = connection.run("setup sample", &text).all_rows();
        rows.into_iter().filter_map(|row| row.into_iter().next()).collect()
    }
}

/// The answer, unless it is a failure.
pub(crate) fn asked(answer: Answer) -> Result<Answer, Failure> {
    answer.check().map_err(|failure| Failure::setup(failure.message))?;
    Ok(answer)
}

/// A row as texts; nothing is an empty one.
pub(crate) fn texts(row: &[Cell]) -> Vec<String> {
    row.iter().map(|cell| cell.to_text().unwrap_or_default()).collect()
}

/// Tables that a column such as `category_id` may be named after.
fn named_after(column: &str) -> Vec<String> {
    let column = column.to_ascii_lowercase();
    let Some(stem) = column.strip_suffix("_id").filter(|stem| !stem.is_empty()) else { return Vec::new() };
    let mut tables = vec![format!("{stem}s"), stem.to_owned(), format!("{stem}es")];
    tables.extend(stem.strip_suffix('y').map(|stem| format!("{stem}ies")));
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_after_tables() {
        assert_eq!(named_after("category_id"), ["categorys", "category", "categoryes", "categories"]);
        assert!(
            named_after("id").is_empty() && named_after("_id").is_empty() && named_after("price").is_empty()
        );
    }

    #[test]
    fn names_and_texts_are_quoted_as_the_engine_wants() {
        assert_eq!(quoted("a\"b", Engine::Postgresql), "\"a\"\"b\"");
        assert_eq!(quoted("a`b", Engine::Mysql), "`a``b`");
        assert_eq!(literal("it's \\", Engine::Mariadb), "'it''s \\\\'");
        assert_eq!(literal("it's \\", Engine::Sqlite), "'it''s \\'");
    }
}
