//! x
mod database;
mod generator;
mod limits;
mod script;
mod statement;
