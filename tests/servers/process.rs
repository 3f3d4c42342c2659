//! A server's process: under which user, how long, in which directory.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{Pid, User, geteuid};

/// How directories of servers begin; the id of the process that started them follows.
const PREFIX: &str = "stresshost-servers-";

/// Looks at a server that starts.
const LOOKS: u32 = 3_000;

/// What lies between two of them.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// A server program that runs.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    /// Closed when it ends.
    ended: mpsc::Receiver<()>,
    stop: Signal,
}

impl Running {
    /// Starts a program as `user` when this process is root's, which no database server agrees to be. The system sends it
    /// `stop` when this process is gone.
    pub(crate) fn start(
        user: &str,
        program: &Path,
        args: &[String],
        log: &Path,
        stop: Signal,
    ) -> Result<Self, String> {
        let mut command = as_user(user, program, Some(stop))?;
        let file = fs::File::create(log).map_err(told(log))?;
        let errors = file.try_clone().map_err(told(log))?;
        command.args(args).stdin(Stdio::null()).stdout(file).stderr(errors);
        let (child, ended) = spawn(command).map_err(told(program))?;
        Ok(Self { child, ended, stop })
    }

    /// Waits until `ready` says so; Err with the program's log when it ends before.
    pub(crate) fn await_ready(&mut self, log: &Path, ready: impl Fn() -> bool) -> Result<(), String> {
        let said = || fs::read_to_string(log).unwrap_or_default();
        for _ in 0..LOOKS {
            // Its end is announced, that it is ready is not. The end comes first: another program may answer at its port.
            if self.ended.recv_timeout(BETWEEN_LOOKS) != Err(RecvTimeoutError::Timeout) {
                let status = self.child.wait().map_err(told(log))?;
                return Err(format!("the server ended with {status}:\n{}", said()));
            }
            if ready() {
                return Ok(());
            }
        }
        Err(format!("the server does not answer:\n{}", said()))
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(0));
        if kill(pid, self.stop).is_ok() {
            // It has ended in any case.
            drop(self.child.wait());
        }
    }
}

/// Starts a process from a thread that lives as long as the process does: the signal at the parent's end is sent at the end
/// of the *thread* that started it. The receiver is disconnected when the process ends.
fn spawn(mut command: Command) -> std::io::Result<(Child, mpsc::Receiver<()>)> {
    let (started, starting) = mpsc::channel();
    let (running, ended) = mpsc::channel();
    thread::Builder::new().name("servers".to_owned()).spawn(move || {
        let child = command.spawn();
        let pid = child.as_ref().ok().and_then(|child| i32::try_from(child.id()).ok());
        drop(started.send(child));
        if let Some(pid) = pid {
            // It is left to be reaped by its owner, so that nobody else is given its id before.
            let its_end = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
            while waitid(Id::Pid(Pid::from_raw(pid)), its_end) == Err(Errno::EINTR) {}
        }
        drop::<mpsc::Sender<()>>(running);
    })?;
    let gone = || Err(std::io::Error::other("the thread that starts servers is gone"));
    Ok((starting.recv().unwrap_or_else(|_| gone())?, ended))
}

/// A program to be run as `user` when this process is root's.
pub(crate) fn as_user(user: &str, program: &Path, at_parents_end: Option<Signal>) -> Result<Command, String> {
    let mut command = Command::new("setpriv");
    if let Some(signal) = at_parents_end {
        command.arg("--pdeathsig").arg(signal.as_str().trim_start_matches("SIG"));
    }
    if geteuid().is_root() {
        command.args(["--reuid", user, "--regid", user, "--clear-groups"]);
    }
    command.arg("--").arg(program).env("LC_ALL", "C.UTF-8");
    Ok(command)
}

/// Runs a program to its end; its output.
pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().map_err(told(&command))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if status.success() {
        return Ok(text(&stdout));
    }
    Err(format!("{command:?} ended with {status}:\n{}{}", text(&stdout), text(&stderr)))
}

/// A directory for a server that belongs to `user`. Those of processes that are gone are removed.
pub(crate) fn directory(user: &str) -> Result<PathBuf, String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let parent = std::env::temp_dir();
    for entry in fs::read_dir(&parent).map_err(told(&parent))?.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            // Another process may remove it at the same time.
            drop(fs::remove_dir_all(entry.path()));
        }
    }
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
    fs::create_dir(&path).map_err(told(&path))?;
    if geteuid().is_root() {
        let owner =
            User::from_name(user).ok().flatten().ok_or_else(|| format!("there is no user `{user}`"))?;
        std::os::unix::fs::chown(&path, Some(owner.uid.as_raw()), Some(owner.gid.as_raw()))
            .map_err(told(&path))?;
    }
    Ok(path)
}

/// A program in the `PATH`, where Debian keeps servers, which a user's `PATH` may lack, or in one of `directories`.
pub fn search(name: &str, directories: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let servers = ["/usr/sbin".into(), "/usr/local/sbin".into()];
    let all = std::env::split_paths(&path).chain(servers).chain(directories.iter().cloned());
    all.map(|directory| directory.join(name)).find(|program| program.is_file())
}

/// A program; Err with the package that has it.
pub(crate) fn find(name: &str, directories: &[PathBuf], package: &str) -> Result<PathBuf, String> {
    search(name, directories)
        .ok_or_else(|| format!("`{name}` is missing; install it: apt-get install {package}"))
}

/// A loopback port that is free now. Nobody else in this process is given the same: of two servers that start at once, one
/// would be taken for the other.
pub(crate) fn free_port() -> Result<u16, String> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(told(&"a free port"))?;
        let port = listener.local_addr().map_err(told(&"a free port"))?.port();
        if GIVEN.lock().unwrap_or_else(PoisonError::into_inner).insert(port) {
            return Ok(port);
        }
    }
}

/// Whether a server listens at a loopback port. A connection to a port of the range that clients are given, where nobody
/// listens, can be made to itself.
pub(crate) fn listens(port: u16) -> bool {
    let connected = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
    connected.is_ok_and(|stream| stream.local_addr().is_ok_and(|own| own.port() != port))
}

/// Says of what something failed.
pub(crate) fn told<E: std::fmt::Display>(what: &(impl Debug + ?Sized)) -> impl FnOnce(E) -> String {
    let what = format!("{what:?}");
    move |error| format!("{what}: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_twice() {
        let ports: BTreeSet<u16> = (0..3_000).map(|_| free_port().unwrap()).collect();
        assert_eq!(ports.len(), 3_000);
    }

    #[test]
    fn who_listens_is_found() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(listens(port));
        drop(listener);
        assert!(!listens(port));
    }

    #[test]
    fn a_server_that_has_ended_is_not_ready_because_another_answers() {
        let directory = directory("root").unwrap();
        let log = directory.join("log");
        let args = ["-c".to_owned(), "echo taken; exit 1".to_owned()];
        let mut running = Running::start("root", Path::new("/bin/sh"), &args, &log, Signal::SIGKILL).unwrap();
        drop(running.child.wait());
        let error = running.await_ready(&log, || true).unwrap_err();
        assert!(error.contains("taken"), "{error}");
        fs::remove_dir_all(directory).unwrap();
    }
}
