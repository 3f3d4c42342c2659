//! Every report of the sample run, of an empty run, and of runs whose names mean harm.

mod audit;
mod compare;
mod hostile;
mod html;
mod json;
mod junit;
mod plan;
mod sample;
mod sarif;
mod streams;
mod text;

use stresshost_metrics::Summary;
use stresshost_plan::Analysis;
use stresshost_report::{Format, Options, render};

/// A report as text.
fn report(format: Format, summary: &Summary, analysis: Option<&Analysis>, options: &Options) -> String {
    let mut out = Vec::new();
    render(format, summary, analysis, options, &mut out).expect("writing to memory cannot fail");
    String::from_utf8(out).expect("reports are UTF-8")
}

/// Reads a document as XML, as strictly as XML is.
fn parse(document: &str) -> roxmltree::Document<'_> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    roxmltree::Document::parse_with_options(document, options).expect("well-formed")
}

/// A sink that is full.
struct Full;

impl std::io::Write for Full {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::Error::from(std::io::ErrorKind::StorageFull))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_reported_as_such_by_every_format() {
    for &format in Format::ALL {
        let error =
            render(format, &sample::summary(), None, &Options::default(), &mut Full).expect_err("full");
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{format:?}");
    }
}
