// Loads one URL.

import { type Check, type Prepared, type VuInfo, Workload, checks, http, run } from "../stresshost/stresshost.js";

class Plugin extends Workload<{ url: string }> {
  static override workloadName = "__NAME__";
  static override version = "0.1.0";
  static override summary = "Loads one URL";

  #request!: Prepared;
  #answered!: Check;

  override start(_vu: VuInfo, { url }: { url: string }): void {
    this.#request = http.get("GET", url).prepare();
    this.#answered = checks.register("the target answered");
  }

  override iterate(): void {
    const response = this.#request.fire();
    this.#answered.mark(response.ok);
  }
}

export const guest = run(Plugin);
