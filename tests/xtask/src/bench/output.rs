//! Tables for people, JSON for programs.

use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

/// A table whose columns are as wide as they must be; the first is text, the others are numbers.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|&title| title.to_owned()).collect();
    let lines = || std::iter::once(&head).chain(rows);
    let width = |column: usize| {
        lines().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut text = String::new();
    for line in lines() {
        for (column, (cell, &width)) in line.iter().zip(&widths).enumerate() {
            text.push_str("  ");
            text.push_str(&if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") });
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// Writes `results` of the benchmark `name` when somebody wants them.
pub(crate) fn write_json(path: Option<&Path>, name: &str, results: Value) -> anyhow::Result<()> {
    let Some(path) = path else { return Ok(()) };
    let text = serde_json::to_vec_pretty(&json!({ "bench": name, "results": results }))?;
    std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "1.00"], ["longer", "12.00"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&["tool", "us"], &rows), "  tool       us\n  a        1.00\n  longer  12.00\n");
    }
}
