//! Stack traces by their words.

/// Words by runtime; all of a group must stand in the text.
const SIGNATURES: &[(&str, &[&str])] = &[
    ("Rust", &["panicked at ", ".rs:"]),
    ("Rust", &["stack backtrace:"]),
    ("Java", &["Exception", "\tat ", ".java:"]),
    ("Java", &["Exception", " at ", ".java:"]),
    ("Kotlin", &["Exception", " at ", ".kt:"]),
    ("Python", &["Traceback (most recent call last)"]),
    ("Python", &["File \"", ".py\", line "]),
    ("Node.js", &["    at ", ".js:"]),
    ("Node.js", &["at Object.<anonymous>"]),
    ("Node.js", &["node:internal/"]),
    ("PHP", &["Fatal error", ".php"]),
    ("PHP", &["Stack trace:", "#0 "]),
    (".NET", &["   at System."]),
    (".NET", &["   at ", ".cs:line "]),
    ("Go", &["goroutine ", " [running]:"]),
    ("Ruby", &[".rb:", ":in `"]),
    ("Ruby", &[".rb:", ":in '"]),
];

/// The runtime whose stack trace stands in a text.
pub(super) fn found(text: &str) -> Option<&'static str> {
    // JSON writes quotes, tabs and ends of lines with a backslash.
    let text = text.replace("\\\"", "\"").replace("\\t", "\t").replace("\\n", "\n");
    SIGNATURES
        .iter()
        .find(|(_, words)| words.iter().all(|word| text.contains(word)))
        .map(|(runtime, _)| *runtime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtimes_are_told_by_their_words() {
        for (text, runtime) in [
            ("thread 'main' panicked at src/main.rs:3:5:", Some("Rust")),
            (r#"{"trace":"java.lang.NullPointerException\n\tat a.b.C.run(C.java:12)"}"#, Some("Java")),
            ("Traceback (most recent call last):", Some("Python")),
            (r#"{"e":"File \"/app/a.py\", line 3"}"#, Some("Python")),
            ("TypeError: x\n    at run (/app/index.js:3:5)", Some("Node.js")),
            ("<b>Fatal error</b>: Uncaught Error in /var/www/a.php:3", Some("PHP")),
            ("   at System.Number.ParseInt32()", Some(".NET")),
            ("goroutine 1 [running]:\nmain.main()", Some("Go")),
            ("app.rb:3:in `run'", Some("Ruby")),
            (r#"{"error":"bad request: look at main.js"}"#, None),
            ("an exception was made at noon", None),
            ("", None),
        ] {
            assert_eq!(found(text), runtime, "{text}");
        }
    }
}
