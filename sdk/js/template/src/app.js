// Loads one URL.

import { Workload, checks, http, run } from "../stresshost/stresshost.js";

class Plugin extends Workload {
  static workloadName = "__NAME__";
  static version = "0.1.0";
  static summary = "Loads one URL";

  start(_vu, { url }) {
    this.request = http.get("GET", url).prepare();
    this.answered = checks.register("the target answered");
  }

  iterate() {
    const response = this.request.fire();
    this.answered.mark(response.ok);
  }
}

export const guest = run(Plugin);
