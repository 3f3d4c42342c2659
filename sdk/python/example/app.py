"""Looks at the shop's products, opens one of them and checks it."""

from stresshost import Failure, Iteration, VuInfo, Workload, checks, export, findings, http, metrics, random


class Shopper(Workload):
    name = "shopper"
    summary = "Lists products, opens one, and tries to log in"

    def start(self, vu: VuInfo, shared: dict) -> None:
        base = shared["url"]
        self.list = http.get("GET /products", f"{base}/products?per_page=20").prepare()
        self.detail = http.get("GET /products/{id}", f"{base}/products/{{{{id}}}}", slots=["id"]).prepare()
        wrong = {"username": "nobody", "password": "wrong"}
        login = http.post("POST /auth/token", f"{base}/auth/token", options={"expect-status": "401"})
        self.login = login.json(wrong).prepare()
        self.named = checks.register("the product has a name")
        self.prices = metrics.distribution("price", "cents")

    def iterate(self, iteration: Iteration) -> None:
        products = self.list.fire()
        if not products.ok:
            raise Failure("request", products.error)
        product_id = products.json(f"/items/{random.below(20)}/id")
        if product_id is None:
            raise Failure("extract", "the list holds no such product")
        product = self.detail.fire(product_id)
        self.named.mark(bool(product.json("/name")))
        self.prices.add(int(product.json("/price_cents") or 0))
        if product.header("x-cache") is None:
            findings.report("uncached", "low", "products are not cached", location="GET /products/{id}")
        self.login.fire()


Guest = export(Shopper)
