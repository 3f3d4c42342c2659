//! Exit codes: a promise to scripts. Listed in `stresshost --help` and README.md.

use std::process::ExitCode;

use stresshost_metrics::{Summary, VerdictStatus};

/// Why the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Pass = 0,
    Internal = 1,
    Usage = 2,
    Unreachable = 3,
    Failed = 10,
    Inconclusive = 11,
    Invalid = 12,
    PluginFault = 13,
    Denied = 14,
    NotVerified = 15,
    Interrupted = 130,
}

/// The table `--help` prints.
pub(crate) const TABLE: &str = "\
Exit codes:
    0  pass                                    11  inconclusive: not enough data
    1  internal error, or result not written   12  invalid: the generator was the bottleneck
    2  wrong usage, config or plugin file      13  the plugin broke
    3  set-up failed or target unreachable     14  a capability was denied
   10  checks or thresholds failed, or a       15  not verified: a number is not true, or
       regression was found                       a plugin is not the recorded one
                                            130  interrupted";

/// An error that knows its exit code.
#[derive(Debug)]
pub(crate) struct Coded {
    pub(crate) exit: Exit,
    message: String,
}

impl std::fmt::Display for Coded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Coded {}

/// An error that ends with `exit`.
pub(crate) fn coded(exit: Exit, message: impl std::fmt::Display) -> anyhow::Error {
    anyhow::Error::new(Coded { exit, message: message.to_string() })
}

/// A mistake in the arguments, a config or a file.
pub(crate) fn usage(message: impl std::fmt::Display) -> anyhow::Error {
    coded(Exit::Usage, message)
}

impl Exit {
    pub(crate) fn code(self) -> ExitCode {
        ExitCode::from(self as u8)
    }

    /// The code of an error; one that carries none is internal.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        error
            .chain()
            .find_map(|cause| cause.downcast_ref::<Coded>())
            .map_or(Self::Internal, |coded| coded.exit)
    }

    /// The code of a run that was done.
    pub(crate) const fn of_summary(summary: &Summary) -> Self {
        match summary.verdict.status {
            VerdictStatus::Fault => Self::PluginFault,
            VerdictStatus::Denied => Self::Denied,
            _ if summary.run.interrupted => Self::Interrupted,
            VerdictStatus::Pass => Self::Pass,
            VerdictStatus::Fail => Self::Failed,
            VerdictStatus::Inconclusive => Self::Inconclusive,
            VerdictStatus::Invalid => Self::Invalid,
            VerdictStatus::Unreachable => Self::Unreachable,
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn context_keeps_the_code() {
        let error = usage("no such flag").context("cannot read the arguments");
        assert_eq!(Exit::of(&error), Exit::Usage);
        assert_eq!(Exit::of(&anyhow::anyhow!("bug")), Exit::Internal);
        assert_eq!(
            Err::<(), _>(coded(Exit::Denied, "x")).context("y").map_err(|e| Exit::of(&e)),
            Err(Exit::Denied)
        );
    }
}
