//! Makes connections that requests can be sent on.

use stresshost_metrics::{ErrorKind, Phases};

use super::config::HttpVersion;
use super::h2::{self, Http2};
use crate::dial::Dial;
use crate::failure::Failure;
use crate::stream::Stream;

/// What to connect to, and how.
pub(crate) struct Plan {
    pub(crate) dial: Dial,
    pub(crate) version: HttpVersion,
}

/// A connection ready for requests.
pub(crate) enum Protocol {
    Http1(Stream),
    Http2(Http2),
}

/// A connection attempt that ended, well or not, and where its time went.
pub(crate) struct Connected {
    pub(crate) result: Result<Protocol, Failure>,
    pub(crate) phases: Phases,
    pub(crate) at_ns: u64,
}

/// Connects within the plan's timeout.
pub(crate) async fn connect(plan: Plan) -> Connected {
    let mut phases = Phases::default();
    let result = plan.dial.within_limit(plan.attempt(&mut phases)).await;
    Connected { result, phases, at_ns: plan.dial.clock.now_ns() }
}

impl Plan {
    async fn attempt(&self, phases: &mut Phases) -> Result<Protocol, Failure> {
        if self.dial.origin.is_tls() {
            // Boxed like HTTP/2's start: thousands of users connect at the same time, most without either.
            return Box::pin(self.encrypted(phases)).await;
        }
        let stream = self.dial.plain(phases).await?;
        if self.version == HttpVersion::Http2 {
            return Box::pin(h2::start(stream, self.dial.shared.config())).await.map(Protocol::Http2);
        }
        Ok(Protocol::Http1(stream))
    }

    async fn encrypted(&self, phases: &mut Phases) -> Result<Protocol, Failure> {
        let stream = self.dial.encrypted(Some(self.version), None, phases).await?;
        let speaks_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let stream = Stream::Tls(stream);
        if speaks_http2 {
            let start = h2::start(stream, self.dial.shared.config());
            return self.dial.timed(&mut phases.tls_ns, start).await.map(Protocol::Http2);
        }
        if self.version == HttpVersion::Http2 {
            let text = format!("{} does not offer HTTP/2", self.dial.origin);
            return Err(Failure::new(ErrorKind::Tls, text));
        }
        Ok(Protocol::Http1(stream))
    }
}
