//! Every metric of the live streams, each once: its names, unit and meaning.
//!
//! Names are a promise to those who built dashboards on them.

/// What a family's points are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A sum since the load began.
    Counter,
    /// A value of the moment or of the last interval.
    Gauge,
    /// Quantiles of the last interval.
    Quantiles,
}

/// A metric.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct About {
    pub(super) kind: Kind,
    /// As Prometheus names it, with its unit and `_total` for counters.
    pub(super) name: &'static str,
    /// As OpenTelemetry names it.
    pub(super) otel: &'static str,
    /// As UCUM writes it.
    pub(super) unit: &'static str,
    pub(super) help: &'static str,
}

macro_rules! catalog {
    ($($constant:ident = $kind:ident $name:literal $otel:literal $unit:literal $help:literal;)*) => {
        $(pub(super) static $constant: About =
            About { kind: Kind::$kind, name: $name, otel: $otel, unit: $unit, help: $help };)*

        #[cfg(test)]
        const ALL: &[&About] = &[$(&$constant),*];
    };
}

catalog! {
    ELAPSED = Gauge "stresshost_elapsed_seconds" "stresshost.elapsed" "s"
        "Time since the load began.";
    VUS_BUSY = Gauge "stresshost_vus_busy" "stresshost.vus.busy" "{vu}"
        "Virtual users busy with an iteration.";
    SENT_RATE = Gauge "stresshost_sent_per_second" "stresshost.sent.rate" "{operation}/s"
        "Operations sent, of every scenario, per second of the last interval.";
    DONE_RATE = Gauge "stresshost_done_per_second" "stresshost.done.rate" "{operation}/s"
        "Operations that ended, of every scenario, per second of the last interval.";
    ERROR_RATE = Gauge "stresshost_errors_per_second" "stresshost.errors.rate" "{operation}/s"
        "Operations that failed, of every scenario, per second of the last interval.";
    LAG = Gauge "stresshost_lag_p99_seconds" "stresshost.lag.p99" "s"
        "Schedule lag of the last interval, 99th percentile.";
    GENERATOR_CPU = Gauge "stresshost_generator_cpu_ratio" "stresshost.generator.cpu" "1"
        "CPU time of the load-generating threads as a share of the interval and the cores used.";
    GENERATOR_MEMORY = Gauge "stresshost_generator_resident_bytes" "stresshost.generator.memory" "By"
        "Resident memory of the generator.";
    GENERATOR_LAG = Gauge "stresshost_generator_own_lag_p99_seconds" "stresshost.generator.own_lag.p99" "s"
        "Lateness only the generator is to blame for in the last interval, 99th percentile.";
    ALL_RESPONSE = Quantiles "stresshost_all_response_seconds" "stresshost.all.response" "s"
        "Response times of the last interval, of every operation.";
    PHASE_RUNNING = Gauge "stresshost_phase_running" "stresshost.phase.running" "1"
        "1 while the phase goes on.";
    ITERATIONS = Counter "stresshost_iterations_total" "stresshost.iterations" "{iteration}"
        "Iterations by what became of them; failed includes those interrupted and faulted.";
    SENT = Counter "stresshost_operations_sent_total" "stresshost.operations.sent" "{operation}"
        "Operations sent.";
    DONE = Counter "stresshost_operations_total" "stresshost.operations" "{operation}"
        "Operations that ended.";
    ERRORS = Counter "stresshost_operation_errors_total" "stresshost.operation.errors" "{operation}"
        "Operations that failed, by kind.";
    SENT_BYTES = Counter "stresshost_sent_bytes_total" "stresshost.sent" "By"
        "Bytes handed to the transport.";
    RECEIVED_BYTES = Counter "stresshost_received_bytes_total" "stresshost.received" "By"
        "Bytes taken from the transport.";
    RESPONSE = Quantiles "stresshost_response_seconds" "stresshost.response" "s"
        "Response times of the last interval, from the intended start.";
    SERVICE = Quantiles "stresshost_service_seconds" "stresshost.service" "s"
        "Service times of the last interval, from the actual start.";
    CUSTOM_SUM = Counter "stresshost_custom_total" "stresshost.custom.sum" ""
        "Sums of the plugin's counters.";
    CUSTOM_VALUE = Gauge "stresshost_custom_value" "stresshost.custom.value" ""
        "Last values of the plugin's gauges.";
    CUSTOM_HITS = Counter "stresshost_custom_hits_total" "stresshost.custom.hits" ""
        "Observations of the plugin's rates that were true.";
    CUSTOM_OBSERVATIONS = Counter "stresshost_custom_observations_total" "stresshost.custom.observations" ""
        "Observations of the plugin's rates.";
    CUSTOM_DISTRIBUTION = Gauge "stresshost_custom_distribution" "stresshost.custom.distribution" ""
        "Quantiles of the plugin's distributions since the load began, in their own unit.";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_valid_and_each_is_there_once() {
        let (mut names, mut otels) = (HashSet::new(), HashSet::new());
        for about in ALL {
            assert!(names.insert(about.name) && otels.insert(about.otel), "{about:?}");
            let plain =
                |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
            assert!(about.name.starts_with("stresshost_") && about.name.chars().all(plain), "{about:?}");
            assert_eq!(about.name.ends_with("_total"), about.kind == Kind::Counter, "{about:?}");
            assert!(about.help.ends_with('.') && !about.help.contains(['\\', '\n']), "{about:?}");
        }
    }
}
