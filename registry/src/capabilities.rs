//! What a plugin can do beyond computing, told by its imports.

/// Interfaces of the contract that reach nothing outside the run: numbers, messages, random choices, waiting.
const HARMLESS: &[&str] = &["checks", "data", "failures", "findings", "log", "metrics", "pacing", "random"];

/// Namespace of the contract's interfaces.
const CONTRACT: &str = "stresshost:workload/";

/// The capabilities behind a component's imports, sorted, each once: an interface of the contract by its name (`http`,
/// `artifacts`), anything else by its whole name without the version. WASI is left out, as it is denied everything,
/// except for its HTTP client, which is served as `http` is.
pub fn capabilities<'a>(imports: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut found: Vec<String> = imports.into_iter().filter_map(capability).collect();
    found.sort();
    found.dedup();
    found
}

fn capability(import: &str) -> Option<String> {
    let name = import.split('@').next().unwrap_or(import);
    if let Some(interface) = name.strip_prefix(CONTRACT) {
        return (!HARMLESS.contains(&interface)).then(|| interface.to_owned());
    }
    match name.strip_prefix("wasi:") {
        Some(wasi) => wasi.starts_with("http/").then(|| "http".to_owned()),
        None => Some(name.to_owned()),
    }
}

/// What of `asked` is not in `granted`.
pub fn beyond(asked: &[String], granted: &[String]) -> Vec<String> {
    asked.iter().filter(|capability| !granted.contains(capability)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_become_capabilities() {
        let imports = [
            "stresshost:workload/http@0.1.0",
            "stresshost:workload/metrics@0.1.0",
            "stresshost:workload/artifacts@0.1.0",
            "wasi:http/outgoing-handler@0.2.6",
            "wasi:filesystem/types@0.2.6",
            "stresshost:workload/telepathy@0.9.0",
            "acme:thing/x@1.0.0",
        ];
        assert_eq!(capabilities(imports), ["acme:thing/x", "artifacts", "http", "telepathy"]);
        assert!(capabilities(["wasi:io/poll@0.2.6", "stresshost:workload/log@0.1.0"]).is_empty());
    }

    #[test]
    fn what_is_new_is_told() {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        assert_eq!(beyond(&texts(&["artifacts", "http"]), &texts(&["http"])), ["artifacts"]);
        assert!(beyond(&texts(&["http"]), &texts(&["artifacts", "http"])).is_empty());
    }
}
