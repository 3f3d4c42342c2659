// Counts visits in Redis, and keeps a page beside them.

import * as redis from "../stresshost/redis.js";
import { type Check, type Iteration, type VuInfo, Workload, checks, run } from "../stresshost/stresshost.js";

class Cache extends Workload {
  static override workloadName = "cache";
  static override summary = "Counts visits in Redis";

  #visit!: redis.Prepared;
  #keep!: redis.Prepared;
  #page!: redis.Prepared;
  #isKept!: Check;

  override start(_vu: VuInfo, { url }: { url: string }): void {
    const cache = redis.connect(url, { "timeout-ms": 1_000 });
    this.#visit = cache.prepare("INCR", ["INCR", "visits:{{page}}"], { slots: ["page"] });
    this.#keep = cache.prepare("SET", ["SET", "page:{{page}}", "{{text}}"], { slots: ["page", "text"] });
    this.#page = cache.prepare("GET", ["GET", "page:{{page}}"], { slots: ["page"], expect: "value" });
    this.#isKept = checks.register("the page is kept");
  }

  override iterate({ number }: Iteration): void {
    const page = number % 10;
    this.#visit.send(page).check();
    const [kept, read] = redis.pipeline([this.#keep, page, `page ${page}`], [this.#page, page]);
    kept.check();
    this.#isKept.mark(read.check().text() === `page ${page}`);
  }
}

export const guest = run(Cache);
