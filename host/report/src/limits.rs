//! Every cap of this crate, with its reason.

/// Rows of one table of the text report. A run may name a thousand operations; nobody reads that on a terminal, and
/// `summary.json` holds them all.
pub(crate) const MAX_TEXT_ROWS: usize = 50;

/// Columns one cell of a text table may take, the name column apart: a longer one would push the rest off the line.
pub(crate) const MAX_CELL_WIDTH: usize = 32;

/// Columns each name column of a text table keeps, where there is room, before the table is broken into two.
pub(crate) const MIN_NAME_WIDTH: usize = 16;

/// Example texts shown of one kind of error: enough to recognise it.
pub(crate) const MAX_EXAMPLES: usize = 3;

/// Lines shown of one plugin fault in the text report: the message and the innermost frames of its backtrace.
pub(crate) const MAX_FAULT_LINES: usize = 12;

/// Lines drawn in the latency profile: past it neither colours nor eyes tell them apart.
pub(crate) const MAX_PROFILE_LINES: usize = 6;

/// Places of a chart that answer to the pointer. Each costs about 200 bytes of the page.
pub(crate) const MAX_TIPS: usize = 240;

/// Rows of one table of the HTML report. A thousand operations in four tables still open quickly; beyond that the
/// page only grows.
pub(crate) const MAX_HTML_ROWS: usize = 1_000;

/// Phases set off in a chart: more are narrower than their names.
pub(crate) const MAX_BANDS: usize = 40;

/// Phases named in one tip of a chart, each a line of it.
pub(crate) const MAX_TIP_PHASES: usize = 4;

/// Letters of a phase's name in a chart.
pub(crate) const MAX_BAND_LETTERS: usize = 40;

/// Rows of the table of a comparison: a few dozen operations in full, past which a program should read it.
pub(crate) const MAX_COMPARED_ROWS: usize = 400;

/// Regressions listed above that table.
pub(crate) const MAX_LISTED_REGRESSIONS: usize = 20;

/// Results of one SARIF report: GitHub shows no more of a run.
pub(crate) const MAX_SARIF_RESULTS: usize = 5_000;

/// Bytes of a SARIF rule's title: GitHub takes 1,024 letters.
pub(crate) const MAX_SARIF_TITLE_BYTES: usize = 1_000;
