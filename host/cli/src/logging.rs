//! Log lines of the host and of plugins, to standard error.

use tracing_subscriber::EnvFilter;

use crate::env;

/// Starts logging. A filter that cannot be read is named and replaced by the default.
pub(crate) fn start(quiet: bool) -> Option<String> {
    let wanted = if quiet { "error".to_owned() } else { env::log_filter() };
    let (filter, complaint) = match EnvFilter::try_new(&wanted) {
        Ok(filter) => (filter, None),
        Err(error) => {
            let advice = "write levels such as `debug` or `warn,stresshost_io=trace`";
            let complaint = format!("STRESSHOST_LOG=`{wanted}` is ignored: {error}; {advice}");
            (EnvFilter::new("warn,plugin=info"), Some(complaint))
        }
    };
    let logger =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time();
    // A second start, as in tests of this process, keeps the first.
    drop(logger.with_target(false).with_ansi(false).try_init());
    complaint
}
