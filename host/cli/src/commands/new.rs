//! `stresshost new`

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ArgMatches;
use stresshost_plan::MAX_PLUGIN_NAME_BYTES;
use stresshost_registry::PackageName;
use stresshost_wasm::CONTRACT;

use crate::args;
use crate::exit::{Exit, usage};
use crate::kit::Kit;
use crate::printer::Printer;

/// Names that cargo or rustc refuse for a package.
const RESERVED: &[&str] = &[
    "alloc",
    "as",
    "async",
    "await",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "fn",
    "for",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "match",
    "mod",
    "move",
    "mut",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "type",
    "unsafe",
    "use",
    "where",
    "while",
    "plugin",
    "stresshost-sdk",
];

/// What a language's project is made of.
struct Language {
    name: &'static str,
    /// Directory of the kit whose files become the project's own.
    template: &'static str,
    /// Files and directories of the kit beside them, and where they go.
    sdk: &'static [(&'static str, &'static str)],
    /// How its tools are installed.
    install: &'static str,
}

/// The SDK of JavaScript and TypeScript.
const JAVASCRIPT: &[(&str, &str)] = &[
    ("sdk/js/stresshost.js", "stresshost"),
    ("sdk/js/stresshost.d.ts", "stresshost"),
    ("sdk/js/engine.js", "stresshost"),
    ("sdk/js/sql.js", "stresshost"),
    ("sdk/js/sql.d.ts", "stresshost"),
    ("sdk/js/redis.js", "stresshost"),
    ("sdk/js/redis.d.ts", "stresshost"),
];

const LANGUAGES: &[Language] = &[
    Language {
        name: "rust",
        template: "sdk/rust/template",
        sdk: &[
            ("Cargo.toml", "vendor/stresshost"),
            ("LICENSE-APACHE", "vendor/stresshost"),
            ("LICENSE-MIT", "vendor/stresshost"),
            ("host/metrics", "vendor/stresshost/host/metrics"),
            ("host/plan", "vendor/stresshost/host/plan"),
            ("sdk/rust/Cargo.toml", "vendor/stresshost/sdk/rust"),
            ("sdk/rust/README.md", "vendor/stresshost/sdk/rust"),
            ("sdk/rust/example", "vendor/stresshost/sdk/rust/example"),
            ("sdk/rust/src", "vendor/stresshost/sdk/rust/src"),
            ("wit", "vendor/stresshost/wit"),
        ],
        install: "rustup target add wasm32-wasip2",
    },
    Language {
        name: "python",
        template: "sdk/python/template",
        sdk: &[("sdk/python/stresshost", "stresshost")],
        install: "pip install -r requirements.txt",
    },
    Language { name: "js", template: "sdk/js/template", sdk: JAVASCRIPT, install: "npm install" },
    Language { name: "ts", template: "sdk/js/template-ts", sdk: JAVASCRIPT, install: "npm install" },
    Language {
        name: "c",
        template: "sdk/c/template",
        sdk: &[
            ("sdk/c/stresshost.h", "stresshost"),
            ("sdk/c/stresshost.c", "stresshost"),
            ("sdk/c/json.c", "stresshost"),
            ("sdk/c/bindings", "stresshost/bindings"),
        ],
        install: "pip install -r requirements.txt",
    },
    Language {
        name: "go",
        template: "sdk/go/template",
        sdk: &[
            ("sdk/go/exports.go", ""),
            ("sdk/go/stresshost.go", "stresshost"),
            ("sdk/go/host.go", "stresshost"),
            ("sdk/go/http.go", "stresshost"),
            ("sdk/go/load.go", "stresshost"),
            ("sdk/go/guest", "stresshost/guest"),
            ("sdk/go/bindings", "stresshost/bindings"),
            ("sdk/go/pkg", "stresshost/pkg"),
        ],
        install: "pip install -r requirements.txt",
    },
];

/// Names of the languages, for `--lang`.
pub(crate) fn languages() -> impl Iterator<Item = &'static str> {
    LANGUAGES.iter().map(|language| language.name)
}

pub(super) fn new(matches: &ArgMatches, printer: &Printer) -> anyhow::Result<Exit> {
    let name = args::text(matches, "name").unwrap_or_default();
    let wanted = args::text(matches, "lang").unwrap_or_default();
    let language = LANGUAGES.iter().find(|language| language.name == wanted);
    let language = language.ok_or_else(|| usage(format!("there is no template for `{wanted}`")))?;
    check_name(name)?;
    let directory = PathBuf::from(args::text(matches, "dir").unwrap_or(name));
    let files = files(language, name, &Kit::unpack()?);
    write(&directory, &files)?;
    printer.note(&format!("`{}`: a plugin in {}, {} files", directory.display(), language.name, files.len()));
    printer.note(&format!(
        "next:\n  cd {}\n  {}\n  stresshost plugin build",
        directory.display(),
        language.install
    ));
    Ok(Exit::Pass)
}

