// Looks at the shop's products, opens one of them and checks it.

import { Failure, Workload, checks, findings, http, metrics, random, run } from "../stresshost/stresshost.js";

class Shopper extends Workload {
  static workloadName = "shopper";
  static summary = "Lists products, opens one, and tries to log in";

  start(_vu, { url }) {
    this.list = http.get("GET /products", `${url}/products?per_page=20`).prepare();
    this.detail = http.get("GET /products/{id}", `${url}/products/{{id}}`, { slots: ["id"] }).prepare();
    const json = { username: "nobody", password: "wrong" };
    const options = { "expect-status": "401" };
    this.login = http.post("POST /auth/token", `${url}/auth/token`, { json, options }).prepare();
    this.named = checks.register("the product has a name");
    this.prices = metrics.distribution("price", "cents");
  }

  iterate() {
    const products = this.list.fire();
    if (!products.ok) throw new Failure("request", products.error);
    const id = products.json(`/items/${random.below(20)}/id`);
    if (id === undefined) throw new Failure("extract", "the list holds no such product");
    const product = this.detail.fire(id);
    this.named.mark(product.json("/name"));
    this.prices.add(product.json("/price_cents") ?? 0);
    if (product.header("x-cache") === undefined) {
      findings.report("uncached", "low", "products are not cached", { location: "GET /products/{id}" });
    }
    this.login.fire();
  }
}

export const guest = run(Shopper);
