//! A new project and the tools to build it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use stresshost_shop::{Shop, ShopConfig, ShopThread};
use stresshost_tests::{Finished, Project, program, sdk_tools, shared_target};

/// Name of every project here.
pub(crate) const NAME: &str = "checkout-load";

/// An author at work in a directory of their own.
pub(crate) struct Author {
    pub(crate) home: Project,
}

impl Author {
    /// Makes a project with `stresshost new`.
    pub(crate) fn new(language: &str) -> Self {
        let home = Project::default();
        home.run(&["new", NAME, "--lang", language]).expect_exit(0);
        let author = Self { home };
        match language {
            // As `npm install` would.
            "js" | "ts" => {
                std::os::unix::fs::symlink(sdk_tools().join("js/node_modules"), author.path("node_modules"))
                    .unwrap();
            }
            "rust" => {
                std::fs::create_dir_all(shared_target()).unwrap();
                std::os::unix::fs::symlink(shared_target().canonicalize().unwrap(), author.path("target"))
                    .unwrap();
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
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk").join(from);
        std::fs::copy(from, self.path(file)).unwrap();
    }

    /// Replaces a part of a file.
    pub(crate) fn edit(&self, file: &str, part: &str, by: &str) {
        let text = std::fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(part), "{file} has no {part}");
        std::fs::write(self.path(file), text.replace(part, by)).unwrap();
    }

    /// A command in the project's directory, with the tools in reach.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = self.home.command(program);
        command.current_dir(self.path("")).env("PATH", tools_path());
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
        command
    }

    /// `stresshost` in the project's directory.
    pub(crate) fn stresshost(&self, args: &[&str]) -> Finished {
        Finished::of(self.command(&program("stresshost")).args(args).output().unwrap())
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
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rust-toolchain.toml");
    let text = std::fs::read_to_string(file).unwrap();
    let channel = text.lines().find_map(|line| line.strip_prefix("channel = "));
    channel.expect("rust-toolchain.toml names a channel").trim_matches('"').to_owned()
}

fn in_home(directory: &str) -> Option<OsString> {
    variable("HOME").map(|home| PathBuf::from(home).join(directory).into_os_string())
}

/// The pinned tools first, then the machine's programs and this build's.
pub(crate) fn tools_path() -> OsString {
    let own = [sdk_tools().join("python/bin"), program("stresshost").parent().unwrap().to_owned()];
    let machine = variable("PATH").unwrap_or_default();
    std::env::join_paths(own.into_iter().chain(std::env::split_paths(&machine))).unwrap()
}

/// A shop with the default seed.
pub(crate) fn shop() -> ShopThread {
    Shop::start_in_thread(ShopConfig::default()).unwrap()
}
