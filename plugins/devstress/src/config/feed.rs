//! Rows of data given in the config.

use stresshost_sdk::documents::{Feed, FeedOrder, MAX_FEED_ROWS, MAX_FEEDS};

use crate::config::scope::Scope;
use crate::config::template::is_name;
use stresshost_sdk::config::{Fields, Found, Node, short};

/// Columns of a feed; a row is copied to a virtual user as a whole.
const MAX_COLUMNS: usize = 100;

/// Reads the feeds.
pub(crate) fn feeds(node: &Node<'_>, found: &mut Found) -> Vec<Feed> {
    let mut feeds: Vec<Feed> = Vec::new();
    for item in node.items(found, "a list of feeds", MAX_FEEDS) {
        let Some(feed) = feed(&item, found) else { continue };
        if feeds.iter().any(|other| other.name == feed.name) {
            found.problem(&format!("{}/name", item.path), format!("the name `{}` is taken", feed.name));
        } else {
            feeds.push(feed);
        }
    }
    feeds
}

fn feed(node: &Node<'_>, found: &mut Found) -> Option<Feed> {
    let wanted = "a feed: a mapping with `name`, `columns` and `rows`";
    let fields = node.fields(found, wanted, &["name", "columns", "rows", "order"])?;
    let name = name(&fields, found);
    let order =
        match fields.get("order") {
            None => Some(FeedOrder::Sequential),
            Some(node) => node.choice(found, &["sequential", "shuffle", "random", "unique"]).map(|word| {
                match word.as_str() {
                    "shuffle" => FeedOrder::Shuffle,
                    "random" => FeedOrder::Random,
                    "unique" => FeedOrder::Unique,
                    _ => FeedOrder::Sequential,
                }
            }),
        };
    let Some(rows) = fields.get("rows") else {
        found.problem(&fields.path, "the feed has no `rows`");
        return None;
    };
    let rows_at = rows.path.clone();
    let rows = rows.items(found, "a list of rows", MAX_FEED_ROWS);
    if rows.is_empty() {
        found.problem(&rows_at, "the feed has no rows");
        return None;
    }
    let columns = columns(&fields, &rows, found)?;
    let rows: Vec<Option<Vec<String>>> = rows.iter().map(|row| values(row, &columns, found)).collect();
    let rows = rows.into_iter().collect::<Option<Vec<_>>>()?;
    Some(Feed { name: name?, columns, rows, order: order? })
}

fn name(fields: &Fields<'_>, found: &mut Found) -> Option<String> {
    let Some(node) = fields.get("name") else {
        found.problem(&fields.path, "the feed has no `name`");
        return None;
    };
    let name = node.text(found, "the feed's name")?;
    if !is_name(&name) || Scope::is_reserved(&name) {
        let hint = "use letters, digits, `_` and `-`, and none of vu, iteration, uuid, random";
        found.problem_with_hint(&node.path, format!("`{}` cannot name a feed", short(&name)), hint);
        return None;
    }
    Some(name)
}

/// The columns as given, else the keys of the first row.
fn columns(fields: &Fields<'_>, rows: &[Node<'_>], found: &mut Found) -> Option<Vec<String>> {
    let columns: Vec<(String, String)> = match (fields.get("columns"), rows.first()) {
        (Some(node), _) => node
            .items(found, "a list of column names", MAX_COLUMNS)
            .iter()
            .filter_map(|item| Some((item.text(found, "the name of a column")?, item.path.clone())))
            .collect(),
        (None, Some(first)) if first.value.is_object() => first
            .entries(found, "a row")
            .unwrap_or_default()
            .into_iter()
            .map(|(name, node)| (name, node.path))
            .collect(),
        (None, _) => {
            found.problem(&fields.path, "the feed has no `columns`");
            return None;
        }
    };
    if columns.is_empty() || columns.len() > MAX_COLUMNS {
        let message = format!("{} columns; a feed has 1 to {MAX_COLUMNS}", columns.len());
        found.problem(&fields.path, message);
        return None;
    }
    let before = found.problems.len();
    for (index, (name, path)) in columns.iter().enumerate() {
        if !is_name(&format!("x{name}")) {
            let message = format!("`{}` cannot name a column", short(name));
            found.problem_with_hint(path, message, "use letters, digits, `_`, `-` and `.`");
        }
        if columns.iter().take(index).any(|(other, _)| other == name) {
            found.problem(path, format!("the column `{}` is there twice", short(name)));
        }
    }
    (found.problems.len() == before).then(|| columns.into_iter().map(|(name, _)| name).collect())
}

/// The values of a row, in the order of the columns.
fn values(row: &Node<'_>, columns: &[String], found: &mut Found) -> Option<Vec<String>> {
    if row.value.is_object() {
        let names: Vec<&str> = columns.iter().map(String::as_str).collect();
        let fields = row.fields(found, "a row", &names)?;
        let value = |name: &&str, found: &mut Found| match fields.get(name) {
            Some(node) => node.scalar(found, "a text or number"),
            None => {
                found.problem(&row.path, format!("the row has no `{name}`"));
                None
            }
        };
        return names.iter().map(|name| value(name, found)).collect();
    }
    let items = row.items(found, "a row: a list of values or a mapping", MAX_COLUMNS);
    if row.value.is_array() && items.len() != columns.len() {
        let message = format!("the row has {} values for {} columns", items.len(), columns.len());
        found.problem(&row.path, message);
        return None;
    }
    (!items.is_empty())
        .then(|| items.iter().map(|item| item.scalar(found, "a text or number")).collect::<Option<Vec<_>>>())
        .flatten()
}
