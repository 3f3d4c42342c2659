//! Files the user passes: configs and texts.

use std::io::Read;
use std::path::Path;

use anyhow::Context;
use stresshost_plan::yaml::Document;
use stresshost_plan::{MAX_DOCUMENT_BYTES, Problem};

use crate::env;
use crate::exit::usage;

/// Reads a YAML or JSON file, fills in environment references and applies `--set`.
pub(crate) fn read(path: &str, set: &[String]) -> anyhow::Result<Document> {
    let text = read_text(path)?;
    let mut document = Document::parse(path, &text).map_err(|error| usage(error.render()))?;
    apply_set(&mut document, set)?;
    let problems = document.expand_env(&env::config_reference);
    if problems.is_empty() { Ok(document) } else { Err(usage(render(Some(&document), &problems))) }
}

/// A config that exists only through `--set`.
pub(crate) fn empty(set: &[String]) -> anyhow::Result<Document> {
    let mut document = Document::parse("--set", "{}").map_err(|error| usage(error.render()))?;
    apply_set(&mut document, set)?;
    Ok(document)
}

fn apply_set(document: &mut Document, set: &[String]) -> anyhow::Result<()> {
    for assignment in set {
        let (path, value) = assignment
            .split_once('=')
            .ok_or_else(|| usage(format!("--set: `{assignment}` has no `=`; write PATH=VALUE")))?;
        document.set(path, value).map_err(|error| usage(format!("--set {assignment}: {error}")))?;
    }
    Ok(())
}

/// Reads a text file of bounded size; `-` is standard input.
pub(crate) fn read_text(path: &str) -> anyhow::Result<String> {
    let limit = MAX_DOCUMENT_BYTES as u64;
    let mut text = Vec::new();
    let read = if path == "-" {
        std::io::stdin().lock().take(limit + 1).read_to_end(&mut text)
    } else {
        std::fs::File::open(Path::new(path)).and_then(|file| file.take(limit + 1).read_to_end(&mut text))
    };
    read.map_err(usage).with_context(|| format!("cannot read `{path}`"))?;
    if text.len() as u64 > limit {
        return Err(usage(format!("`{path}` is larger than {limit} bytes")));
    }
    String::from_utf8(text).map_err(|error| usage(format!("`{path}` is not UTF-8 text: {error}")))
}

/// Every problem as text, with its place in the document where there is one.
pub(crate) fn render(document: Option<&Document>, problems: &[Problem]) -> String {
    let one = |problem: &Problem| match (document, pointer(&problem.path)) {
        (Some(document), Some(path)) => {
            let placed = Problem { path: path.to_owned(), ..problem.clone() };
            document.render_problem(&placed).trim_end().to_owned()
        }
        _ => {
            let hint = problem.hint.as_ref().map(|hint| format!("\n  = hint: {hint}")).unwrap_or_default();
            let place = if problem.path.is_empty() { String::new() } else { format!("{}: ", problem.path) };
            format!("error: {place}{}{hint}", problem.message)
        }
    };
    problems.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// The JSON pointer of a path: the whole of `/a/b`, the end of `--flag/a/b`, nothing of `--flag`.
fn pointer(path: &str) -> Option<&str> {
    let is_document = path.starts_with('/') || path.starts_with("--");
    path.find('/').filter(|_| is_document).map(|at| &path[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_in_a_flags_file_are_shown_in_that_file() {
        let document = Document::parse("load.yaml", "scenarios:\n  - users: many\n").expect("YAML");
        for path in ["/scenarios/0/users", "--scenarios/scenarios/0/users"] {
            let text = render(Some(&document), &[Problem::new(path, "not a number")]);
            assert!(text.contains("load.yaml:2:12") && text.contains("users: many"), "{text}");
        }
        let flag = render(Some(&document), &[Problem::new("--vus", "too many").hint("use fewer")]);
        assert_eq!(flag, "error: --vus: too many\n  = hint: use fewer");
    }
}
