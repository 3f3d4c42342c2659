//! The caller's cart.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::request::{Caller, Checks, Document, Number, Reply, json};
use crate::faults::FieldProblem;
use crate::limits::{MAX_CART_ITEMS, MAX_QUANTITY};
use crate::problem::Problem;
use crate::state::{AddError, Core, Line};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Addition {
    product_id: u64,
    quantity: u32,
}

/// A line as clients see it, in carts and orders.
#[derive(Serialize)]
pub(super) struct Item<'a> {
    id: u64,
    product_id: u32,
    name: &'a str,
    quantity: u32,
    unit_price_cents: u32,
    total_cents: u64,
}

impl<'a> Item<'a> {
    fn new(core: &'a Core, line: &Line) -> Self {
        Self {
            id: line.id,
            product_id: line.product_id,
            name: core.catalogue.get(line.product_id.into()).map_or("", |product| &product.name),
            quantity: line.quantity,
            unit_price_cents: line.unit_price_cents,
            total_cents: line.total_cents(),
        }
    }

    pub(super) fn all(core: &'a Core, lines: &[Line]) -> Vec<Self> {
        lines.iter().map(|line| Self::new(core, line)).collect()
    }
}

pub(super) fn total_cents(lines: &[Line]) -> u64 {
    lines.iter().map(Line::total_cents).sum()
}

pub(super) async fn show(State(core): State<Arc<Core>>, Caller(user): Caller) -> Reply {
    let lines = core.accounts.cart(user);
    let items = Item::all(&core, &lines);
    Ok(json(StatusCode::OK, json!({ "items": items, "total_cents": total_cents(&lines), "currency": "EUR" })))
}

pub(super) async fn add(
    State(core): State<Arc<Core>>,
    Caller(user): Caller,
    Document(body): Document<Addition>,
) -> Reply {
    let mut checks = Checks::default();
    let product = core.catalogue.get(body.product_id);
    checks.require(product.is_some(), "product_id", "must be the id of a product");
    let fits = (1..=MAX_QUANTITY).contains(&body.quantity);
    checks.require(fits, "quantity", &format!("must be 1 to {MAX_QUANTITY}"));
    checks.finish()?;
    let Some(product) = product else { return Err(Problem::not_found("there is no such product")) };
    match core.accounts.add(user, product.id, body.quantity, product.price_cents) {
        Ok(line) => Ok(json(StatusCode::CREATED, Item::new(&core, &line))),
        Err(AddError::CartFull) => {
            let detail = format!("the cart holds {MAX_CART_ITEMS} products already; remove one first");
            Err(Problem::of_kind(StatusCode::CONFLICT, "cart-full", detail))
        }
        Err(AddError::TooMany { held }) => {
            let message = format!("must keep the line, which holds {held}, at {MAX_QUANTITY} or below");
            Err(Problem::invalid(vec![FieldProblem::new("quantity", message)]))
        }
    }
}

pub(super) async fn remove(State(core): State<Arc<Core>>, Caller(user): Caller, Number(id): Number) -> Reply {
    if core.accounts.remove(user, id) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Err(Problem::not_found(format!("the cart has no item {id}")))
}
