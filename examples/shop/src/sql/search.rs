//! The search for products.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Params, Row, params};
use serde_json::{Map, Value};

use super::pool::Pool;
use crate::data::{Catalogue, Product};
use crate::limits::MAX_SEARCH_CONNECTIONS;

const SCHEMA: &str = "CREATE TABLE products (id INTEGER PRIMARY KEY, sku TEXT, name TEXT, description TEXT, \
    category TEXT, price_cents INTEGER, currency TEXT, rating REAL)";

const FILL: &str = "INSERT INTO products VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

const MATCHES: &str = "SELECT id, sku, name, description, category, price_cents, currency, rating FROM products \
    WHERE (?1 IS NULL OR category = ?1) AND price_cents BETWEEN ?2 AND ?3 AND name || ' ' || category LIKE ";

/// What is searched for.
pub(crate) struct Query {
    pub(crate) text: String,
    pub(crate) category: Option<String>,
    pub(crate) min_price: u64,
    pub(crate) max_price: u64,
    /// Counted from 1.
    pub(crate) page: u64,
    pub(crate) per_page: u64,
}

/// A page of what was found.
pub(crate) struct Found {
    /// The rows as JSON objects by the names of the columns.
    pub(crate) items: Vec<Map<String, Value>>,
    /// Rows on all pages.
    pub(crate) total: i64,
}

/// The catalogue in a database of its own.
pub(crate) struct Search {
    pool: Arc<Pool>,
    /// Keeps the database, which lives in memory as long as a connection to it.
    _keeper: Mutex<Connection>,
}

impl Search {
    /// A database filled with the catalogue.
    pub(crate) fn open(catalogue: &Catalogue) -> rusqlite::Result<Self> {
        static OPENED: AtomicU64 = AtomicU64::new(0);
        // Shops in one process must not share a database.
        let number = OPENED.fetch_add(1, Ordering::Relaxed);
        let uri = format!("file:/shop-{number}?vfs=memdb");
        let mut keeper = Connection::open(&uri)?;
        let filling = keeper.transaction()?;
        filling.execute(SCHEMA, [])?;
        {
            let mut fill = filling.prepare(FILL)?;
            catalogue.iter().try_for_each(|product| insert(&mut fill, product))?;
        }
        filling.commit()?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let open = Box::new(move || Connection::open_with_flags(&uri, flags));
        Ok(Self { pool: Pool::new(MAX_SEARCH_CONNECTIONS, open), _keeper: Mutex::new(keeper) })
    }

    /// The page asked for; the error is SQLite's.
    pub(crate) async fn find(&self, query: Query) -> Result<Found, String> {
        self.pool.run(move |connection| find_bound(connection, &query)).await
    }

    /// The same with the text concatenated into the SQL, which is the weakness `sql_injection`.
    pub(crate) async fn find_concatenated(&self, query: Query) -> Result<Found, String> {
        self.pool.run(move |connection| find_injected(connection, &query)).await
    }
}

fn insert(fill: &mut rusqlite::Statement<'_>, product: &Product) -> rusqlite::Result<()> {
    let Product { id, sku, name, description, category, price_cents, currency, rating } = product;
    fill.execute(params![id, sku, name, description, category, price_cents, currency, rating])?;
    Ok(())
}

fn find_bound(connection: &Connection, query: &Query) -> rusqlite::Result<Found> {
    // LIKE would read its pattern as far as this character, which no product has.
    if query.text.contains('\0') {
        return Ok(Found { items: Vec::new(), total: 0 });
    }
    let pattern = format!("%{}%", escaped(&query.text));
    let (min, max) = (clamped(query.min_price), clamped(query.max_price));
    let matches = format!("{MATCHES} ?4 ESCAPE '\\'");
    let page = format!("{matches} ORDER BY id LIMIT ?5 OFFSET ?6");
    let limit = clamped(query.per_page);
    let items =
        rows(connection, &page, query, params![query.category, min, max, pattern, limit, offset(query)])?;
    let count = format!("SELECT count(*) FROM ({matches})");
    let total = connection.query_row(&count, params![query.category, min, max, pattern], |row| row.get(0))?;
    Ok(Found { items, total })
}

