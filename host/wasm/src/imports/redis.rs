//! `redis`.

use crate::bindings::redis::{Call, Command, Host, Target};
use crate::imports::NOT_LIVE;
use crate::state::VuState;

impl Host for VuState {
    async fn open(&mut self, _target: Target) -> Result<u32, String> {
        Err(NOT_LIVE.to_owned())
    }
    fn server(&mut self, _connection: u32) -> String {
        String::new()
    }
    fn close(&mut self, _connection: u32) {}
    fn prepare(&mut self, _connection: u32, _command: Command) -> Result<u32, String> {
        Err(NOT_LIVE.to_owned())
    }
    async fn send(&mut self, _command: u32) -> u64 {
        0
    }
    async fn send_with(&mut self, _command: u32, _values: Vec<Vec<u8>>) -> u64 {
        0
    }
    async fn pipeline(&mut self, _calls: Vec<Call>) -> Vec<u64> {
        Vec::new()
    }
    fn integer(&mut self, _answer: u32) -> Option<i64> {
        None
    }
    fn bytes(&mut self, _answer: u32) -> Option<Vec<u8>> {
        None
    }
    fn value(&mut self, _answer: u32) -> Result<String, String> {
        Err(NOT_LIVE.to_owned())
    }
    fn duration_us(&mut self, _answer: u32) -> u64 {
        0
    }
    fn error_code(&mut self, _answer: u32) -> String {
        String::new()
    }
    fn error_text(&mut self, _answer: u32) -> String {
        String::new()
    }
    fn error_name(&mut self, _error: u32) -> String {
        String::new()
    }
}
