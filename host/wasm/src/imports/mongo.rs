//! `mongo`: commands. What is sent is measured in [`mongo`](crate::mongo).

use stresshost_io::mongo::{ReplyError, Value};
use stresshost_metrics::SandboxLimit;

use crate::bindings::mongo::{Command, Host, Target, Value as GuestValue};
use crate::firing::refused;
use crate::imports::{NOT_LIVE, error_name};
use crate::mongo::{Answered, MongoSide, MongoWish};
use crate::state::VuState;
use crate::waiting::{Fulfilled, Wish};

impl Host for VuState {
    async fn open(&mut self, target: Target) -> Result<u32, String> {
        let wish = MongoWish::Open { url: target.url, options: target.options };
        match self.wish(Wish::Mongo(wish)).await {
            Some(Fulfilled::Handle(handle)) => handle,
            _ => Err(NOT_LIVE.to_owned()),
        }
    }

    fn server(&mut self, connection: u32) -> String {
        self.mongo_side(|side| side.server(connection)).unwrap_or_default()
    }

    fn close(&mut self, connection: u32) {
        if let Some(mut live) = self.granted() {
            live.mongo_close(connection);
        }
    }

    fn prepare(&mut self, connection: u32, command: Command) -> Result<u32, String> {
        self.granted().ok_or(NOT_LIVE)?.mongo_prepare(connection, &command)
    }

    async fn execute(&mut self, command: u32, values: Vec<GuestValue>) -> u64 {
        let values = values.into_iter().map(owned).collect();
        self.command(MongoWish::Execute { command, values }).await
    }

    async fn run(&mut self, connection: u32, name: String, text: String) -> u64 {
        self.command(MongoWish::Run { connection, name, text }).await
    }

    fn count(&mut self, answer: u32) -> u64 {
        self.mongo_answered(answer, |answered| answered.count).unwrap_or(0)
    }

    fn reply(&mut self, answer: u32) -> Result<String, String> {
        let reply = self.mongo_side(|side| Some(side.reply(answer)));
        reply.unwrap_or(Err(ReplyError::Gone)).map_err(|error| {
            if error == ReplyError::NotKept {
                self.reached(SandboxLimit::BodyBytes);
            }
            error.to_string()
        })
    }

    fn duration_us(&mut self, answer: u32) -> u64 {
        self.mongo_answered(answer, |answered| answered.duration_us).unwrap_or(0)
    }

    fn error_code(&mut self, answer: u32) -> String {
        let code = self.mongo_answered(answer, |answered| answered.error_code).flatten();
        code.map(|code| code.to_string()).unwrap_or_default()
    }

    fn error_text(&mut self, answer: u32) -> String {
        let text = self.mongo_answered(answer, |answered| answered.error_text.as_deref().map(str::to_owned));
        text.flatten().unwrap_or_default()
    }

    fn error_name(&mut self, error: u32) -> String {
        error_name(error)
    }
}

impl VuState {
    async fn command(&mut self, wish: MongoWish) -> u64 {
        match self.wish(Wish::Mongo(wish)).await {
            Some(Fulfilled::Answer(answer)) => answer,
            _ => refused(0),
        }
    }

    fn mongo_side<T>(&self, read: impl FnOnce(&MongoSide) -> Option<T>) -> Option<T> {
        let live = self.granted()?;
        read(live.mongo.as_deref()?)
    }

    fn mongo_answered<T>(&self, answer: u32, read: impl FnOnce(&Answered) -> T) -> Option<T> {
        self.mongo_side(|side| side.answered(answer).map(read))
    }
}

fn owned(value: GuestValue) -> Value {
    match value {
        GuestValue::Null => Value::Null,
        GuestValue::Boolean(yes) => Value::Boolean(yes),
        GuestValue::Integer(number) => Value::Integer(number),
        GuestValue::Real(number) => Value::Real(number),
        GuestValue::Text(text) => Value::Text(text),
        GuestValue::Bytes(bytes) => Value::Bytes(bytes),
        GuestValue::Json(text) => Value::Json(text),
    }
}
