//! `redis`: commands. What is sent is measured in [`redis`](crate::redis).

use stresshost_io::redis::ReplyError;
use stresshost_metrics::SandboxLimit;

use crate::bindings::redis::{Call, Command, Host, Target};
use crate::firing::refused;
use crate::imports::{NOT_LIVE, error_name};
use crate::redis::{RedisSide, RedisWish};
use crate::state::VuState;
use crate::waiting::{Fulfilled, Wish};

impl Host for VuState {
    async fn open(&mut self, target: Target) -> Result<u32, String> {
        let wish = RedisWish::Open { url: target.url, options: target.options };
        match self.wish(Wish::Redis(wish)).await {
            Some(Fulfilled::Handle(handle)) => handle,
            _ => Err(NOT_LIVE.to_owned()),
        }
    }

    fn server(&mut self, connection: u32) -> String {
        self.redis_side(|side| side.server(connection)).unwrap_or_default()
    }

    fn close(&mut self, connection: u32) {
        if let Some(mut live) = self.granted() {
            live.redis_close(connection);
        }
    }

    fn prepare(&mut self, connection: u32, command: Command) -> Result<u32, String> {
        self.granted().ok_or(NOT_LIVE)?.redis_prepare(connection, &command)
    }

    async fn send(&mut self, command: u32) -> u64 {
        self.send_with(command, Vec::new()).await
    }

    async fn send_with(&mut self, command: u32, values: Vec<Vec<u8>>) -> u64 {
        match self.wish(Wish::Redis(RedisWish::Send { command, values })).await {
            Some(Fulfilled::Answer(answer)) => answer,
            _ => refused(0),
        }
    }

    async fn pipeline(&mut self, calls: Vec<Call>) -> Vec<u64> {
        let count = calls.len();
        match self.wish(Wish::Redis(RedisWish::Pipeline(calls))).await {
            Some(Fulfilled::Answers(answers)) => answers,
            _ => vec![refused(0); count],
        }
    }

    fn integer(&mut self, answer: u32) -> Option<i64> {
        self.redis_side(|side| side.reply(answer)?.text().ok()?.integer())
    }

    fn bytes(&mut self, answer: u32) -> Option<Vec<u8>> {
        let text = self.redis_side(|side| {
            Some(side.reply(answer)?.text().map(|text| text.bytes().map(<[u8]>::to_vec)))
        })?;
        text.unwrap_or_else(|error| {
            self.count_unkept_reply(error);
            None
        })
    }

    fn value(&mut self, answer: u32) -> Result<String, String> {
        let text = self.redis_side(|side| Some(side.reply(answer)?.text().map(|text| text.json())));
        text.unwrap_or(Err(ReplyError::Gone)).and_then(|json| json.ok_or(ReplyError::Gone)).map_err(|error| {
            self.count_unkept_reply(error);
            error.to_string()
        })
    }

    fn duration_us(&mut self, answer: u32) -> u64 {
        self.redis_side(|side| Some(side.answered(answer)?.duration_us)).unwrap_or_default()
    }

    fn error_code(&mut self, answer: u32) -> String {
        self.redis_side(|side| Some(side.error_code(answer))).unwrap_or_default()
    }

    fn error_text(&mut self, answer: u32) -> String {
        self.redis_side(|side| side.answered(answer)?.error_text.as_deref().map(str::to_owned))
            .unwrap_or_default()
    }

    fn error_name(&mut self, error: u32) -> String {
        error_name(error)
    }
}

impl VuState {
    fn redis_side<T>(&self, read: impl FnOnce(&RedisSide) -> Option<T>) -> Option<T> {
        let live = self.granted()?;
        read(live.redis.as_deref()?)
    }

    /// Counts a reply that was asked for and is not there in whole.
    fn count_unkept_reply(&self, error: ReplyError) {
        if error == ReplyError::NotKept {
            self.reached(SandboxLimit::BodyBytes);
        }
    }
}
