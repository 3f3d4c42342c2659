//! A private docker-registry, the CNCF's Distribution, on a free port of this machine.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How often it is asked whether it has begun, and the pause between: it tells nobody by itself.
const MAX_ASKED: u32 = 2_000;
const PAUSE: Duration = Duration::from_millis(10);

/// One that runs; it ends with this value. What was pushed stays in its directory.
pub struct DockerRegistry {
    child: Child,
    port: u16,
}

impl DockerRegistry {
    /// Starts one that keeps everything in `dir`. With a line of htpasswd (bcrypt), nothing goes without that login.
    ///
    /// # Panics
    /// When the program is missing or does not start.
    pub fn start(dir: &Path, login: Option<&str>) -> Self {
        // A port that is free now: the registry takes no listener.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = port.expect("a free port").port();
        let auth = login.map(|line| htpasswd(dir, line)).unwrap_or_default();
        let config = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: 127.0.0.1:{port}}}\n{auth}",
            dir.join("data").display()
        );
        let path = dir.join("registry.yaml");
        std::fs::write(&path, config).expect("write the registry's config");
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = child.expect("docker-registry is needed: apt-get install docker-registry");
        let started = Self { child, port };
        started.await_answer();
        started
    }

    fn await_answer(&self) {
        for _ in 0..MAX_ASKED {
            if self.get("/v2/").is_some() {
                return;
            }
            std::thread::sleep(PAUSE);
        }
        panic!("docker-registry does not answer within {:?}", PAUSE * MAX_ASKED);
    }

    /// Address with port.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Asks for a path; the whole answer, or nothing when nobody answers.
    pub fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\naccept: {accept}\r\nconnection: close\r\n\r\n")
            .ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        (!answer.is_empty()).then(|| String::from_utf8_lossy(&answer).into_owned())
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The part of a config that asks for a login.
fn htpasswd(dir: &Path, line: &str) -> String {
    let path = dir.join("htpasswd");
    std::fs::write(&path, format!("{line}\n")).expect("write the registry's users");
    format!("auth: {{htpasswd: {{realm: test, path: {}}}}}\n", path.display())
}
