//! `sql`.

use crate::bindings::sql::{Cell, Host, Statement, Target, Value};
use crate::imports::NOT_LIVE;
use crate::state::VuState;

impl Host for VuState {
    async fn open(&mut self, _target: Target) -> Result<u32, String> {
        Err(NOT_LIVE.to_owned())
    }
    fn server(&mut self, _connection: u32) -> String {
        String::new()
    }
    fn pool(&mut self, _connection: u32) -> Option<String> {
        None
    }
    fn close(&mut self, _connection: u32) {}
    async fn prepare(&mut self, _connection: u32, _statement: Statement) -> Result<u32, String> {
        Err(NOT_LIVE.to_owned())
    }
    fn parameters(&mut self, _statement: u32) -> Vec<String> {
        Vec::new()
    }
    async fn execute(&mut self, _statement: u32, _values: Vec<Value>) -> u64 {
        0
    }
    async fn query(&mut self, _statement: u32, _values: Vec<Value>) -> u64 {
        0
    }
    async fn run(&mut self, _connection: u32, _name: String, _text: String) -> u64 {
        0
    }
    async fn begin(&mut self, _connection: u32, _options: Vec<(String, String)>) -> u64 {
        0
    }
    async fn commit(&mut self, _connection: u32) -> u64 {
        0
    }
    async fn rollback(&mut self, _connection: u32) -> u64 {
        0
    }
    fn rows(&mut self, _answer: u32) -> u64 {
        0
    }
    fn columns(&mut self, _answer: u32) -> Vec<String> {
        Vec::new()
    }
    fn row(&mut self, _answer: u32, _index: u32) -> Option<Vec<Cell>> {
        None
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
