//! What this process has used of the machine.

use rustix::time::{ClockId, clock_gettime};

#[cfg(target_os = "linux")]
use crate::WATCHER_NICE;

/// CPU time and peak memory of the process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// User and system time of all threads, in seconds.
    pub(crate) cpu_s: f64,
    /// Peak resident memory in bytes; 0 where the system does not tell.
    pub(crate) rss_max_bytes: u64,
    /// Resident memory in bytes; 0 where the system does not tell.
    pub(crate) rss_bytes: u64,
}

/// Reads the process's usage.
pub(crate) fn usage() -> Usage {
    let cpu = clock_gettime(ClockId::ProcessCPUTime);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    Usage {
        cpu_s: cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9,
        rss_max_bytes: status_bytes(&status, "VmHWM:"),
        rss_bytes: status_bytes(&status, "VmRSS:"),
    }
}

/// Lets other threads go first from now on. On Linux a priority is a thread's own, and 0 stands for the calling one
/// (setpriority(2), under "C library/kernel differences"). Where the system refuses, nothing is lost but the courtesy.
pub(crate) fn go_last() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, WATCHER_NICE) {
        tracing::debug!(%error, "cannot lower the priority of the thread that watches");
    }
}

/// CPU time of the calling thread, in nanoseconds.
pub(crate) fn thread_cpu_ns() -> u64 {
    let cpu = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, ns) = (u64::try_from(cpu.tv_sec), u64::try_from(cpu.tv_nsec));
    seconds.unwrap_or(0).saturating_mul(1_000_000_000).saturating_add(ns.unwrap_or(0))
}

/// A line of `/proc/self/status` (proc_pid_status(5)), which counts in KiB.
fn status_bytes(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lines_of_the_status() {
        let status = "Name:\tx\nVmPeak:\t  9 kB\nVmHWM:\t  123 kB\nVmRSS:\t 45 kB\n";
        assert_eq!(status_bytes(status, "VmHWM:"), 123 * 1024);
        assert_eq!(status_bytes(status, "VmRSS:"), 45 * 1024);
        assert_eq!(status_bytes("Name:\tx\n", "VmHWM:"), 0);
    }

    #[test]
    fn cpu_time_passes_with_work() {
        let (before, thread_ns) = (usage(), thread_cpu_ns());
        let mut sum = 0_u64;
        while usage().cpu_s <= before.cpu_s {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(thread_cpu_ns() > thread_ns);
        assert!(usage().rss_max_bytes > 0 || cfg!(not(target_os = "linux")));
    }
}
