//! Name look-up, once a run.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use stresshost_clock::Clock;

use crate::http::Resolve;
use crate::http::limits::{FAILED_LOOKUP_NS, MAX_ADDRESSES, MAX_CACHED_NAMES};

/// Addresses of the names a run uses.
pub(crate) struct Resolver {
    rules: HashMap<(Box<str>, u16), Vec<SocketAddr>>,
    names: Mutex<HashMap<Box<str>, Arc<Name>>>,
}

/// One name. The async lock makes a single task look it up while the others wait for the result.
#[derive(Default)]
struct Name {
    answer: tokio::sync::Mutex<Answer>,
}

#[derive(Clone, Default)]
enum Answer {
    #[default]
    Unknown,
    Known(Arc<[IpAddr]>),
    /// Not asked again before this time.
    Failed {
        text: Box<str>,
        until_ns: u64,
    },
}

impl Resolver {
    pub(crate) fn new(rules: &[Resolve]) -> Self {
        let mut map: HashMap<(Box<str>, u16), Vec<SocketAddr>> = HashMap::new();
        for rule in rules {
            map.entry((rule.host.as_str().into(), rule.port)).or_default().push(rule.to);
        }
        Self { rules: map, names: Mutex::default() }
    }

    /// The addresses to try for `host:port`, in order.
    pub(crate) async fn resolve(
        &self,
        host: &str,
        port: u16,
        clock: Clock,
    ) -> Result<Vec<SocketAddr>, String> {
        if let Some(addresses) = self.rules.get(&(host.into(), port)) {
            return Ok(addresses.clone());
        }
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let name = self.name(host);
        let mut answer = name.answer.lock().await;
        let known = match &*answer {
            Answer::Known(addresses) => Some(Ok(Arc::clone(addresses))),
            Answer::Failed { text, until_ns } if clock.now_ns() < *until_ns => Some(Err(text.clone())),
            _ => None,
        };
        let found = match known {
            Some(found) => found,
            None => {
                let found = look_up(host).await;
                *answer = match &found {
                    Ok(addresses) => Answer::Known(Arc::clone(addresses)),
                    Err(text) => {
                        Answer::Failed { text: text.clone(), until_ns: clock.now_ns() + FAILED_LOOKUP_NS }
                    }
                };
                found
            }
        };
        let addresses = found.map_err(String::from)?;
        Ok(addresses.iter().map(|&address| SocketAddr::new(address, port)).collect())
    }

    fn name(&self, host: &str) -> Arc<Name> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = names.get(host) {
            return Arc::clone(name);
        }
        let name = Arc::new(Name::default());
        if names.len() < MAX_CACHED_NAMES {
            names.insert(host.into(), Arc::clone(&name));
        }
        name
    }
}

async fn look_up(host: &str) -> Result<Arc<[IpAddr]>, Box<str>> {
    let found = tokio::net::lookup_host((host, 0)).await.map_err(|error| error.to_string())?;
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in found {
        if addresses.len() < MAX_ADDRESSES && !addresses.contains(&address.ip()) {
            addresses.push(address.ip());
        }
    }
    if addresses.is_empty() { Err("the name has no address".into()) } else { Ok(addresses.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn rules_come_first_and_addresses_need_no_look_up() {
        let rule: Resolve = "nowhere.invalid:80=127.0.0.1:8080".parse().unwrap();
        let resolver = Resolver::new(&[rule]);
        let clock = Clock::start();
        let found = resolver.resolve("nowhere.invalid", 80, clock).await.unwrap();
        assert_eq!(found, ["127.0.0.1:8080".parse().unwrap()]);
        let found = resolver.resolve("::1", 81, clock).await.unwrap();
        assert_eq!(found, ["[::1]:81".parse().unwrap()]);
        assert!(resolver.names.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn answers_and_failures_are_remembered() {
        let resolver = Resolver::new(&[]);
        let clock = Clock::start();
        let first = resolver.resolve("localhost", 80, clock).await.unwrap();
        assert!(first.iter().all(|a| a.ip().is_loopback() && a.port() == 80));
        let second = resolver.resolve("localhost", 81, clock).await.unwrap();
        assert_eq!(first.len(), second.len());
        assert_eq!(resolver.names.lock().unwrap().len(), 1);

        let failed = resolver.resolve("nowhere.invalid", 80, clock).await.unwrap_err();
        let name = resolver.name("nowhere.invalid");
        assert!(matches!(&*name.answer.lock().await, Answer::Failed { text, .. } if text.as_ref() == failed));
    }
}
