//! The closed list of limits of the sandbox that a plugin can reach.

use serde::Serialize;

macro_rules! sandbox_limits {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal, $meaning:literal;)*) => {
        /// A limit of the sandbox. How often a plugin reached it is counted, so that nothing is cut or refused unseen.
        ///
        /// In documents a limit is its name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum SandboxLimit { $($(#[doc = $doc])* $variant,)* }

        impl SandboxLimit {
            /// Every limit, in the order in which reports list them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name used in documents and reports.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What is counted, in a few words for people.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

// Records and summaries hold the names: they never change.
sandbox_limits! {
    /// Memory of one instance.
    Memory = "memory", "growth of memory refused";
    /// Memory of all instances together.
    TotalMemory = "total-memory", "growth of all memory refused";
    /// Entries of an instance's tables.
    Table = "table", "growth of a table refused";
    /// Time one call may compute.
    ComputeTime = "compute-time", "calls that computed too long";
    /// Share of a core's time that may go into computing.
    ComputeShare = "compute-share", "times held back for the others";
    /// Bytes one call of the host may carry.
    HostCallBytes = "host-call-bytes", "calls that carried too much";
    /// Handles of components and streams.
    Handles = "handles", "calls that held too many handles";
    /// Log lines that are shown.
    LogLines = "log-lines", "log lines not shown";
    /// Bytes of one log line.
    LogLineBytes = "log-line-bytes", "log lines cut short";
    /// Number of artifacts.
    Artifacts = "artifacts", "artifacts refused";
    /// Bytes of artifacts.
    ArtifactBytes = "artifact-bytes", "artifacts too large, refused";
    /// Prepared requests.
    Prepared = "prepared", "prepared requests refused";
    /// Bytes of prepared requests.
    PreparedBytes = "prepared-bytes", "prepared requests too large";
    /// Shots of one call.
    Shots = "shots", "calls of too many shots refused";
    /// Bytes kept of a body.
    BodyBytes = "body-bytes", "bodies that were not kept whole";
    /// Names of operations, checks and metrics.
    Names = "names", "names of measurements refused";
    /// Bytes of a failure's text.
    FailureBytes = "failure-bytes", "texts of failures cut short";
    /// Bytes of a panic's text.
    PanicBytes = "panic-bytes", "texts of panics cut short";
    /// Time of one sleep.
    SleepTime = "sleep-time", "sleeps cut short";
    /// Different findings.
    Findings = "findings", "findings refused";
    /// Outgoing requests in hand at the same time.
    Requests = "requests", "requests in hand refused";
    /// Connections to databases.
    Connections = "connections", "connections refused";
    /// Rows kept of one result.
    Rows = "rows", "results not kept whole";
}

impl SandboxLimit {
    /// Number of limits.
    pub const COUNT: usize = Self::ALL.len();

    /// Its place in [`SandboxLimit::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The limit of a name; `None` for those of newer versions.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|limit| limit.name() == name)
    }
}

impl Serialize for SandboxLimit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_places_map_both_ways() {
        assert_eq!(SandboxLimit::COUNT, 23);
        for (index, &limit) in SandboxLimit::ALL.iter().enumerate() {
            assert_eq!((limit.index(), SandboxLimit::from_name(limit.name())), (index, Some(limit)));
            assert!(limit.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{limit:?}");
            // A cell of a text table holds 32 columns.
            assert!((1..=32).contains(&limit.meaning().len()), "{limit:?}");
        }
        assert_eq!(SandboxLimit::from_name("moons"), None);
    }
}
