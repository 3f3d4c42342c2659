//! Writes a report of a made-up run, to look at: `sample_report PATH [text|json|html|junit|sarif] [phased]`.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use stresshost_report::{Format, Options, render};

#[path = "../tests/reports/sample.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod sample;

fn main() -> io::Result<()> {
    let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidInput, text);
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or_else(|| invalid("give the path to write".to_owned()))?;
    let format = args.next().unwrap_or_else(|| Format::Html.name().to_owned());
    let format: Format = format.parse().map_err(|error| invalid(format!("{error}")))?;
    let summary = if args.next().as_deref() == Some("phased") { sample::phased() } else { sample::summary() };
    let mut out = BufWriter::new(File::create(path)?);
    render(format, &summary, Some(&sample::analysis()), &Options::default(), &mut out)?;
    out.flush()
}
