//! What the machine can bear: looked at before a run begins, not during.

use std::fs;

use stresshost_plan::{Plan, Requirements};

/// Resident memory of a virtual user with a live connection, in bytes: measured at 1,000 and rounded up.
const BYTES_PER_VU: u64 = 112 << 10;

/// Resident memory of the host itself, in bytes.
const BYTES_OF_HOST: u64 = 128 << 20;

/// Descriptors the host itself needs: files, sockets, timers, event queues.
const DESCRIPTORS_OF_HOST: u64 = 64;

/// Kernel mappings of a virtual user: memory, tables and stack, each with guard pages.
const MAPPINGS_PER_VU: u64 = 6;

/// Kernel mappings of the host itself: libraries, heaps, threads.
const MAPPINGS_OF_HOST: u64 = 1_000;

/// How long the kernel keeps the port of a closed connection, in seconds (`TCP_TIMEWAIT_LEN` of Linux).
const TIME_WAIT_S: f64 = 60.0;

/// Virtual users per core that `--vus auto` takes at most: more only wait for their turn.
const AUTO_VUS_PER_CORE: u64 = 1_000;

/// Of what the machine has, `--vus auto` leaves this share to others.
const AUTO_SPARE: u64 = 2;

/// Limits of this machine; `None` where the system does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Machine {
    /// Most descriptors this process can have, when it asks for all it may.
    pub(crate) descriptors: Option<u64>,
    pub(crate) mappings: Option<u64>,
    /// Local ports for connections to one address.
    pub(crate) ports: Option<u64>,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) cores: u64,
}

/// Something the machine has too little of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shortfall {
    what: &'static str,
    need: u64,
    have: u64,
    /// The command that helps.
    remedy: String,
}

impl std::fmt::Display for Shortfall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { what, need, have, remedy } = self;
        write!(f, "{what}: the plan needs {need}, this machine has {have}; {remedy}")
    }
}

impl Machine {
    /// Reads the limits, after raising the soft limit of descriptors as far as it goes.
    pub(crate) fn read() -> Self {
        Self {
            descriptors: raise_descriptors(),
            mappings: number("/proc/sys/vm/max_map_count"),
            ports: fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
                .ok()
                .and_then(|text| ports(&text)),
            memory_bytes: memory_bytes(),
            cores: std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64),
        }
    }

    /// What a plan needs more of than there is.
    pub(crate) fn shortfalls(&self, plan: &Plan) -> Vec<Shortfall> {
        let Requirements { peak_vus: vus, peak_rate_per_s: rate_per_s, .. } = plan.requirements();
        let mut found = Vec::new();
        let mut check = |what, need: u64, have: Option<u64>, remedy: &dyn Fn(u64) -> String| {
            if let Some(have) = have.filter(|have| *have < need) {
                found.push(Shortfall { what, need, have, remedy: remedy(need) });
            }
        };
        let descriptors = vus.saturating_add(DESCRIPTORS_OF_HOST);
        check("file descriptors", descriptors, self.descriptors, &|need| {
            format!("`ulimit -n {need}` as root, or `nofile` in /etc/security/limits.conf, raises it")
        });
        let mappings = vus.saturating_mul(MAPPINGS_PER_VU).saturating_add(MAPPINGS_OF_HOST);
        check("memory mappings", mappings, self.mappings, &|need| {
            format!("`sudo sysctl -w vm.max_map_count={need}` raises it")
        });
        check("local ports", ports_needed(plan, vus, rate_per_s), self.ports, &|_| {
            "`sudo sysctl -w net.ipv4.ip_local_port_range='1024 65535'` raises it; \
             keeping connections alive or several targets help too"
                .to_owned()
        });
        let memory = vus.saturating_mul(BYTES_PER_VU).saturating_add(BYTES_OF_HOST);
        check("bytes of memory", memory, self.memory_bytes, &|_| {
            "fewer virtual users, or a machine with more memory".to_owned()
        });
        found
    }

    /// The number of virtual users that this machine safely holds, and what decides it.
    pub(crate) fn safe_vus(&self) -> (u64, &'static str) {
        let part = |have: Option<u64>, host: u64, each: u64| {
            have.map(|have| have.saturating_sub(host) / each / AUTO_SPARE)
        };
        let candidates = [
            (Some(self.cores.saturating_mul(AUTO_VUS_PER_CORE)), "its cores"),
            (part(self.memory_bytes, BYTES_OF_HOST, BYTES_PER_VU), "its memory"),
            (part(self.descriptors, DESCRIPTORS_OF_HOST, 1), "its file descriptors"),
            (part(self.mappings, MAPPINGS_OF_HOST, MAPPINGS_PER_VU), "its memory mappings"),
            (part(self.ports, 0, 1), "its local ports"),
        ];
        let known = candidates.into_iter().filter_map(|(vus, why)| Some((vus?.max(1), why)));
        known.min_by_key(|(vus, _)| *vus).unwrap_or((1, "nothing known"))
    }

    /// What a plan will need of this machine, in words, a line each.
    pub(crate) fn needs(&self, plan: &Plan) -> Vec<String> {
        let vus = plan.vus();
        let of = |have: Option<u64>| have.map_or_else(String::new, |have| format!(" of {have}"));
        let memory_mib = (vus.saturating_mul(BYTES_PER_VU).saturating_add(BYTES_OF_HOST)) >> 20;
        vec![
            format!("descriptors {}{}", vus.saturating_add(DESCRIPTORS_OF_HOST), of(self.descriptors)),
            format!(
                "mappings {}{}",
                vus.saturating_mul(MAPPINGS_PER_VU).saturating_add(MAPPINGS_OF_HOST),
                of(self.mappings)
            ),
            format!(
                "memory about {memory_mib} MiB{}",
                self.memory_bytes.map_or_else(String::new, |bytes| { format!(" of {} MiB", bytes >> 20) })
            ),
        ]
    }
}

