//! What a file is, read from its bytes before anything is compiled.

use semver::Version;
use wasmparser::{Encoding, Parser, Payload};

use crate::LoadError;
use crate::error::printable;

/// Interface every workload exports.
const GUEST: &str = "stresshost:workload/guest";
/// Namespace of the contract's interfaces.
const PACKAGE: &str = "stresshost:workload/";
/// Interfaces of the contract that this host offers.
const OFFERED: &[&str] = &[
    "artifacts",
    "checks",
    "data",
    "failures",
    "findings",
    "http",
    "log",
    "metrics",
    "mongo",
    "pacing",
    "random",
    "redis",
    "sql",
    "tcp",
];
/// Section in which an SDK names itself.
pub(crate) const API_SECTION: &str = "stresshost:api";
/// Bytes of that section that are read: it holds three short strings.
const MAX_API_BYTES: usize = 4_096;
/// The contract this host runs.
pub(crate) const HOST_API: Version = Version::new(0, 1, 0);

/// What a component says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComponentFacts {
    /// Version of the contract it was built for.
    pub api: String,
    /// SDK and language, as its `stresshost:api` section names them, in printable text.
    pub sdk: Option<String>,
    /// Everything it imports, with versions.
    pub imports: Vec<String>,
    /// Everything it exports, with versions.
    pub exports: Vec<String>,
}

/// Component bytes that this host can run, as far as can be told before compiling.
#[derive(Clone, Debug)]
pub struct Loadable {
    /// The component.
    pub bytes: Vec<u8>,
    /// `sha256:` and the hexadecimal digest of the bytes.
    pub digest: String,
    /// What it says of itself.
    pub facts: ComponentFacts,
}

impl Loadable {
    /// Checks that `bytes` are a workload this host can run.
    ///
    /// # Errors
    /// When they are something else, or were built for another contract.
    pub fn new(bytes: Vec<u8>, digest: String) -> Result<Self, LoadError> {
        let facts = ComponentFacts::read(&bytes)?;
        check_version(&facts)?;
        check_imports(&facts)?;
        Ok(Self { bytes, digest, facts })
    }
}

impl ComponentFacts {
    /// Reads what a component says of itself, whether this host can run it or not.
    ///
    /// # Errors
    /// When the bytes are no workload.
    pub fn read(bytes: &[u8]) -> Result<Self, LoadError> {
        read_facts(bytes)
    }
}

/// Whether this host runs plugins that were built for a version of the contract.
pub fn runs(api: &str) -> bool {
    Version::parse(api).is_ok_and(|built| line(&built) == line(&HOST_API))
}

/// What versions must have in common. Before 1.0 the minor number is the breaking one (https://semver.org, item 4, as cargo
/// and wasmtime read it).
const fn line(version: &Version) -> (u64, u64) {
    (version.major, if version.major == 0 { version.minor } else { 0 })
}

/// Reads kind, world and versions.
fn read_facts(bytes: &[u8]) -> Result<ComponentFacts, LoadError> {
    if !bytes.starts_with(b"\0asm") {
        return Err(LoadError::NotWasm { start: readable(bytes) });
    }
    let mut facts = ComponentFacts::default();
    // Depth 0 is the file itself; nested modules and components are read for their custom sections only.
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| malformed(&error))? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                return Err(LoadError::CoreModule);
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import.map_err(|error| malformed(&error))?;
                    facts.imports.push(import.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    let export = export.map_err(|error| malformed(&error))?;
                    facts.exports.push(export.name.name.to_owned());
                }
            }
            Payload::CustomSection(section) if section.name() == API_SECTION => {
                facts.sdk = facts.sdk.or_else(|| sdk_name(section.data()));
            }
            _ => {}
        }
    }
    let guest = facts.exports.iter().find_map(|export| versioned(export, GUEST));
    facts.api =
        guest.ok_or_else(|| LoadError::OtherWorld { exports: exports_clause(&facts.exports) })?.to_owned();
    Ok(facts)
}

fn malformed(error: &wasmparser::BinaryReaderError) -> LoadError {
    LoadError::Malformed(printable(&error.to_string()))
}

/// The version of `name@version` when the name is `interface`.
fn versioned<'a>(name: &'a str, interface: &str) -> Option<&'a str> {
    name.strip_prefix(interface)?.strip_prefix('@')
}

fn exports_clause(exports: &[String]) -> String {
    match exports.first() {
        Some(first) => format!(", it exports `{}`", printable(first)),
        None => ", it exports nothing".to_owned(),
    }
}

fn readable(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "nothing".to_owned();
    }
    format!("`{}`", bytes[..bytes.len().min(8)].escape_ascii())
}

