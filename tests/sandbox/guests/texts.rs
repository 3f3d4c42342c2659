//! Guests that write what a terminal or a page would obey.

use super::*;

/// Asserts that a text is lines a terminal shows and does not obey.
fn plain(name: &str, text: &str) {
    let odd = text.char_indices().find(|&(_, letter)| stresshost_plan::is_hidden(letter) && letter != '\n');
    assert!(odd.is_none(), "{name} has {odd:?}: {text:?}");
}

#[test]
pub(crate) fn odd_names() {
    let project = Project::default();
    let finished = run(&project, "odd_names", &["--output-format", "text,json,html,junit"]);
    finished.expect_exit(13);
    for (name, text) in [("standard output", &finished.stdout), ("standard error", &finished.stderr)] {
        plain(name, text);
        assert!(!text.contains("\nerror: not of the host"), "{name}: a plugin speaks as the host:\n{text}");
    }
    contains(&finished.stderr, &["log odd", "panic odd", "message odd"]);
    let out = project.path().join("out");
    for name in ["report.txt", "report.html", "report.junit.xml"] {
        let text = read(&out.join(name));
        plain(name, &text);
        assert!(text.contains("script"), "{name} shows the text");
        assert!(name.ends_with("txt") || !text.contains("<script>alert"), "{name} runs the text");
    }
    let summary = complete(&project);
    assert_eq!((summary.checks.len(), summary.checks[0].failed), (1, 0), "odd names are refused");
    assert_eq!(summary.operations.len() + summary.metrics.len(), 0);
}
