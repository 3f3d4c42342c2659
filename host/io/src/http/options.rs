//! The options of one request.

use super::config::{HttpConfig, HttpVersion};
use super::limits::MAX_REDIRECTS;

/// Names of the options, for messages.
const KNOWN: &str = "connect-timeout-ms, decompress, expect-status, follow-redirects, http-version, keep-alive, \
                     timeout-ms";

/// The settings of one request: the run's, as its options changed them.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) request_timeout_ns: u64,
    pub(crate) connect_timeout_ns: u64,
    pub(crate) keep_alive: bool,
    pub(crate) version: HttpVersion,
    pub(crate) follow_redirects: u32,
    pub(crate) decompress: bool,
    /// Inclusive ranges of the statuses that are no failure; `None` for every status below 400.
    pub(crate) expect_status: Option<Vec<(u16, u16)>>,
}

impl Options {
    /// Reads `options` over the run's settings; on failure the option's name and what is wrong.
    pub(crate) fn read(config: &HttpConfig, options: &[(String, String)]) -> Result<Self, (String, String)> {
        let mut read = Self {
            request_timeout_ns: ms(config.request_timeout_ms),
            connect_timeout_ns: ms(config.connect_timeout_ms),
            keep_alive: config.keep_alive,
            version: config.version,
            follow_redirects: 0,
            decompress: false,
            expect_status: None,
        };
        for (name, value) in options {
            read.set(name, value.trim()).map_err(|reason| (name.clone(), reason))?;
        }
        Ok(read)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "timeout-ms" => self.request_timeout_ns = millis(value)?,
            "connect-timeout-ms" => self.connect_timeout_ns = millis(value)?,
            "keep-alive" => self.keep_alive = boolean(value)?,
            "decompress" => self.decompress = boolean(value)?,
            "expect-status" => self.expect_status = Some(ranges(value)?),
            "http-version" => {
                self.version = value.parse().map_err(|()| format!("`{value}` is not one of auto, 1.1, 2"))?;
            }
            "follow-redirects" => {
                let hops: u32 =
                    value.parse().map_err(|_| format!("`{value}` is not a number of redirects"))?;
                if hops > MAX_REDIRECTS {
                    return Err(format!(
                        "{hops} redirects are more than the {MAX_REDIRECTS} that may be followed"
                    ));
                }
                self.follow_redirects = hops;
            }
            _ => return Err(format!("there is no such option; there are: {KNOWN}")),
        }
        Ok(())
    }

    /// Whether a status is no failure.
    pub(crate) fn expects(&self, status: u16) -> bool {
        match &self.expect_status {
            None => status < 400,
            Some(ranges) => ranges.iter().any(|&(from, to)| (from..=to).contains(&status)),
        }
    }
}

fn ms(ms: u64) -> u64 {
    ms.saturating_mul(stresshost_clock::NS_PER_MS)
}

fn millis(value: &str) -> Result<u64, String> {
    match value.parse() {
        Ok(0) | Err(_) => Err(format!("`{value}` is not a positive number of milliseconds")),
        Ok(number) => Ok(ms(number)),
    }
}

fn boolean(value: &str) -> Result<bool, String> {
    value.parse().map_err(|_| format!("`{value}` is neither true nor false"))
}

/// Reads `200-299,404`.
fn ranges(value: &str) -> Result<Vec<(u16, u16)>, String> {
    let bad = || format!("`{value}` is not a list of statuses such as `200-299,404`");
    let status = |text: &str| match text.trim().parse::<u16>() {
        Ok(status) if (100..=999).contains(&status) => Ok(status),
        _ => Err(bad()),
    };
    let mut ranges = Vec::new();
    for part in value.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to) = (status(from)?, status(to)?);
        if from > to {
            return Err(bad());
        }
        ranges.push((from, to));
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(options: &[(&str, &str)]) -> Result<Options, (String, String)> {
        let options: Vec<_> = options.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect();
        Options::read(&HttpConfig::default(), &options)
    }

    #[test]
    fn reads_every_option() {
        let options = read(&[
            ("timeout-ms", "5"),
            ("connect-timeout-ms", "6"),
            ("keep-alive", "false"),
            ("decompress", "true"),
            ("follow-redirects", "3"),
            ("http-version", "2"),
            ("expect-status", "200-299, 404"),
        ])
        .unwrap();
        assert_eq!((options.request_timeout_ns, options.connect_timeout_ns), (5_000_000, 6_000_000));
        assert!(!options.keep_alive && options.decompress);
        assert_eq!((options.follow_redirects, options.version), (3, HttpVersion::Http2));
        assert!(
            options.expects(204) && options.expects(404) && !options.expects(301) && !options.expects(500)
        );
        let plain = read(&[]).unwrap();
        assert!(plain.expects(200) && plain.expects(399) && !plain.expects(400));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for (name, value) in [
            ("timeout-ms", "0"),
            ("timeout-ms", "5s"),
            ("keep-alive", "yes"),
            ("expect-status", "2xx"),
            ("expect-status", "299-200"),
            ("expect-status", ""),
            ("expect-status", "20"),
            ("http-version", "3"),
            ("follow-redirects", "51"),
        ] {
            let (named, reason) = read(&[(name, value)]).unwrap_err();
            assert_eq!(named, name);
            assert!(!reason.is_empty(), "{name}={value}");
        }
        let (_, reason) = read(&[("retries", "1")]).unwrap_err();
        assert!(reason.contains("decompress") && reason.contains("timeout-ms"), "{reason}");
    }
}
