//! `tcp`: bytes. What is sent is measured in [`tcp`](crate::tcp).

use stresshost_io::tcp::ReplyError;
use stresshost_metrics::{ErrorKind, SandboxLimit};

use crate::bindings::tcp::{Exchange, Host, Target};
use crate::firing::refused;
use crate::imports::{NOT_LIVE, error_name};
use crate::state::VuState;
use crate::tcp::{Answered, TcpWish};
use crate::waiting::{Fulfilled, Wish};

impl Host for VuState {
    async fn open(&mut self, target: Target) -> Result<u32, String> {
        let wish = TcpWish::Open { address: target.address, options: target.options };
        match self.wish(Wish::Tcp(wish)).await {
            Some(Fulfilled::Handle(handle)) => handle,
            _ => Err(NOT_LIVE.to_owned()),
        }
    }

    fn close(&mut self, connection: u32) {
        if let Some(mut live) = self.granted() {
            live.tcp_close(connection);
        }
    }

    fn prepare(&mut self, connection: u32, exchange: Exchange) -> Result<u32, String> {
        self.granted().ok_or(NOT_LIVE)?.tcp_prepare(connection, &exchange)
    }

    async fn send(&mut self, exchange: u32) -> u64 {
        self.send_with(exchange, Vec::new()).await
    }

    async fn send_with(&mut self, exchange: u32, values: Vec<Vec<u8>>) -> u64 {
        match self.wish(Wish::TcpSend { exchange, values }).await {
            Some(Fulfilled::Answer(answer)) => answer,
            _ => refused(0),
        }
    }

    fn bytes(&mut self, answer: u32) -> Option<Vec<u8>> {
        let reply = self.granted()?.tcp.as_deref()?.reply(answer).map(<[u8]>::to_vec);
        reply
            .inspect_err(|&error| {
                if error == ReplyError::NotKept {
                    self.reached(SandboxLimit::BodyBytes);
                }
            })
            .ok()
    }

    async fn begin(&mut self, exchange: u32, values: Vec<Vec<u8>>) -> u32 {
        self.tcp_code(TcpWish::Begin { exchange, values }).await
    }

    async fn write(&mut self, bytes: Vec<u8>) -> u32 {
        self.tcp_code(TcpWish::Write(bytes)).await
    }

    async fn read_until(&mut self, delimiter: Vec<u8>, most: u32) -> Result<Vec<u8>, u32> {
        let now =
            self.granted().and_then(|mut live| live.tcp_session()?.read_until_now(&delimiter, most as usize));
        match now {
            Some(read) => read.map_err(ErrorKind::code),
            None => self.tcp_bytes(TcpWish::ReadUntil { delimiter, most }).await,
        }
    }

    async fn read(&mut self, length: u32) -> Result<Vec<u8>, u32> {
        match self.granted().and_then(|mut live| live.tcp_session()?.read_now(length as usize)) {
            Some(read) => read.map_err(ErrorKind::code),
            None => self.tcp_bytes(TcpWish::Read { length }).await,
        }
    }

    async fn skip(&mut self, length: u64) -> u32 {
        self.tcp_code(TcpWish::Skip { length }).await
    }

    fn end(&mut self, error: String, text: String) -> u64 {
        self.granted().map_or(refused(0), |mut live| live.tcp_end(&error, &text))
    }

    fn reply_bytes(&mut self, answer: u32) -> u64 {
        self.tcp_answered(answer, |answered| answered.reply_bytes).unwrap_or_default()
    }

    fn duration_us(&mut self, answer: u32) -> u64 {
        self.tcp_answered(answer, |answered| answered.duration_us).unwrap_or_default()
    }

    fn error_text(&mut self, answer: u32) -> String {
        let text = |answered: &Answered| answered.error_text.as_deref().unwrap_or_default().to_owned();
        self.tcp_answered(answer, text).unwrap_or_default()
    }

    fn error_name(&mut self, error: u32) -> String {
        error_name(error)
    }
}

impl VuState {
    fn tcp_answered<T>(&self, answer: u32, read: impl FnOnce(&Answered) -> T) -> Option<T> {
        self.granted()?.tcp.as_deref()?.answered(answer).map(read)
    }

    async fn tcp_code(&mut self, wish: TcpWish) -> u32 {
        match self.wish(Wish::Tcp(wish)).await {
            Some(Fulfilled::Answer(code)) => code as u32,
            _ => ErrorKind::Invalid.code(),
        }
    }

    async fn tcp_bytes(&mut self, wish: TcpWish) -> Result<Vec<u8>, u32> {
        match self.wish(Wish::Tcp(wish)).await {
            Some(Fulfilled::Bytes(read)) => read,
            _ => Err(ErrorKind::Invalid.code()),
        }
    }
}
