//! Log lines of the host and of plugins, to standard error; calls of the host, when they are traced.

use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::call_trace::CallTrace;
use crate::env;

/// Starts logging. A filter that cannot be read is named and replaced by the default.
pub(crate) fn start(quiet: bool) -> Option<String> {
    start_traced(quiet, None)
}

/// Starts logging, and tracing of what guests call.
pub(crate) fn start_traced(quiet: bool, trace: Option<CallTrace>) -> Option<String> {
    let wanted = if quiet { "error".to_owned() } else { env::log_filter() };
    let (filter, complaint) = match EnvFilter::try_new(&wanted) {
        Ok(filter) => (filter, None),
        Err(error) => {
            let advice = "write levels such as `debug` or `warn,stresshost_io=trace`";
            let complaint = format!("STRESSHOST_LOG=`{wanted}` is ignored: {error}; {advice}");
            (EnvFilter::new("warn,plugin=info"), Some(complaint))
        }
    };
    let logger = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).without_time();
    let logger = logger.with_target(false).with_ansi(false).with_filter(filter);
    let trace = trace.map(|trace| trace.with_filter(filter_fn(CallTrace::concerns)));
    // A second start, as that of a run whose calls are traced since its plugin was loaded, keeps the first.
    drop(tracing_subscriber::registry().with(logger).with(trace).try_init());
    complaint
}
