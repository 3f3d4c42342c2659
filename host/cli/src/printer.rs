//! The only place that writes to standard output and standard error.

use std::cell::Cell;
use std::io::{ErrorKind, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use anyhow::Context;
use stresshost_report::Options;

use crate::env;

const DEFAULT_COLUMNS: usize = 100;

/// Results go to standard output; everything else goes to standard error.
pub(crate) struct Printer {
    stdout_color: bool,
    stderr_terminal: bool,
    stderr_color: bool,
    columns: usize,
    quiet: Cell<bool>,
}

impl Printer {
    pub(crate) fn from_environment() -> Self {
        let (stdout, stderr) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        let color = !env::no_color();
        let columns = env::columns().or_else(terminal_columns).unwrap_or(DEFAULT_COLUMNS);
        let quiet = Cell::new(false);
        Self {
            stdout_color: stdout && color,
            stderr_terminal: stderr,
            stderr_color: stderr && color,
            columns,
            quiet,
        }
    }

    /// From now on only results and errors are written.
    pub(crate) fn set_quiet(&self) {
        self.quiet.set(true);
    }

    /// How text reports on standard output look.
    pub(crate) const fn report_options(&self) -> Options {
        Options { width: self.columns, color: self.stdout_color }
    }

    /// Whether a live line can be drawn.
    pub(crate) const fn is_live(&self) -> bool {
        self.stderr_terminal
    }

    pub(crate) const fn columns(&self) -> usize {
        self.columns
    }

    /// Writes a result. A closed pipe is not an error: the reader has seen enough.
    pub(crate) fn result(&self, text: &[u8]) -> anyhow::Result<()> {
        let mut stdout = std::io::stdout().lock();
        match stdout.write_all(text).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(error).context("cannot write to standard output")
            }
            _ => Ok(()),
        }
    }

    /// Writes a note for people.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet.get() {
            self.line("", Style::new(), text);
        }
    }

    pub(crate) fn warn(&self, text: &str) {
        self.line("warning: ", AnsiColor::Yellow.on_default().bold(), text);
    }

    /// Writes an error with its causes, each once.
    pub(crate) fn error(&self, error: &anyhow::Error) {
        let text = format!("{error:#}");
        match text.strip_prefix("error: ") {
            // Problems rendered with their source already say so.
            Some(_) => self.raw(&format!("{}\n", plain(&text))),
            None => self.line("error: ", AnsiColor::Red.on_default().bold(), &text),
        }
    }

    /// Draws the live line over the last one, or removes it.
    pub(crate) fn live(&self, line: Option<&str>) {
        if self.stderr_terminal && !self.quiet.get() {
            self.raw(&format!("\r\x1b[2K{}", line.unwrap_or_default()));
        }
    }

    fn line(&self, label: &str, style: Style, text: &str) {
        let clear = if self.stderr_terminal { "\r\x1b[2K" } else { "" };
        let text = plain(text);
        if self.stderr_color && !label.is_empty() {
            self.raw(&format!("{clear}{style}{label}{style:#}{text}\n"));
        } else {
            self.raw(&format!("{clear}{label}{text}\n"));
        }
    }

    fn raw(&self, text: &str) {
        // Nobody is left to tell when standard error is closed.
        drop(std::io::stderr().lock().write_all(text.as_bytes()));
    }
}

/// Text without what a terminal would take for a command: names and messages of plugins and servers are part of it.
fn plain(text: &str) -> String {
    let keep = |letter: char| letter == '\n' || letter == '\t' || !letter.is_control();
    text.chars().map(|letter| if keep(letter) { letter } else { '\u{fffd}' }).collect()
}

fn terminal_columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_cannot_move_the_cursor() {
        assert_eq!(plain("a\n\tb\u{1b}[2J\r\u{9b}c"), "a\n\tb\u{fffd}[2J\u{fffd}\u{fffd}c");
    }
}
