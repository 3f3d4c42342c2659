//! Tables that fit the width: first the names give way, then the table is broken into several with the same names.

use unicode_width::UnicodeWidthStr;

use crate::escape::one_line;
use crate::format;
use crate::limits::{MAX_CELL_WIDTH, MAX_TEXT_ROWS, MIN_NAME_WIDTH};
use crate::text::page::{INDENT, Page, Tone, fit};

/// Blanks between two columns.
const GAP: usize = 2;

/// A cell: clean text and its tone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    pub(crate) fn new(text: impl AsRef<str>) -> Self {
        Self::toned(text, Tone::Plain)
    }

    pub(crate) fn toned(text: impl AsRef<str>, tone: Tone) -> Self {
        Self { text: one_line(text.as_ref()), tone }
    }

    /// A count, in the tone of a problem unless it is none.
    pub(crate) fn problem(text: impl AsRef<str>, count: u64) -> Self {
        Self::toned(text, if count > 0 { Tone::Bad } else { Tone::Plain })
    }
}

/// A column.
#[derive(Clone, Debug)]
struct Column {
    /// Columns of one group stay together under its name.
    group: &'static str,
    title: String,
    right: bool,
}

/// A table whose first columns, the names, are repeated when it is broken.
#[derive(Debug)]
pub(crate) struct Table {
    /// Blanks before each line.
    indent: usize,
    names: usize,
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    /// Lines between rows, each before the row of its index.
    titles: Vec<(usize, String)>,
    /// Rows shown at most, and where the others are.
    most: (usize, &'static str),
}

impl Table {
    /// A table whose name columns are `names`.
    pub(crate) fn new(names: &[&str]) -> Self {
        let column = |title: &&str| Column { group: "", title: one_line(title), right: false };
        let columns = names.iter().map(column).collect();
        Self {
            indent: INDENT,
            names: names.len(),
            columns,
            rows: Vec::new(),
            titles: Vec::new(),
            most: (MAX_TEXT_ROWS, "in summary.json"),
        }
    }

    /// The same table with other blanks before each line.
    pub(crate) fn indented(mut self, indent: usize) -> Self {
        self.indent = indent;
        self
    }

    /// The same table with another limit of its rows, and where to find the others.
    pub(crate) fn at_most(mut self, rows: usize, elsewhere: &'static str) -> Self {
        self.most = (rows, elsewhere);
        self
    }

    /// Adds columns of numbers under a common name, which may be empty.
    pub(crate) fn numbers(mut self, group: &'static str, titles: &[&str]) -> Self {
        let column = |title: &&str| Column { group, title: one_line(title), right: true };
        self.columns.extend(titles.iter().map(column));
        self
    }

    /// Adds a column of words.
    pub(crate) fn words(mut self, title: &str) -> Self {
        self.columns.push(Column { group: "", title: one_line(title), right: false });
        self
    }

