//! `sql`: statements. What is sent is measured in [`sql`](crate::sql).

use stresshost_io::sql::Value;

use crate::bindings::sql::{Cell, Host, Statement, Target, Value as GuestValue};
use crate::firing::refused;
use crate::imports::{NOT_LIVE, error_name};
use crate::sql::{Kept, SqlHandle, SqlSide, SqlWish};
use crate::state::VuState;
use crate::waiting::{Fulfilled, Wish};

impl Host for VuState {
    async fn open(&mut self, target: Target) -> Result<u32, String> {
        self.handle(SqlHandle::Open { url: target.url, options: target.options }).await
    }

    fn server(&mut self, connection: u32) -> String {
        let facts = self.side(|side| side.session.server(connection)).flatten();
        facts.and_then(|facts| serde_json::to_string(&facts).ok()).unwrap_or_default()
    }

    fn pool(&mut self, connection: u32) -> Option<String> {
        let state = self.side(|side| side.session.pool(connection)).flatten()?;
        serde_json::to_string(&state).ok()
    }

    fn close(&mut self, connection: u32) {
        if let Some(side) = self.granted().as_mut().and_then(|live| live.sql.as_mut()) {
            side.session.close(connection);
        }
    }

    async fn prepare(&mut self, connection: u32, statement: Statement) -> Result<u32, String> {
        let Statement { name, text, options } = statement;
        self.handle(SqlHandle::Prepare { connection, name, text, options }).await
    }

    fn parameters(&mut self, statement: u32) -> Vec<String> {
        self.side(|side| side.session.parameters(statement)).unwrap_or_default()
    }

    async fn execute(&mut self, statement: u32, values: Vec<GuestValue>) -> u64 {
        let values = values.into_iter().map(owned).collect();
        self.operate(SqlWish::Execute { statement, values, keep: false }).await
    }

    async fn query(&mut self, statement: u32, values: Vec<GuestValue>) -> u64 {
        let values = values.into_iter().map(owned).collect();
        self.operate(SqlWish::Execute { statement, values, keep: true }).await
    }

    async fn run(&mut self, connection: u32, name: String, text: String) -> u64 {
        self.operate(SqlWish::Run { connection, name, text }).await
    }

    async fn begin(&mut self, connection: u32, options: Vec<(String, String)>) -> u64 {
        self.operate(SqlWish::Begin { connection, options }).await
    }

    async fn commit(&mut self, connection: u32) -> u64 {
        self.operate(SqlWish::Commit { connection }).await
    }

    async fn rollback(&mut self, connection: u32) -> u64 {
        self.operate(SqlWish::Rollback { connection }).await
    }

    fn rows(&mut self, answer: u32) -> u64 {
        self.kept(answer, |kept| kept.rows).unwrap_or(0)
    }

    fn columns(&mut self, answer: u32) -> Vec<String> {
        self.side(|side| side.rows(answer).map(|rows| rows.columns().to_vec())).flatten().unwrap_or_default()
    }

    fn row(&mut self, answer: u32, index: u32) -> Option<Vec<Cell>> {
        let cells = |row: &[Value]| row.iter().map(cell).collect();
        self.side(|side| side.rows(answer)?.row(index as usize).map(cells)).flatten()
    }

    fn duration_us(&mut self, answer: u32) -> u64 {
        self.kept(answer, |kept| kept.duration_us).unwrap_or(0)
    }

    fn error_code(&mut self, answer: u32) -> String {
        let code = self.kept(answer, |kept| kept.error.as_ref().map(|error| String::from(&*error.code)));
        code.flatten().unwrap_or_default()
    }

    fn error_text(&mut self, answer: u32) -> String {
        let text = self.kept(answer, |kept| kept.error.as_ref().map(|error| String::from(&*error.text)));
        text.flatten().unwrap_or_default()
    }

    fn error_name(&mut self, error: u32) -> String {
        error_name(error)
    }
}

impl VuState {
    async fn handle(&mut self, wish: SqlHandle) -> Result<u32, String> {
        match self.wish(Wish::SqlHandle(wish)).await {
            Some(Fulfilled::Handle(handle)) => handle,
            _ => Err(NOT_LIVE.to_owned()),
        }
    }

    async fn operate(&mut self, wish: SqlWish) -> u64 {
        match self.wish(Wish::Sql(wish)).await {
            Some(Fulfilled::Answer(answer)) => answer,
            _ => refused(0),
        }
    }

    fn side<T>(&self, read: impl FnOnce(&SqlSide) -> T) -> Option<T> {
        self.granted()?.sql.as_deref().map(read)
    }

    fn kept<T>(&self, answer: u32, read: impl FnOnce(&Kept) -> T) -> Option<T> {
        self.side(|side| side.kept(answer).map(read)).flatten()
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
    }
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Boolean(yes) => Cell::Boolean(*yes),
        Value::Integer(number) => Cell::Integer(*number),
        Value::Real(number) => Cell::Real(*number),
        Value::Text(text) => Cell::Text(text.clone()),
        Value::Bytes(bytes) => Cell::Bytes(bytes.clone()),
    }
}
