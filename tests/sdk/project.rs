//! A new project, the tools to build it, and an installed program.
//!
//! What an author and a user have is the program alone: a copy outside the source tree, which is told nothing that leads
//! there. Only tools, and what is cached for them, lie in the build directory.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use stresshost_shop::{Shop, ShopConfig, ShopThread};
use stresshost_tests::{Finished, Project, program, sdk_tools, shared_target};

/// Name of every project here.
pub(crate) const NAME: &str = "checkout-load";

/// The program, installed by itself.
pub(crate) struct Installed(tempfile::TempDir);

impl Default for Installed {
    fn default() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (program("stresshost"), directory.path().join("stresshost"));
        // Not a symbolic link, which would lead back to the build and to the plugins beside it.
        fs::hard_link(&from, &to).or_else(|_| fs::copy(&from, &to).map(drop)).unwrap();
        Self(directory)
    }
}

impl Installed {
    pub(crate) fn program(&self) -> PathBuf {
        self.0.path().join("stresshost")
    }

    /// Runs it in a directory with the home that is there, and nothing else: no tool of any language.
    pub(crate) fn run(&self, home: &Project, args: &[&str]) -> Finished {
        let mut command = home.command(&self.program());
        check_environment(&command);
        Finished::of(command.args(args).output().unwrap())
    }
}

/// An author at work in a directory of their own.
pub(crate) struct Author {
    pub(crate) home: Project,
    pub(crate) installed: Installed,
}

impl Author {
    /// Makes a project with `stresshost new`.
    pub(crate) fn new(language: &str) -> Self {
        let author = Self { home: Project::default(), installed: Installed::default() };
        author.installed.run(&author.home, &["new", NAME, "--lang", language]).expect_exit(0);
        check_files(&author.path(""));
        match language {
            // As `npm install` would.
            "js" | "ts" => {
                symlink(sdk_tools().join("js/node_modules"), author.path("node_modules")).unwrap();
            }
            "rust" => {
                fs::create_dir_all(shared_target()).unwrap();
                symlink(shared_target().canonicalize().unwrap(), author.path("target")).unwrap();
            }
            _ => {}
        }
        author
    }

    /// A file of the project.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.home.path().join(NAME).join(file)
    }

    /// Its component.
    pub(crate) fn component(&self) -> PathBuf {
        self.path(&format!("{NAME}.wasm"))
    }

    /// Replaces a file of the project by one of the source tree.
    pub(crate) fn take(&self, file: &str, from: &str) {
        fs::copy(source_tree().join(from), self.path(file)).unwrap();
    }

    /// Replaces a part of a file.
    pub(crate) fn edit(&self, file: &str, part: &str, by: &str) {
        let text = fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(part), "{file} has no {part}");
        fs::write(self.path(file), text.replace(part, by)).unwrap();
    }

    /// A command in the project's directory, with the tools in reach.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = self.home.command(program);
        command.current_dir(self.path("")).env("PATH", self.tools_path());
        // Cargo, rustup, zig and go keep what they have fetched and built below these.
        for (name, otherwise) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            if let Some(home) = variable(name).or_else(|| in_home(otherwise)) {
                command.env(name, home);
            }
        }
        command
            // The toolchain of this workspace, not whichever is the machine's default.
            .env("RUSTUP_TOOLCHAIN", toolchain())
            .env("ZIG_GLOBAL_CACHE_DIR", shared_target().join("zig"))
            .env("GOCACHE", shared_target().join("go"));
        check_environment(&command);
        command
    }

    /// The pinned tools first, then the installed program and the machine's.
    fn tools_path(&self) -> OsString {
        let own = [sdk_tools().join("python/bin"), self.installed.0.path().to_owned()];
        let machine = variable("PATH").unwrap_or_default();
        std::env::join_paths(own.into_iter().chain(std::env::split_paths(&machine))).unwrap()
    }

    /// `stresshost` in the project's directory.
    pub(crate) fn stresshost(&self, args: &[&str]) -> Finished {
        Finished::of(self.command(&self.installed.program()).args(args).output().unwrap())
    }

    /// Builds the component.
    pub(crate) fn build(&self) -> PathBuf {
        self.stresshost(&["plugin", "build"]).expect_exit(0);
        self.component()
    }
}

#[expect(clippy::disallowed_methods, reason = "the test's own environment")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var(name).ok().map(OsString::from)
}

fn toolchain() -> String {
    let text = fs::read_to_string(source_tree().join("rust-toolchain.toml")).unwrap();
    let channel = text.lines().find_map(|line| line.strip_prefix("channel = "));
    channel.expect("rust-toolchain.toml names a channel").trim_matches('"').to_owned()
}

fn in_home(directory: &str) -> Option<OsString> {
    variable("HOME").map(|home| PathBuf::from(home).join(directory).into_os_string())
}

/// The source tree, which no command of an author or a user may need.
fn source_tree() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// No variable leads into the source tree, but into the build directory, which may lie in it.
fn check_environment(command: &Command) {
    let (tree, build) = (source_tree(), shared_target().parent().unwrap().canonicalize().unwrap());
    for (name, value) in command.get_envs() {
        for path in std::env::split_paths(value.unwrap_or_default()) {
            // What lies nowhere cannot be read.
            let Ok(path) = path.canonicalize() else { continue };
            let leads_there = path.starts_with(&tree) && !path.starts_with(&build);
            assert!(!leads_there, "{}: {}", name.display(), path.display());
        }
    }
    let program = Path::new(command.get_program());
    assert!(!program.starts_with(&tree), "{}", program.display());
}

/// What `stresshost new` writes is whole: no link, and no file that names the source tree.
fn check_files(directory: &Path) {
    let tree = source_tree();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            check_files(&path);
        } else {
            assert!(kind.is_file(), "{} is a link", path.display());
            let text = fs::read_to_string(&path).unwrap();
            assert!(!text.contains(tree.to_str().unwrap()), "{}", path.display());
        }
    }
}

/// A shop with the default seed.
pub(crate) fn shop() -> ShopThread {
    Shop::start_in_thread(ShopConfig::default()).unwrap()
}