    /// Adds a row; missing cells are empty, surplus ones ignored.
    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// A line that names the rows below it; none when it is empty.
    pub(crate) fn title(&mut self, title: &str) {
        if !title.is_empty() {
            self.titles.push((self.rows.len(), one_line(title)));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Writes the table.
    pub(crate) fn write(&self, page: &mut Page) {
        let widths = self.natural_widths();
        let room = page.width().saturating_sub(self.indent);
        for (index, part) in self.parts(&widths, room).iter().enumerate() {
            if index > 0 {
                page.end_line();
            }
            let mut widths = widths.clone();
            self.shrink_names(&mut widths, part, room);
            self.write_part(page, part, &widths);
        }
        let (most, elsewhere) = self.most;
        if self.rows.len() > most {
            let more = format::count((self.rows.len() - most) as u64);
            page.paragraph(self.indent, &format!(".. and {more} more rows, {elsewhere}"), Tone::Dim);
        }
    }

    /// The least width of a name: what lets any one cell stand beside all of them.
    fn least_name(&self, room: usize) -> usize {
        let room = room.saturating_sub(MAX_CELL_WIDTH) / self.names.max(1);
        room.saturating_sub(GAP).min(MIN_NAME_WIDTH)
    }

    fn shown(&self) -> impl Iterator<Item = &Vec<Cell>> {
        self.rows.iter().take(self.most.0)
    }

    fn natural_widths(&self) -> Vec<usize> {
        let width = |(index, column): (usize, &Column)| {
            let cells = self.shown().filter_map(|row| row.get(index)).map(|cell| cell.text.width());
            let widest = cells.chain([column.title.width()]).max().unwrap_or(0);
            if index < self.names { widest } else { widest.min(MAX_CELL_WIDTH) }
        };
        self.columns.iter().enumerate().map(width).collect()
    }

    /// Whether two columns belong to one named group.
    fn together(&self, a: usize, b: usize) -> bool {
        !self.columns[a].group.is_empty() && self.columns[a].group == self.columns[b].group
    }

    /// The columns of each part, names included. Names count with the least they may have.
    fn parts(&self, widths: &[usize], room: usize) -> Vec<Vec<usize>> {
        let names: Vec<usize> = (0..self.names).collect();
        let least: usize = names.iter().map(|&i| widths[i].min(self.least_name(room)) + GAP).sum();
        let mut parts = vec![names.clone()];
        let mut used = least;
        let mut add = |columns: &[usize], alone: bool| {
            let need: usize = columns.iter().map(|&i| widths[i] + GAP).sum();
            let full = parts.last().is_some_and(|part| part.len() > self.names);
            if full && (alone || used + need > room + GAP) {
                parts.push(names.clone());
                used = least;
            }
            used += need;
            if let Some(part) = parts.last_mut() {
                part.extend(columns);
            }
        };
        let numbers: Vec<usize> = (self.names..self.columns.len()).collect();
        for group in numbers.chunk_by(|&a, &b| self.together(a, b)) {
            let need: usize = group.iter().map(|&i| widths[i] + GAP).sum();
            if least + need <= room + GAP {
                add(group, false);
                continue;
            }
            // A group too wide even for a part of its own begins one and goes on in the next.
            for (place, column) in group.iter().enumerate() {
                add(std::slice::from_ref(column), place == 0);
            }
        }
        parts
    }

    /// Takes what is too much from the names, the widest first.
    fn shrink_names(&self, widths: &mut [usize], part: &[usize], room: usize) {
        let used: usize = part.iter().map(|&i| widths[i] + GAP).sum();
        let mut excess = used.saturating_sub(room + GAP);
        while excess > 0 {
            let Some(widest) = (0..self.names).max_by_key(|&i| widths[i]) else { return };
            if widths[widest] <= self.least_name(room) {
                return;
            }
            // Down to the next widest name at once would be quicker; names are at most a few hundred columns.
            widths[widest] -= 1;
            excess -= 1;
        }
    }

    fn write_part(&self, page: &mut Page, part: &[usize], widths: &[usize]) {
        if part.iter().any(|&i| !self.columns[i].group.is_empty()) {
            self.write_groups(page, part, widths);
        }
        let head: Vec<_> = self.columns.iter().map(|column| Cell::toned(&column.title, Tone::Dim)).collect();
        self.write_row(page, &head, part, widths);
        let mut titles = self.titles.iter().peekable();
        for (index, row) in self.shown().enumerate() {
            while let Some((_, title)) = titles.next_if(|(before, _)| *before <= index) {
                page.blanks(self.indent);
                page.push(&fit(title, page.width().saturating_sub(self.indent)), Tone::Heading);
                page.end_line();
            }
            self.write_row(page, row, part, widths);
        }
    }

    fn write_row(&self, page: &mut Page, row: &[Cell], part: &[usize], widths: &[usize]) {
        let blank = Cell::default();
        page.blanks(self.indent);
        for (place, &index) in part.iter().enumerate() {
            let cell = row.get(index).unwrap_or(&blank);
            let text = fit(&cell.text, widths[index]);
            let pad = widths[index] - text.width();
            let right = self.columns[index].right;
            page.blanks(if right { pad } else { 0 } + if place > 0 { GAP } else { 0 });
            page.push(&text, cell.tone);
            page.blanks(if right { 0 } else { pad });
        }
        page.end_line();
    }

    fn write_groups(&self, page: &mut Page, part: &[usize], widths: &[usize]) {
        page.blanks(self.indent);
        let mut rest = part;
        while let Some(&first) = rest.first() {
            let group = self.columns[first].group;
            let count = rest.iter().take_while(|&&i| self.columns[i].group == group).count();
            let span: usize = rest[..count].iter().map(|&i| widths[i] + GAP).sum::<usize>() - GAP;
            let gap = if rest.len() < part.len() { GAP } else { 0 };
            page.blanks(gap);
            if group.is_empty() {
                page.blanks(span);
            } else {
                let name = fit(group, span);
                let rule = span - name.width();
                let rule = if rule > 1 { format!(" {}", "-".repeat(rule - 1)) } else { " ".repeat(rule) };
                page.push(&format!("{name}{rule}"), Tone::Dim);
            }
            rest = &rest[count..];
        }
        page.end_line();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;

    fn written(width: usize, table: &Table) -> String {
        let mut page = Page::new(Options { width, color: false });
        table.write(&mut page);
        page.finish()
    }

    fn sample(name: &str) -> Table {
        let mut table = Table::new(&["name"]).numbers("", &["count"]).numbers("service", &["p50", "p99"]);
        table = table.numbers("response", &["p50", "p99"]);
        let wide = "123456789012";
        table.row([name, "1", wide, wide, wide, wide].into_iter().map(Cell::new).collect());
        table
    }

    #[test]
    fn groups_stay_together_when_the_table_is_broken() {
        insta::assert_snapshot!(written(60, &sample("op")), @r"
                     service ------------------
        name  count           p50           p99
        op        1  123456789012  123456789012

              response -----------------
        name           p50           p99
        op    123456789012  123456789012
        ");
    }

    #[test]
    fn names_give_way_before_the_table_is_broken() {
        let text = written(90, &sample(&"n".repeat(80)));
        assert!(text.lines().all(|line| line.width() <= 90), "{text}");
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains("nnn.."), "{text}");
    }

    #[test]
    fn rows_past_the_limit_are_counted() {
        let mut table = Table::new(&["name"]);
        for index in 0..MAX_TEXT_ROWS + 7 {
            table.row(vec![Cell::new(index.to_string())]);
        }
        let text = written(60, &table);
        assert_eq!(text.lines().count(), MAX_TEXT_ROWS + 2);
        assert!(text.ends_with(".. and 7 more rows, in summary.json\n"), "{text}");
    }
}
