//! Why a run could not be done at all. A failed iteration is never one of these.

use stresshost_plan::Problem;

use crate::Fault;

/// The run itself is in doubt: it could not start, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The plugin's set-up answered with a failure.
    #[error("set-up failed: {message} [{code}]")]
    Setup {
        /// The plugin's code.
        code: String,
        /// The plugin's words.
        message: String,
    },
    /// A virtual user could not be started.
    #[error("virtual user {vu} could not start: {message} [{code}]")]
    Start {
        /// Which one.
        vu: u64,
        /// The plugin's code.
        code: String,
        /// The plugin's words.
        message: String,
    },
    /// The plan asks for something that only now turns out not to exist.
    #[error("{}", problem_lines(.0))]
    Plan(Vec<Problem>),
    /// The plugin broke before the load began.
    #[error("the plugin broke in `{}`: {}", .0.during, .0.text)]
    Fault(Fault),
    /// The operating system refused something a run needs.
    #[error("cannot run: {0}")]
    Os(String),
    /// The run was stopped before the load began.
    #[error("stopped before the load began")]
    Stopped,
}

fn problem_lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
