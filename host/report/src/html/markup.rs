//! HTML in the making. Only literals enter as markup; everything else is escaped, so no value can become an element.

use crate::escape::push_escaped;

/// A piece of a page.
#[derive(Debug, Default)]
pub(super) struct Markup(String);

/// Name and value of an attribute.
pub(super) type Attr<'a> = (&'static str, &'a str);

impl Markup {
    pub(super) fn finish(self) -> String {
        self.0
    }

    /// Adds markup written in this crate.
    pub(super) fn raw(&mut self, html: &'static str) {
        self.0.push_str(html);
    }

    /// Adds text.
    pub(super) fn text(&mut self, text: &str) {
        push_escaped(&mut self.0, text);
    }

    /// Adds a finished piece.
    pub(super) fn piece(&mut self, piece: &Self) {
        self.0.push_str(&piece.0);
    }

    pub(super) fn open(&mut self, tag: &'static str, attrs: &[Attr<'_>]) {
        self.start(tag, attrs);
        self.0.push('>');
    }

    pub(super) fn close(&mut self, tag: &'static str) {
        self.0.push_str("</");
        self.0.push_str(tag);
        self.0.push('>');
    }

    /// An SVG shape. Never an element of HTML: a browser takes `<i/>` for one that is still open.
    pub(super) fn void(&mut self, tag: &'static str, attrs: &[Attr<'_>]) {
        self.start(tag, attrs);
        self.0.push_str("/>");
    }

    /// An element of a class that holds text; no class when it is empty.
    pub(super) fn leaf(&mut self, tag: &'static str, class: &str, text: &str) {
        if class.is_empty() {
            self.open(tag, &[]);
        } else {
            self.open(tag, &[("class", class)]);
        }
        self.text(text);
        self.close(tag);
    }

    fn start(&mut self, tag: &'static str, attrs: &[Attr<'_>]) {
        self.0.push('<');
        self.0.push_str(tag);
        for (name, value) in attrs {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            push_escaped(&mut self.0, value);
            self.0.push('"');
        }
    }
}

/// A table in a container of its own, which scrolls when the window is narrow.
pub(super) struct Table {
    head: Markup,
    body: Markup,
    columns: usize,
    rows: usize,
    hidden: usize,
}

/// A cell: its class and its text. The class `n` is a number, `name` something a plugin named.
pub(super) type Cell = (&'static str, String);

impl Table {
    /// A table with columns of the given classes and titles.
    pub(super) fn new(columns: &[(&'static str, &str)]) -> Self {
        let mut head = Markup::default();
        for (class, title) in columns {
            head.open("th", &[("scope", "col"), ("class", class)]);
            head.text(title);
            head.close("th");
        }
        Self { head, body: Markup::default(), columns: columns.len(), rows: 0, hidden: 0 }
    }

    /// Adds a row. Past the limit rows are only counted.
    pub(super) fn row(&mut self, cells: &[Cell]) {
        if self.rows >= crate::limits::MAX_HTML_ROWS {
            self.hidden += 1;
            return;
        }
        self.rows += 1;
        self.body.raw("<tr>");
        for (class, text) in cells {
            self.body.leaf("td", class, text);
        }
        self.body.raw("</tr>\n");
    }

    /// A line that names the rows below it; none when it is empty.
    pub(super) fn title(&mut self, title: &str) {
        if title.is_empty() || self.rows >= crate::limits::MAX_HTML_ROWS {
            return;
        }
        let columns = self.columns.to_string();
        self.body.raw("<tr>");
        self.body.open("th", &[("class", "group"), ("scope", "rowgroup"), ("colspan", &columns)]);
        self.body.text(title);
        self.body.raw("</th></tr>\n");
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Adds the table to `out`. `label` names it for readers who cannot see it.
    pub(super) fn write(&self, out: &mut Markup, label: &str) {
        out.open("div", &[("class", "scroll"), ("role", "region"), ("tabindex", "0"), ("aria-label", label)]);
        out.raw("<table><thead><tr>");
        out.piece(&self.head);
        out.raw("</tr></thead>\n<tbody>\n");
        out.piece(&self.body);
        out.raw("</tbody></table></div>\n");
        if self.hidden > 0 {
            let more = crate::format::count(self.hidden as u64);
            out.leaf("p", "dim", &format!("{more} more rows are in summary.json."));
        }
    }
}

/// A time at an axis, whose ticks are round: `5 ms`.
pub(super) fn tick(us: f64) -> String {
    // A float above the range of `u64` becomes its greatest value, as every recorded time is below it.
    let (number, unit) = crate::format::duration_parts(us as u64);
    let short =
        if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { &number };
    format!("{short}\u{202f}{}", if unit == "us" { "µs" } else { unit })
}

/// A time as people read it on a page: `1.23 ms`, with a narrow blank that does not break.
pub(super) fn time(us: u64) -> String {
    let (number, unit) = crate::format::duration_parts(us);
    let unit = if unit == "us" { "µs" } else { unit };
    format!("{number}\u{202f}{unit}")
}
