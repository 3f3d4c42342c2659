//! The routes, as one table: what is served, counted and described is this list.

mod backtrace;
mod cart;
mod checkout;
mod control;
mod newsletter;
mod page;
mod probe;
mod products;
mod profile;
mod request;
mod search;
mod unmatched;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, delete, get, patch, post, put};

use crate::counts::Counters;
use crate::gate::{self, Gate};
use crate::state::Core;

/// The name under which requests that no route matched are counted.
const UNMATCHED: &str = "unmatched";

/// Whom a route serves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The clients under test: faults apply.
    Business,
    /// Health checks: counted, never broken.
    Health,
    /// Whoever runs the test: not part of the totals, never broken.
    Control,
}

/// A route: its kind, its method and path, its handler.
type Entry = (Kind, &'static str, MethodRouter<Arc<Core>>);

fn table() -> Vec<Entry> {
    use Kind::{Business, Control, Health};
    vec![
        (Health, "GET /health", get(probe::health)),
        (Business, "GET /products", get(products::list)),
        (Business, "GET /products/search", get(search::search)),
        (Business, "GET /products/{id}", get(products::detail)),
        (Business, "GET /products/{id}/stock", get(products::stock)),
        (Business, "POST /users", post(users::register)),
        (Business, "POST /users/register", post(users::register_customer)),
        (Business, "POST /users/login", post(users::log_in)),
        (Business, "GET /users/me", get(users::me)),
        (Business, "GET /users/{id}/profile", get(profile::show)),
        (Business, "PATCH /users/{id}/profile", patch(profile::change)),
        (Business, "GET /admin/users", get(profile::list)),
        (Business, "POST /auth/token", post(users::log_in)),
        (Business, "GET /cart", get(cart::show)),
        (Business, "POST /cart/items", post(cart::add)),
        (Business, "POST /cart/add", post(cart::add)),
        (Business, "POST /cart/checkout", post(checkout::check_out_cart)),
        (Business, "DELETE /cart/items/{id}", delete(cart::remove)),
        (Business, "POST /checkout", post(checkout::check_out)),
        (Business, "GET /orders/{id}", get(checkout::order)),
        (Business, "POST /newsletter", post(newsletter::subscribe)),
        (Business, "GET /openapi.json", get(probe::openapi)),
        (Business, "GET /html", get(probe::html)),
        (Business, "GET /bytes/{n}", get(probe::bytes)),
        (Business, "GET /chunked/{n}", get(probe::chunked)),
        (Business, "GET /close/{n}", get(probe::close)),
        (Business, "GET /status/{code}", get(probe::status)),
        (Business, "GET /redirect/{n}", get(probe::redirect)),
        (Control, "GET /_faults", get(control::faults)),
        (Control, "PUT /_faults", put(control::set_faults)),
        (Control, "GET /_weaknesses", get(control::weaknesses)),
        (Control, "PUT /_weaknesses", put(control::set_weaknesses)),
        (Control, "POST /_stall", post(control::stall)),
        (Control, "GET /_counts", get(control::counts)),
    ]
}

/// A counter for every route, in the order of the table, and one for what matches none.
pub(crate) fn counters() -> Counters {
    let routes = table().into_iter().map(|(kind, name, _)| (name, kind != Kind::Control));
    Counters::new(routes.chain([(UNMATCHED, true)]))
}

/// The router over `core`, whose counters are [`counters`].
pub(crate) fn router(core: &Arc<Core>) -> Router {
    let gate = |route, kind| {
        let gate = Gate { core: Arc::clone(core), route, breakable: kind == Kind::Business };
        from_fn_with_state(gate, gate::pass)
    };
    let table = table();
    let rest = table.len();
    let mut router = Router::new();
    for (index, (kind, name, handler)) in table.into_iter().enumerate() {
        let path = name.split_once(' ').map_or(name, |(_, path)| path);
        router = router.route(path, handler.route_layer(gate(index, kind)));
    }
    router
        .fallback(unmatched::not_found.layer(gate(rest, Kind::Health)))
        .method_not_allowed_fallback(unmatched::method_not_allowed.layer(gate(rest, Kind::Health)))
        .with_state(Arc::clone(core))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeSet;

    const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

    #[test]
    fn every_route_is_documented_and_every_documented_route_is_served() {
        let document: Value = serde_json::from_str(crate::OPENAPI).unwrap();
        let mut documented = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys().filter(|key| METHODS.contains(&key.as_str())) {
                documented.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
        let served: BTreeSet<String> = table().into_iter().map(|(_, name, _)| name.to_owned()).collect();
        assert_eq!(documented, served);
    }

    #[test]
    fn documents_name_every_parameter_and_resolve_every_reference() {
        let document: Value = serde_json::from_str(crate::OPENAPI).unwrap();
        let mut operations = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                assert!(operations.insert(operation["operationId"].as_str().unwrap()), "{method} {path}");
                let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
                let in_path =
                    parameters.iter().filter(|p| p["in"] == "path").map(|p| p["name"].as_str().unwrap());
                let placeholders =
                    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
                assert_eq!(in_path.collect::<Vec<_>>(), placeholders.collect::<Vec<_>>(), "{method} {path}");
            }
        }
        check_references(&document, &document);
    }

    fn check_references(document: &Value, value: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                }
                fields.values().for_each(|value| check_references(document, value));
            }
            Value::Array(items) => items.iter().for_each(|value| check_references(document, value)),
            _ => {}
        }
    }
}