/// Refuses names that cannot be published, or that a language's tools would stumble over.
fn check_name(name: &str) -> anyhow::Result<()> {
    if PackageName::new("any", name).is_none() || name.len() > MAX_PLUGIN_NAME_BYTES {
        return Err(usage(format!(
            "`{}` is no name for a plugin: a letter, then letters, digits and single `-`, all lower-case, at most \
             {MAX_PLUGIN_NAME_BYTES}, such as `checkout-load`",
            name.escape_debug()
        )));
    }
    if RESERVED.contains(&name) {
        return Err(usage(format!("`{name}` means something else to a compiler; take another name")));
    }
    Ok(())
}

/// Every file of a new project, by its path in it.
fn files(language: &Language, name: &str, kit: &Kit) -> Vec<(PathBuf, String)> {
    let template = kit.below(language.template);
    let mut files: Vec<_> = template
        .map(|(path, text)| (template_path(Path::new(path)), text.replace("__NAME__", name)))
        .collect();
    for (from, to) in language.sdk {
        files.extend(kit.below(from).map(|(path, text)| (Path::new(to).join(path), text.to_owned())));
    }
    if language.name != "rust" {
        files.extend(CONTRACT.iter().map(|(file, text)| (Path::new("wit").join(file), contract(file, text))));
    }
    files
}

/// Names that would have a meaning of their own in the source tree.
fn template_path(path: &Path) -> PathBuf {
    match path.file_name().and_then(|name| name.to_str()) {
        Some("gitignore") => path.with_file_name(".gitignore"),
        Some("Cargo.toml.in") => path.with_file_name("Cargo.toml"),
        _ => path.to_owned(),
    }
}

/// The contract as a project has it. Some languages' tools import all that the world does, and a plugin should not ask
/// for what it does not use: databases and raw bytes are left for its author to put in.
fn contract(file: &str, text: &str) -> String {
    if file != "world.wit" {
        return text.to_owned();
    }
    let left_out = |line: &str| match line.trim() {
        "import sql;" | "import redis;" | "import mongo;" | "import tcp;" => {
            format!("    // {}\n", line.trim())
        }
        _ => format!("{line}\n"),
    };
    text.lines().map(left_out).collect()
}

/// Writes the files, if none of them is there.
fn write(directory: &Path, files: &[(PathBuf, String)]) -> anyhow::Result<()> {
    let there = files.iter().map(|(path, _)| directory.join(path)).find(|path| path.exists());
    if let Some(path) = there {
        return Err(usage(format!("`{}` is there already, and nothing is overwritten", path.display())));
    }
    for (path, text) in files {
        let path = directory.join(path);
        let written = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        written
            .and_then(|()| std::fs::write(&path, text))
            .with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_are_refused() {
        let odd = [
            "",
            "Shop",
            "../shop",
            "shop load",
            "9shop",
            "-shop",
            "shop-",
            "a--b",
            "test",
            "fn",
            "sh\u{f6}p",
        ];
        for name in odd {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(check_name(&"a".repeat(MAX_PLUGIN_NAME_BYTES + 1)).is_err());
        for name in ["a", "shop", "checkout-load-2"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn every_language_has_its_project_and_no_placeholder_left() {
        let kit = Kit::unpack().unwrap();
        for language in LANGUAGES {
            let files = files(language, "checkout-load", &kit);
            let has = |name: &str| files.iter().any(|(path, _)| path == Path::new(name));
            for file in ["stresshost.yaml", "test.yaml", "README.md", ".gitignore"] {
                assert!(has(file), "{}: {file}", language.name);
            }
            let left = files.iter().find(|(_, text)| text.contains("__NAME__"));
            assert!(left.is_none(), "{}: {left:?}", language.name);
        }
    }

    #[test]
    fn a_projects_world_imports_no_databases() {
        let world = contract("world.wit", CONTRACT[0].1);
        assert!(
            world.contains(
                "    // import sql;\n    // import redis;\n    // import mongo;\n    // import tcp;\n"
            ) && world.contains("    import http;\n")
        );
    }
}
