// The language's own client: `fetch` goes through `wasi:http`, where the host measures and grants it like any request.
// It is there in StarlingMonkey, which componentize-js builds with; QuickJS has none.

import { Workload, checks, run } from "../stresshost/stresshost.js";

class Fetcher extends Workload {
  static workloadName = "fetcher";
  static summary = "Gets a product with fetch";

  start(_vu, { url }) {
    this.url = url;
    this.named = checks.register("the product has a name");
  }

  async iterate() {
    const response = await fetch(`${this.url}/products/1`);
    this.named.mark(response.ok && (await response.json()).name);
  }
}

export const guest = run(Fetcher);