fn find_injected(connection: &Connection, query: &Query) -> rusqlite::Result<Found> {
    let (min, max) = (clamped(query.min_price), clamped(query.max_price));
    let parameters = params![query.category, min, max];
    // The line ends here, so that a comment in the text leaves the rest of the statement in force.
    let matches = format!("{MATCHES} '%{}%'\n", query.text);
    let page = format!("{matches} ORDER BY id LIMIT {} OFFSET {}", query.per_page, offset(query));
    let items = rows(connection, &page, query, parameters)?;
    let count = format!("SELECT count(*) FROM ({matches})");
    let total = connection.query_row(&count, parameters, |row| row.get(0))?;
    Ok(Found { items, total })
}

/// At most a page of rows, whatever the statement has been turned into.
fn rows(
    connection: &Connection,
    sql: &str,
    query: &Query,
    parameters: impl Params,
) -> rusqlite::Result<Vec<Map<String, Value>>> {
    let mut statement = connection.prepare(sql)?;
    let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let most = usize::try_from(query.per_page).unwrap_or(usize::MAX);
    let found = statement.query_map(parameters, |row| object(row, &names))?;
    found.take(most).collect()
}

fn object(row: &Row<'_>, names: &[String]) -> rusqlite::Result<Map<String, Value>> {
    let field = |(index, name): (usize, &String)| {
        let value = match row.get_ref(index)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => number.into(),
            ValueRef::Real(number) => number.into(),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into(),
        };
        Ok((name.clone(), value))
    };
    names.iter().enumerate().map(field).collect()
}

/// The text for LIKE with `\` as the escape: its wildcards stand for themselves.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// SQLite's integers are signed; no price and no page lies beyond their end.
fn clamped(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn offset(query: &Query) -> i64 {
    clamped(query.page.saturating_sub(1).saturating_mul(query.per_page))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query {
            text: text.to_owned(),
            category: None,
            min_price: 0,
            max_price: u64::MAX,
            page: 1,
            per_page: 5,
        }
    }

    #[tokio::test]
    async fn finds_what_the_catalogue_finds() {
        let catalogue = Catalogue::generate(1, 300);
        let search = Search::open(&catalogue).unwrap();
        for text in ["", "oak", "KITCHEN", "Quiet Brass", "nothing like it"] {
            let listed: Value = serde_json::from_slice(&catalogue.page_json(text, 2, 5)).unwrap();
            let found = search.find(Query { page: 2, ..query(text) }).await.unwrap();
            assert_eq!(serde_json::to_value(&found.items).unwrap(), listed["items"], "{text}");
            assert_eq!(Value::from(found.total), listed["total"], "{text}");
        }
        let last = search.find(Query { page: u64::MAX, ..query("") }).await.unwrap();
        assert_eq!((last.items.len(), last.total), (0, 300));
    }

    #[tokio::test]
    async fn filters_by_category_and_price() {
        let catalogue = Catalogue::generate(1, 300);
        let search = Search::open(&catalogue).unwrap();
        let narrow = Query {
            category: Some("toys".to_owned()),
            min_price: 10_000,
            max_price: 30_000,
            per_page: 100,
            ..query("")
        };
        let expected: Vec<u32> = catalogue
            .iter()
            .filter(|product| product.category == "toys" && (10_000..=30_000).contains(&product.price_cents))
            .map(|product| product.id)
            .collect();
        let found = search.find(narrow).await.unwrap();
        let ids: Vec<u64> = found.items.iter().map(|item| item["id"].as_u64().unwrap()).collect();
        assert_eq!(ids, expected.iter().copied().map(u64::from).collect::<Vec<_>>());
        assert!(!ids.is_empty());
    }

    #[tokio::test]
    async fn an_injected_statement_cannot_run_for_ever() {
        let search = Search::open(&Catalogue::generate(1, 1)).unwrap();
        let endless = "' AND (WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n) --";
        assert_eq!(search.find_concatenated(query(endless)).await.err().unwrap(), "interrupted");
        let huge = "' AND randomblob(900000000) --";
        assert_eq!(search.find_concatenated(query(huge)).await.err().unwrap(), "string or blob too big");
        assert_eq!(search.find_concatenated(query("")).await.unwrap().total, 1);
    }
}
