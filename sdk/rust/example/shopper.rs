//! Looks at the shop's products, opens one of them and checks it.

use stresshost_sdk::checks::Check;
use stresshost_sdk::http::{Prepared, Request};
use stresshost_sdk::metrics::Distribution;
use stresshost_sdk::prelude::*;
use stresshost_sdk::{findings, random};

struct User {
    list: Prepared,
    detail: Prepared,
    login: Prepared,
    named: Check,
    prices: Distribution,
}

#[derive(Default)]
struct Shopper(Option<User>);

impl Workload for Shopper {
    type Shared = String;

    fn describe() -> Descriptor {
        let url = Positional {
            name: "URL".into(),
            help: "Base URL of the target".into(),
            required: true,
            target: true,
        };
        Descriptor {
            name: "shopper".into(),
            summary: "Lists products, opens one, and tries to log in".into(),
            positionals: vec![url],
            flags: LoadFlags::flags(),
            ..Descriptor::empty()
        }
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        let (mut problems, mut notes) = (Problems::new(), Vec::new());
        let load = LoadFlags::read(&input, &mut problems);
        let Some(url) = input.args.first() else { return Err(vec![Problem::new("URL", "no URL was given")]) };
        if !problems.is_empty() {
            return Err(problems);
        }
        let scenarios = vec![load.scenario("main", "", &mut notes)];
        let workload = url.trim_end_matches('/').into();
        let mut plan = Plan { name: "shopper".into(), scenarios, notes, workload, ..Plan::default() };
        load.apply(&mut plan);
        Ok(plan)
    }

    fn start(_: VuInfo, url: String) -> Result<Self, Failure> {
        let login = Request::post("POST /auth/token", format!("{url}/auth/token"));
        let wrong = stresshost_sdk::serde_json::json!({"username": "nobody", "password": "wrong"});
        Ok(Self(Some(User {
            list: Request::get("GET /products", format!("{url}/products?per_page=20")).prepare()?,
            detail: Request::get("GET /products/{id}", format!("{url}/products/{{{{id}}}}"))
                .slot("id")
                .prepare()?,
            login: login.json(&wrong)?.expect_status("401").prepare()?,
            named: Check::register("the product has a name")?,
            prices: Distribution::register("price", "cents")?,
        })))
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        let Some(user) = &self.0 else { return Ok(()) };
        let products = user.list.fire(&[]);
        if !products.ok() {
            return Err(Failure::new("request", products.error_name()));
        }
        let id = products.json(&format!("/items/{}/id", random::below(20)));
        let id = id.ok_or_else(|| Failure::new("extract", "the list holds no such product"))?;
        let product = user.detail.fire(&[&id]);
        user.named.mark(product.json("/name").is_some_and(|name| !name.is_empty()));
        user.prices.record(product.json("/price_cents").and_then(|price| price.parse().ok()).unwrap_or(0.0));
        if product.header("x-cache").is_none() {
            findings::report(&Finding {
                rule: "uncached".into(),
                severity: "low".into(),
                message: "products are not cached".into(),
                location: "GET /products/{id}".into(),
                ..Finding::default()
            })?;
        }
        user.login.fire(&[]);
        Ok(())
    }
}

stresshost_sdk::export!(Shopper);
