//! Checkout and orders.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{HeaderValue, LOCATION};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::cart::{Item, total_cents};
use super::request::{Caller, Checks, Document, Number, Reply, Viewer, json};
use crate::limits::MAX_IDEMPOTENCY_KEY_BYTES;
use crate::problem::Problem;
use crate::state::{Checkout, CheckoutError, Core, Order};

/// The cards that the imaginary bank declines; the second is the usual one of payment providers' sandboxes.
const DECLINED_CARDS: [&str; 2] = ["declined", "4000000000000002"];

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

#[derive(Deserialize, Hash)]
#[serde(deny_unknown_fields)]
pub(super) struct Payment {
    card: String,
    address: String,
}

pub(super) async fn check_out(
    State(core): State<Arc<Core>>,
    Caller(user): Caller,
    headers: HeaderMap,
    Document(payment): Document<Payment>,
) -> Reply {
    buy(&core, user, &headers, &payment, StatusCode::CREATED)
}

/// The same for clients that expect 200.
pub(super) async fn check_out_cart(
    State(core): State<Arc<Core>>,
    Caller(user): Caller,
    headers: HeaderMap,
    Document(payment): Document<Payment>,
) -> Reply {
    buy(&core, user, &headers, &payment, StatusCode::OK)
}

fn buy(core: &Core, user: u64, headers: &HeaderMap, payment: &Payment, bought: StatusCode) -> Reply {
    let mut checks = Checks::default();
    checks.length("card", &payment.card, 1..=64);
    checks.length("address", &payment.address, 1..=256);
    checks.finish()?;
    let mut hasher = DefaultHasher::new();
    payment.hash(&mut hasher);
    let checkout = Checkout {
        idempotency_key: idempotency_key(headers)?,
        fingerprint: hasher.finish(),
        card_declined: DECLINED_CARDS.contains(&payment.card.as_str()),
    };
    let (order, replayed) = core.accounts.check_out(user, checkout).map_err(refused)?;
    let mut response = json(bought, document(core, &order));
    if let Ok(location) = HeaderValue::from_str(&format!("/orders/{}", order.id)) {
        response.headers_mut().insert(LOCATION, location);
    }
    if replayed {
        response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

pub(super) async fn order(State(core): State<Arc<Core>>, viewer: Viewer, Number(id): Number) -> Reply {
    let order = core.accounts.order(id).filter(|order| viewer.may_see(order.user));
    let order = order.ok_or_else(|| Problem::not_found(format!("you have no order {id}")))?;
    Ok(json(StatusCode::OK, document(&core, &order)))
}

fn document(core: &Core, order: &Order) -> Value {
    json!({
        "id": order.id,
        "status": "paid",
        "items": Item::all(core, &order.lines),
        "total_cents": total_cents(&order.lines),
        "currency": "EUR",
    })
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=MAX_IDEMPOTENCY_KEY_BYTES).contains(&key.len()) => Ok(Some(key)),
        _ => Err(Problem::bad_request(format!(
            "Idempotency-Key must be 1 to {MAX_IDEMPOTENCY_KEY_BYTES} visible ASCII characters"
        ))),
    }
}

fn refused(error: CheckoutError) -> Problem {
    match error {
        CheckoutError::CartEmpty => {
            Problem::of_kind(StatusCode::CONFLICT, "cart-empty", "the cart is empty; add an item first")
        }
        CheckoutError::OutOfStock { product_id, available } => {
            let detail = format!("product {product_id} has only {available} units in stock");
            Problem::of_kind(StatusCode::CONFLICT, "out-of-stock", detail)
        }
        CheckoutError::CardDeclined => {
            Problem::of_kind(StatusCode::PAYMENT_REQUIRED, "card-declined", "the card was declined")
        }
        CheckoutError::KeyReused => Problem::of_kind(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency-key-reused",
            "this Idempotency-Key was used with another body; use a new key",
        ),
    }
}