/// The SDK and language of an API section: `{"api": .., "sdk": .., "language": ..}`.
fn sdk_name(data: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Section {
        sdk: String,
        #[serde(default)]
        language: String,
    }
    let section: Section = serde_json::from_slice(data.get(..data.len().min(MAX_API_BYTES))?).ok()?;
    let (sdk, language) = (printable(&section.sdk), printable(&section.language));
    Some(if language.is_empty() { sdk } else { format!("{sdk}, {language}") })
}

fn check_version(facts: &ComponentFacts) -> Result<(), LoadError> {
    let mismatch = |advice: &str| LoadError::Version {
        built: printable(&facts.api),
        sdk: facts.sdk.as_ref().map(|sdk| format!(" ({sdk})")).unwrap_or_default(),
        host: format!("{}.{}", HOST_API.major, HOST_API.minor),
        advice: advice.to_owned(),
    };
    let built =
        Version::parse(&facts.api).map_err(|_| mismatch("rebuild the plugin with this version's SDK"))?;
    match line(&built).cmp(&line(&HOST_API)) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => {
            Err(mismatch("upgrade stresshost, or rebuild the plugin with an older SDK"))
        }
        std::cmp::Ordering::Less => Err(mismatch("rebuild the plugin with this version's SDK")),
    }
}

/// Names the first import that nothing here provides, so that nobody has to read a linker's error.
fn check_imports(facts: &ComponentFacts) -> Result<(), LoadError> {
    let offered = |import: &String| {
        let Some(rest) = import.strip_prefix(PACKAGE) else { return import.starts_with("wasi:") };
        let interface = rest.split('@').next().unwrap_or(rest);
        OFFERED.contains(&interface)
    };
    match facts.imports.iter().find(|import| !offered(import)) {
        Some(import) => Err(LoadError::Import { import: printable(import) }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

    fn error(bytes: &[u8]) -> String {
        Loadable::new(bytes.to_vec(), String::new()).unwrap_err().to_string()
    }

    fn facts(api: &str, imports: &[&str]) -> ComponentFacts {
        let imports = imports.iter().map(|&import| import.to_owned()).collect();
        ComponentFacts {
            api: api.into(),
            sdk: Some("stresshost-sdk/9.9.9, rust".into()),
            imports,
            ..Default::default()
        }
    }

    #[test]
    fn other_files_are_named_for_what_they_are() {
        assert!(error(b"").contains("starts with nothing"));
        assert!(error(b"\x7fELF\x02\x01").contains("starts with `\\x7fELF"));
        assert!(error(b"\0asm\x01\0\0\0").contains("core WebAssembly module"));
        assert!(error(b"\0asm\x01").contains("malformed"));
        assert!(error(COMPONENT).contains("does not export `stresshost:workload/guest`, it exports nothing"));
    }

    #[test]
    fn names_cannot_move_the_cursor() {
        let escapes = sdk_name(br#"{"sdk": "a\u001b[2J", "language": "b\n"}"#);
        assert_eq!(escapes.as_deref(), Some("a\\u{1b}[2J, b\\n"));
        let mut other = facts("0.1.0", &["acme:\r/x"]);
        assert!(check_imports(&other).unwrap_err().to_string().starts_with("imports `acme:\\r/x`"));
        other.api = "9\u{7}".into();
        assert!(check_version(&other).unwrap_err().to_string().starts_with("built for workload 9\\u{7} ("));
        assert_eq!(exports_clause(&["\u{1b}c".to_owned()]), ", it exports `\\u{1b}c`");
        assert!(exports_clause(&["x".repeat(100_000)]).len() < 1_000);
    }

    #[test]
    fn versions_are_compared_in_words() {
        assert!(check_version(&facts("0.1.0", &[])).is_ok());
        assert!(check_version(&facts("0.1.7", &[])).is_ok());
        let newer = check_version(&facts("0.3.0", &[])).unwrap_err().to_string();
        assert_eq!(
            newer,
            "built for workload 0.3.0 (stresshost-sdk/9.9.9, rust), this host runs 0.1: upgrade stresshost, or rebuild the plugin with an older SDK"
        );
        assert!(check_version(&facts("0.0.4", &[])).unwrap_err().to_string().contains("rebuild the plugin"));
        assert!(check_version(&facts("banana", &[])).is_err());
        let known = ["0.1.0", "0.1.7", "0.2.0", "1.0.0", "banana"].map(runs);
        assert_eq!(known, [true, true, false, false, false]);
    }

    #[test]
    fn a_missing_import_is_named() {
        assert!(
            check_imports(&facts("0.1.0", &["stresshost:workload/http@0.1.0", "wasi:io/streams@0.2.6"]))
                .is_ok()
        );
        let error = check_imports(&facts("0.1.0", &["stresshost:workload/telepathy@0.1.0"])).unwrap_err();
        assert!(error.to_string().contains("`stresshost:workload/telepathy@0.1.0`"));
        assert!(check_imports(&facts("0.1.0", &["acme:thing/x"])).is_err());
    }
}