/// Ports to one address in use at once: one a virtual user; without keep-alive also those that are not free yet.
fn ports_needed(plan: &Plan, vus: u64, rate_per_s: Option<f64>) -> u64 {
    // With several targets each address has all ports to itself, and how users spread is the plugin's business.
    if plan.targets.len() != 1 || plan.targets[0].starts_with("http+unix:") {
        return 0;
    }
    match rate_per_s {
        Some(rate) if plan.http.keep_alive == Some(false) => vus.saturating_add((rate * TIME_WAIT_S) as u64),
        _ => vus,
    }
}

/// Raises the soft limit of descriptors to the hard one; what it is then.
fn raise_descriptors() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // A refusal leaves the limit as it was, which is what is told.
    let _refused = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    // No limit at all is one that nothing reaches.
    Some(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX))
}

fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// `ip_local_port_range`: the first and the last port.
fn ports(range: &str) -> Option<u64> {
    let mut ends = range.split_whitespace().map(str::parse::<u64>);
    let (first, last) = (ends.next()?.ok()?, ends.next()?.ok()?);
    Some((last + 1).saturating_sub(first))
}

/// Memory that is free for use: the machine's, or less when a control group (v2) allows less.
pub(crate) fn memory_bytes() -> Option<u64> {
    let available = fs::read_to_string("/proc/meminfo").ok().and_then(|text| available_bytes(&text))?;
    Some(number("/sys/fs/cgroup/memory.max").map_or(available, |limit| available.min(limit)))
}

/// The `MemAvailable` line of `/proc/meminfo` (proc_meminfo(5)), which counts in KiB.
fn available_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use stresshost_plan::{ConstantArrivalRate, ConstantVus, Executor, HttpOptions, Scenario};

    use super::*;

    const MACHINE: Machine = Machine {
        descriptors: Some(20_000),
        mappings: Some(65_530),
        ports: Some(28_232),
        memory_bytes: Some(8 << 30),
        cores: 4,
    };

    fn plan(executor: Executor) -> Plan {
        let targets = vec!["http://shop.test:80".to_owned()];
        Plan { targets, scenarios: vec![Scenario::new("main", executor)], ..Plan::default() }
    }

    fn users(vus: u64) -> Plan {
        plan(Executor::ConstantVus(ConstantVus { vus, duration_ms: 1_000, ramp_up_ms: 0 }))
    }

    fn what(shortfalls: &[Shortfall]) -> Vec<&str> {
        shortfalls.iter().map(|shortfall| shortfall.what).collect()
    }

    #[test]
    fn a_plan_that_fits_lacks_nothing() {
        assert_eq!(MACHINE.shortfalls(&users(10_000)), []);
        assert_eq!(Machine { cores: 1, ..Machine::default() }.shortfalls(&users(1_000_000)), []);
    }

    #[test]
    fn each_limit_is_named_with_the_command_that_raises_it() {
        let found = MACHINE.shortfalls(&users(100_000));
        assert_eq!(what(&found), ["file descriptors", "memory mappings", "local ports", "bytes of memory"]);
        let text: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert!(text[0].contains("needs 100064, this machine has 20000; `ulimit -n 100064`"), "{}", text[0]);
        assert!(text[1].contains("sysctl -w vm.max_map_count=601000"), "{}", text[1]);
    }

    #[test]
    fn connections_that_are_closed_keep_their_ports_for_a_minute() {
        let rate =
            ConstantArrivalRate { rate_per_s: 1_000.0, duration_ms: 1_000, vus: 10, ..Default::default() };
        let mut plan = plan(Executor::ConstantArrivalRate(rate));
        assert_eq!(MACHINE.shortfalls(&plan), []);
        plan.http = HttpOptions { keep_alive: Some(false), ..HttpOptions::default() };
        assert_eq!(what(&MACHINE.shortfalls(&plan)), ["local ports"]);
    }

    #[test]
    fn the_scarcest_decides_how_many_users_are_safe() {
        assert_eq!(MACHINE.safe_vus(), (4_000, "its cores"));
        assert_eq!(Machine { mappings: Some(13_000), ..MACHINE }.safe_vus(), (1_000, "its memory mappings"));
        assert_eq!(Machine { memory_bytes: Some(0), ..MACHINE }.safe_vus(), (1, "its memory"));
    }

    #[test]
    fn reads_what_the_kernel_writes() {
        assert_eq!(ports("32768\t60999\n"), Some(28_232));
        assert_eq!(ports("x"), None);
        assert_eq!(available_bytes("MemTotal: 9 kB\nMemAvailable:   2048 kB\n"), Some(2 << 20));
        let machine = Machine::read();
        assert!(machine.cores > 0 && machine.descriptors.is_some_and(|limit| limit > 0));
    }
}
