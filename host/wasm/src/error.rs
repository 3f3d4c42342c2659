//! Why a plugin cannot be used. Each message says what, where and what to do.

use stresshost_plan::{Problem, is_hidden};

/// Letters of a text from a plugin's file that a message shows: enough for a name in full, or where wasmtime found what.
const MAX_SHOWN: usize = 500;

/// One line of text from a plugin's file, which a terminal cannot mistake for a command.
pub(crate) fn printable(text: &str) -> String {
    let mut letters = text.chars();
    let mut shown = String::new();
    for letter in letters.by_ref().take(MAX_SHOWN) {
        if is_hidden(letter) { shown.extend(letter.escape_debug()) } else { shown.push(letter) }
    }
    if letters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// A component cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The bytes are no WebAssembly.
    #[error(
        "not a WebAssembly component: the file starts with {start}; build the plugin with `cargo build --target wasm32-wasip2`"
    )]
    NotWasm {
        /// The first bytes, readable.
        start: String,
    },
    /// A core module.
    #[error(
        "a core WebAssembly module, not a component; build it for `wasm32-wasip2`, or wrap it with `wasm-tools component new`"
    )]
    CoreModule,
    /// Malformed WebAssembly.
    #[error("malformed WebAssembly: {0}; the file may be cut short or damaged")]
    Malformed(String),
    /// A component of another world.
    #[error(
        "a component, but not a StressHost workload: it does not export `stresshost:workload/guest`{exports}; see the plugin SDK"
    )]
    OtherWorld {
        /// What it exports instead, as a clause.
        exports: String,
    },
    /// Built for a contract this host does not run.
    #[error("built for workload {built}{sdk}, this host runs {host}: {advice}")]
    Version {
        /// Version the component names.
        built: String,
        /// Its SDK, as a clause.
        sdk: String,
        /// Versions this host runs.
        host: String,
        /// What to do.
        advice: String,
    },
    /// It imports what the host does not offer.
    #[error(
        "imports `{import}`, which this host does not offer: upgrade stresshost, or rebuild the plugin without it"
    )]
    Import {
        /// The first such import.
        import: String,
    },
    /// Wasmtime refuses the component.
    #[error("cannot be compiled: {0}")]
    Compile(String),
    /// The component's types differ from the contract's.
    #[error("does not fit the contract: {0}; rebuild it with the SDK of this version")]
    Link(String),
    /// Wasmtime refuses its configuration.
    #[error("cannot start the WebAssembly engine: {0}")]
    Engine(String),
}

/// A call of `describe`, `plan` or `analyze` went wrong.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The plugin broke.
    #[error("the plugin broke in `{during}`: {text}")]
    Fault {
        /// The call.
        during: &'static str,
        /// Its own words and backtrace.
        text: String,
    },
    /// The plugin's answer is not the document it should be.
    #[error("the plugin's {what} is not valid: {reason}; tell its author")]
    Document {
        /// `descriptor`, `plan` or `analysis`.
        what: &'static str,
        /// Why not.
        reason: String,
    },
    /// The plugin's plan cannot run.
    #[error("the plugin made a plan that cannot run: {}; tell its author", list(.0))]
    Plan(Vec<Problem>),
    /// The user's input does not make a plan.
    #[error("{} problems with the arguments or the config", .0.len())]
    Problems(Vec<Problem>),
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join(", ")
}
