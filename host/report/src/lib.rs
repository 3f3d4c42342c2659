//! Reports: a summary in, a document out.
//!
//! Every report is a pure function of a [`Summary`] and, where a plugin wrote one, its [`Analysis`]. Nothing here
//! reads a clock, a file, the environment or the terminal: what depends on them arrives in [`Options`].

mod audit;
mod compare;
mod escape;
mod facts;
mod format;
pub mod html;
pub mod json;
pub mod junit;
mod limits;
mod objectives;
mod plan;
pub mod sarif;
pub mod streams;
pub mod text;

use std::io;
use std::str::FromStr;

use stresshost_metrics::Summary;
use stresshost_plan::Analysis;

pub use audit::audit_text;
pub use compare::compare_text;
pub use objectives::value as objective_value;
pub use plan::{PlanSetting, plan_text};

/// What a report's looks depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Columns of the text report; held within [`Options::MIN_WIDTH`] and [`Options::MAX_WIDTH`].
    pub width: usize,
    /// Whether the text report is coloured with ANSI escapes.
    pub color: bool,
}

impl Options {
    /// Below this the tables cannot hold a name and its numbers.
    pub const MIN_WIDTH: usize = 60;
    /// Above this the eye loses the row.
    pub const MAX_WIDTH: usize = 160;

    /// The width within its bounds.
    pub(crate) fn columns(self) -> usize {
        self.width.clamp(Self::MIN_WIDTH, Self::MAX_WIDTH)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { width: 100, color: false }
    }
}

/// The formats of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Plain text for a terminal or a log.
    Text,
    /// The summary itself.
    Json,
    /// One self-contained page.
    Html,
    /// JUnit XML for build servers.
    Junit,
    /// SARIF 2.1.0 with the findings, for code scanning.
    Sarif,
}

impl Format {
    /// Every format.
    pub const ALL: &'static [Self] = &[Self::Text, Self::Json, Self::Html, Self::Junit, Self::Sarif];

    /// The name a person gives it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Html => "html",
            Self::Junit => "junit",
            Self::Sarif => "sarif",
        }
    }

    /// The file it is kept in, inside a run directory.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Text => "report.txt",
            Self::Json => "summary.json",
            Self::Html => "report.html",
            Self::Junit => "report.junit.xml",
            Self::Sarif => "report.sarif",
        }
    }
}

/// A format that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown report format `{0}`: use text, json, html, junit or sarif")]
pub struct UnknownFormat(String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let known = Self::ALL.iter().find(|format| format.name() == name);
        known.copied().ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

/// Writes the report of `summary` in `format`.
///
/// # Errors
///
/// Those of `out`.
pub fn render(
    format: Format,
    summary: &Summary,
    analysis: Option<&Analysis>,
    options: &Options,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let render = match format {
        Format::Text => text::render,
        Format::Json => json::render,
        Format::Html => html::render,
        Format::Junit => junit::render,
        Format::Sarif => sarif::render,
    };
    render(summary, analysis, options, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_and_names_map_both_ways() {
        for &format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
        }
    }

    #[test]
    fn an_unknown_format_is_answered_with_every_known_one() {
        let error = "pdf".parse::<Format>().expect_err("no such format").to_string();
        assert!(error.contains("`pdf`"), "{error}");
        for format in Format::ALL {
            assert!(error.contains(format.name()), "{error} lacks {}", format.name());
        }
    }
}
