//! The caps on plugins that a user may change for a run.

use stresshost_plan::{parse_bytes, parse_duration_ms};

use crate::{
    MAX_ARTIFACT_BYTES, MAX_ARTIFACTS, MAX_CALL_MS, MAX_CONTROL_MEMORY_BYTES, MAX_CONTROL_MS,
    MAX_HOSTCALL_BYTES, MAX_LOG_LINE_BYTES, MAX_LOG_LINES, MAX_MEMORY_BYTES, MAX_PREPARED,
    MAX_PREPARED_BYTES, MAX_TABLE_ELEMENTS,
};

/// Caps on every plugin of a run. The defaults are the constants of the same meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestLimits {
    /// Bytes of linear memory of a virtual user.
    pub memory_bytes: u64,
    /// Bytes of linear memory of all virtual users together.
    pub total_memory_bytes: u64,
    /// Bytes of linear memory while a plugin describes, plans or analyses.
    pub control_memory_bytes: u64,
    /// Elements of one table.
    pub table_elements: u64,
    /// Milliseconds a virtual user may compute without waiting for anything.
    pub compute_ms: u64,
    /// The same while a plugin describes, plans, sets up or analyses.
    pub control_compute_ms: u64,
    /// Bytes handed to the host in one call.
    pub hostcall_bytes: u64,
    /// Log lines shown of each plugin.
    pub log_lines: u64,
    /// Bytes shown of one log line.
    pub log_line_bytes: u64,
    /// Prepared requests of a virtual user.
    pub prepared: u64,
    /// Bytes of the prepared requests of a virtual user.
    pub prepared_bytes: u64,
    /// Bytes of the large bodies that all virtual users of all plugins keep together.
    pub kept_bodies_bytes: u64,
    /// Files each plugin may write as artifacts.
    pub artifacts: u64,
    /// Bytes each plugin may write as artifacts.
    pub artifact_bytes: u64,
}

impl Default for GuestLimits {
    fn default() -> Self {
        Self {
            memory_bytes: MAX_MEMORY_BYTES as u64,
            total_memory_bytes: u64::MAX,
            control_memory_bytes: MAX_CONTROL_MEMORY_BYTES as u64,
            table_elements: MAX_TABLE_ELEMENTS as u64,
            compute_ms: MAX_CALL_MS,
            control_compute_ms: MAX_CONTROL_MS,
            hostcall_bytes: MAX_HOSTCALL_BYTES as u64,
            log_lines: MAX_LOG_LINES,
            log_line_bytes: MAX_LOG_LINE_BYTES as u64,
            prepared: MAX_PREPARED as u64,
            prepared_bytes: MAX_PREPARED_BYTES,
            kept_bodies_bytes: stresshost_io::http::MAX_KEPT_BYTES,
            artifacts: MAX_ARTIFACTS as u64,
            artifact_bytes: MAX_ARTIFACT_BYTES,
        }
    }
}

/// What the value of a limit is.
#[derive(Clone, Copy)]
enum Unit {
    Bytes,
    Count,
    Time,
}

struct Knob {
    name: &'static str,
    unit: Unit,
    value: fn(&mut GuestLimits) -> &mut u64,
}

const KNOBS: [Knob; 14] = [
    Knob { name: "memory", unit: Unit::Bytes, value: |limits| &mut limits.memory_bytes },
    Knob { name: "total-memory", unit: Unit::Bytes, value: |limits| &mut limits.total_memory_bytes },
    Knob { name: "control-memory", unit: Unit::Bytes, value: |limits| &mut limits.control_memory_bytes },
    Knob { name: "table", unit: Unit::Count, value: |limits| &mut limits.table_elements },
    Knob { name: "compute", unit: Unit::Time, value: |limits| &mut limits.compute_ms },
    Knob { name: "control-compute", unit: Unit::Time, value: |limits| &mut limits.control_compute_ms },
    Knob { name: "host-call-bytes", unit: Unit::Bytes, value: |limits| &mut limits.hostcall_bytes },
    Knob { name: "log-lines", unit: Unit::Count, value: |limits| &mut limits.log_lines },
    Knob { name: "log-line-bytes", unit: Unit::Bytes, value: |limits| &mut limits.log_line_bytes },
    Knob { name: "prepared", unit: Unit::Count, value: |limits| &mut limits.prepared },
    Knob { name: "prepared-bytes", unit: Unit::Bytes, value: |limits| &mut limits.prepared_bytes },
    Knob { name: "kept-bodies", unit: Unit::Bytes, value: |limits| &mut limits.kept_bodies_bytes },
    Knob { name: "artifacts", unit: Unit::Count, value: |limits| &mut limits.artifacts },
    Knob { name: "artifact-bytes", unit: Unit::Bytes, value: |limits| &mut limits.artifact_bytes },
];

