//! Talks HTTP through a client library of its language, which knows WASI and nothing of the host's contract.

use stresshost_sdk::checks::Check;
use stresshost_sdk::prelude::*;
use wstd::http::{Body, Client, Request};
use wstd::runtime::block_on;

#[derive(Default)]
struct Guest {
    base: String,
    checks: Option<[Check; 4]>,
}

impl Workload for Guest {
    type Shared = String;

    fn describe() -> Descriptor {
        // Nothing is granted here: the request must fail, and must not stop the plugin from telling what it is.
        let denied = block_on(get("http://127.0.0.1:9/".to_owned())).is_err();
        let name = if denied { "wasi_client" } else { "wasi_client_sent_from_describe" };
        stresshost_guests::describe_with_url(name)
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        stresshost_guests::plan("wasi_client", &input)
    }

    fn start(_: VuInfo, base: String) -> Result<Self, Failure> {
        let names = ["product", "posted", "denied", "at once"];
        let checks = names.map(|name| Check::register(name).ok());
        let [Some(a), Some(b), Some(c), Some(d)] = checks else { return Err(Failure::setup("no checks")) };
        Ok(Self { base, checks: Some([a, b, c, d]) })
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        let Some([product, posted, denied, at_once]) = self.checks else { return Ok(()) };
        let base = &self.base;
        block_on(async {
            let got = get(format!("{base}/products/1?page=7")).await;
            product.mark(got.is_ok_and(|(status, body)| status == 200 && body.contains("\"id\"")));
            let refused = post(format!("{base}/products"), vec![b'x'; 40_000]).await;
            posted.mark(refused.is_ok_and(|(status, _)| status == 405));
            let elsewhere = get("http://127.0.0.1:9/".to_owned()).await;
            denied.mark(elsewhere.is_err_and(|error| error.contains("HttpRequestDenied")));
            let both = futures_lite::future::zip(
                get(format!("{base}/products/2")),
                get(format!("{base}/chunked/50000")),
            );
            let (second, third) = both.await;
            at_once.mark(second.is_ok() && third.is_ok_and(|(_, body)| body.len() == 50_000));
        });
        Ok(())
    }
}

async fn get(url: String) -> Result<(u16, String), String> {
    send(Request::get(url).body(Body::empty()).map_err(|error| error.to_string())?).await
}

async fn post(url: String, body: Vec<u8>) -> Result<(u16, String), String> {
    send(Request::post(url).body(Body::from(body)).map_err(|error| error.to_string())?).await
}

async fn send(request: Request<Body>) -> Result<(u16, String), String> {
    let response = Client::new().send(request).await.map_err(|error| format!("{error:?}"))?;
    let status = response.status().as_u16();
    let mut body = response.into_body();
    let text = body.str_contents().await.map_err(|error| error.to_string())?;
    Ok((status, text.to_owned()))
}

stresshost_sdk::export!(Guest);