impl GuestLimits {
    /// Applies one `NAME=VALUE`, such as `memory=256MiB`, `compute=30s` or `log-lines=10`.
    ///
    /// # Errors
    /// One sentence: an unknown name, with the names there are, or a value that is none.
    pub fn set(&mut self, assignment: &str) -> Result<(), String> {
        let (name, value) = assignment
            .split_once('=')
            .ok_or_else(|| format!("`{assignment}` has no `=`; write NAME=VALUE, such as `memory=256MiB`"))?;
        let knob = KNOBS.iter().find(|knob| knob.name == name).ok_or_else(|| {
            let names: Vec<&str> = Self::names().collect();
            format!("there is no limit `{name}`; there are {}", names.join(", "))
        })?;
        let value = match knob.unit {
            Unit::Bytes => parse_bytes(value).map_err(|error| error.to_string()),
            Unit::Time => parse_duration_ms(value).map_err(|error| error.to_string()),
            Unit::Count => value.parse().map_err(|_| format!("`{value}` is not a whole number")),
        };
        let value: u64 = value.map_err(|reason| format!("{name}: {reason}"))?;
        if value == 0 && !matches!(name, "log-lines" | "artifacts" | "artifact-bytes") {
            return Err(format!("{name}: no plugin can run with 0"));
        }
        *(knob.value)(self) = value;
        Ok(())
    }

    /// Sets a limit to a value of its own unit; times are milliseconds.
    ///
    /// # Errors
    /// One sentence: an unknown name.
    pub fn set_value(&mut self, name: &str, value: u64) -> Result<(), String> {
        let knob = KNOBS.iter().find(|knob| knob.name == name);
        let knob = knob.ok_or_else(|| format!("there is no limit `{name}`"))?;
        *(knob.value)(self) = value;
        Ok(())
    }

    /// The names that [`GuestLimits::set`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KNOBS.iter().map(|knob| knob.name)
    }

    /// Every limit by its name; times are milliseconds.
    pub fn values(mut self) -> impl Iterator<Item = (&'static str, u64)> {
        KNOBS.iter().map(move |knob| (knob.name, *(knob.value)(&mut self)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_set_by_name_with_their_units() {
        let mut limits = GuestLimits::default();
        for text in ["memory=256MiB", "compute=30s", "log-lines=0", "table=5"] {
            limits.set(text).expect(text);
        }
        let expected = GuestLimits {
            memory_bytes: 256 << 20,
            compute_ms: 30_000,
            log_lines: 0,
            table_elements: 5,
            ..GuestLimits::default()
        };
        assert_eq!(limits, expected);
        let values: Vec<_> = limits.values().filter(|(name, _)| *name == "compute").collect();
        assert_eq!(values, [("compute", 30_000)]);
    }

    #[test]
    fn wrong_limits_are_told_what_there_is() {
        for (text, expected) in [
            ("memory", "write NAME=VALUE"),
            ("mem=1", "there are memory, total-memory"),
            ("table=many", "table: `many` is not a whole number"),
            ("compute=0", "compute: no plugin can run with 0"),
            ("memory=a lot", "memory: "),
        ] {
            let before = GuestLimits::default();
            let mut limits = before;
            let error = limits.set(text).expect_err(text);
            assert!(error.contains(expected), "{error}");
            assert_eq!(limits, before);
        }
    }

    #[test]
    fn every_limit_has_a_name_of_its_own() {
        for (index, name) in GuestLimits::names().enumerate() {
            let mut limits = GuestLimits::default();
            *(KNOBS[index].value)(&mut limits) = 7;
            let changed: Vec<_> =
                limits.values().zip(GuestLimits::default().values()).filter(|(a, b)| a != b).collect();
            assert_eq!(changed.len(), 1, "{name}");
        }
    }
}
