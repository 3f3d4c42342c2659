/**
 * Write StressHost workloads in JavaScript or TypeScript.
 *
 * A workload is a subclass of `Workload`: an instance is one virtual user, its fields are that user's state.
 * `export const guest = run(Shopper)` makes the module a component. `stresshost.d.ts` documents every item.
 */

import * as artifactsHost from "stresshost:workload/artifacts@0.1.0";
import * as checksHost from "stresshost:workload/checks@0.1.0";
import * as dataHost from "stresshost:workload/data@0.1.0";
import * as failuresHost from "stresshost:workload/failures@0.1.0";
import * as findingsHost from "stresshost:workload/findings@0.1.0";
import * as httpHost from "stresshost:workload/http@0.1.0";
import * as logHost from "stresshost:workload/log@0.1.0";
import * as metricsHost from "stresshost:workload/metrics@0.1.0";
import * as pacingHost from "stresshost:workload/pacing@0.1.0";
import * as randomHost from "stresshost:workload/random@0.1.0";

import { Failure, asked, bytesOf, decoded, encoded, options, wide } from "./engine.js";

export { Failure };

const DEFAULT_VUS = 10;
const DEFAULT_DURATION_MS = 30_000;
const DEFAULT_MAX_DURATION_MS = 600_000;
const DEFAULT_GRACEFUL_STOP_MS = 30_000;

export class Problems extends Error {
  constructor(...problems) {
    super(problems.map((problem) => problem.message).join("; "));
    this.problems = problems;
  }
}

export class Workload {
  static workloadName = "";
  static version = "0.1.0";
  static summary = "";

  static describe() {
    const url = { name: "URL", help: "Base URL of the target", required: true, target: true };
    return { positionals: [url], flags: LOAD_FLAGS };
  }

  static plan(given) {
    return plan(this.workloadName, given, { url: given.args[0].replace(/\/+$/, "") });
  }

  static setup(context) {
    return context.workload;
  }

  static setupPhase(context) {
    return context.shared;
  }

  start(_vu, _shared) {}

  iterate(_iteration) {
    throw new Error("a workload writes `iterate`");
  }

  finish() {}

  static teardownPhase(_shared) {}

  static teardown(_shared) {}

  static analyze(_summary) {
    return {};
  }
}

// === The shape of a load ===

function flag(name, kind, value_name, help, more = {}) {
  return { name, kind, value_name, help, ...more };
}

export const LOAD_FLAGS = [
  flag("vus", "users", "N|auto", "Virtual users; with --rate, the most iterations in flight", {
    default: "10",
    aliases: ["users"],
  }),
  flag("rate", "rate", "RATE", "Iterations per second, whatever the target does", { aliases: ["rps"] }),
  flag("duration", "duration", "DURATION", "Length of the load, ramp included", { default: "30s" }),
  flag("ramp-up", "duration", "DURATION", "Let users or rate grow over this time", { default: "0s" }),
  flag("iterations", "integer", "N", "Do this many iterations, shared by the users"),
  flag("per-user", "switch", "", "Let each user do the number of --iterations"),
  flag("max-duration", "duration", "DURATION", "Drop what is left of --iterations after this time", {
    default: "10m",
  }),
  flag("warmup", "duration", "DURATION", "Report this much of the start apart and judge without it", {
    default: "0s",
  }),
  flag("graceful-stop", "duration", "DURATION", "How long iterations in flight may go on at the end", {
    default: "30s",
  }),
];

export function scenario(name, given) {
  const { flags } = given;
  refuseContradictions(flags);
  const vus = flags.vus ?? DEFAULT_VUS;
  if (flags.iterations !== undefined) {
    const type = flags["per-user"] ? "per-vu-iterations" : "shared-iterations";
    const max_duration_ms = flags["max-duration"] ?? DEFAULT_MAX_DURATION_MS;
    return { name, executor: { type, vus, iterations: flags.iterations, max_duration_ms } };
  }
  const load = {
    vus,
    duration_ms: flags.duration ?? DEFAULT_DURATION_MS,
    ramp_up_ms: flags["ramp-up"] ?? 0,
  };
  const executor =
    flags.rate === undefined
      ? { type: "constant-vus", ...load }
      : { type: "constant-arrival-rate", rate_per_s: flags.rate, ...load };
  return { name, executor };
}

export function plan(name, given, workload) {
  return {
    name,
    scenarios: [scenario("main", given)],
    workload,
    warmup_ms: given.flags.warmup ?? 0,
    graceful_stop_ms: given.flags["graceful-stop"] ?? DEFAULT_GRACEFUL_STOP_MS,
  };
}

function refuseContradictions(flags) {
  const has = (name) => flags[name] !== undefined;
  const both = "cannot be given with --iterations, which are done as fast as the users can";
  const alone = "is about --iterations, which are not given";
  const wrong = has("iterations")
    ? ["rate", "duration", "ramp-up"].filter(has).map((name) => ({ path: `--${name}`, message: both }))
    : ["per-user", "max-duration"].filter(has).map((name) => ({ path: `--${name}`, message: alone }));
  if (wrong.length > 0) throw new Problems(...wrong);
}

// === What the host offers ===

export class Request {
  constructor(method, name, url, { headers = {}, body, json, slots = [], options = {} } = {}) {
    this.method = method;
    this.name = name;
    this.url = url;
    this.headers = { ...headers };
    this.slots = slots;
    this.options = options;
    this.body = bytesOf(body);
    if (json !== undefined) {
      this.headers["content-type"] = "application/json";
      this.body = encoded(JSON.stringify(json));
    }
  }

  prepare() {
    const { name, method, url, body, slots } = this;
    const headers = Object.entries(this.headers);
    const request = { name, method, url, headers, body, slots, options: options(this.options) };
    return new Prepared(asked("setup", `request \`${name}\``, () => httpHost.prepare(request)));
  }
}

export class Prepared {
  constructor(id) {
    this.id = id;
  }

  fire(...values) {
    return new Response(values.length === 0 ? httpHost.fire(this.id) : httpHost.fireWith(this.id, values.map(String)));
  }
}

/** Nothing is undefined here; some engines hand over null. */
export class Response {
  #answer;

  constructor(answer) {
    this.#answer = BigInt(answer);
  }

  get #id() {
    return Number(this.#answer & 0xffff_ffffn);
  }

  get #errorCode() {
    return Number(this.#answer >> 48n);
  }

  get status() {
    return Number((this.#answer >> 32n) & 0xffffn);
  }

  get ok() {
    return this.#errorCode === 0;
  }

  get error() {
    return this.ok ? "" : httpHost.errorName(this.#errorCode);
  }

  get errorText() {
    return httpHost.errorText(this.#id);
  }

  get durationUs() {
    return Number(httpHost.durationUs(this.#id));
  }

  get bodyBytes() {
    return Number(httpHost.bodyBytes(this.#id));
  }

  header(name) {
    return httpHost.header(this.#id, name) ?? undefined;
  }

  headers() {
    return httpHost.headers(this.#id);
  }

  body() {
    return asked("body", "the body", () => httpHost.body(this.#id));
  }

  text() {
    const bytes = this.body();
    return asked("body", "the body is no UTF-8", () => decoded(bytes));
  }

  json(pointer) {
    return httpHost.json(this.#id, pointer) ?? undefined;
  }

  parse() {
    const text = this.text();
    return asked("body", "the body is no JSON", () => JSON.parse(text));
  }
}

export const http = {
  get: (name, url, parts) => new Request("GET", name, url, parts),
  post: (name, url, parts) => new Request("POST", name, url, parts),
  request: (method, name, url, parts) => new Request(method, name, url, parts),
  sendAll: (...shots) =>
    httpHost
      .sendAll(shots.map(([request, ...values]) => ({ request: request.id, values: values.map(String) })))
      // A list of 64-bit integers arrives as a typed array, whose `map` makes another one.
      .reduce((responses, answer) => [...responses, new Response(answer)], []),
};

export const checks = {
  register(name) {
    const id = asked("setup", `check \`${name}\``, () => checksHost.register(name));
    return {
      mark(passed) {
        checksHost.mark(id, Boolean(passed));
        return Boolean(passed);
      },
    };
  },
};

function metric(name, kind, unit) {
  const id = asked("setup", `metric \`${name}\``, () => metricsHost.register(name, kind, unit));
  return { add: (value = 1) => metricsHost.add(id, Number(value)) };
}

export const metrics = {
  counter: (name, unit = "") => metric(name, "counter", unit),
  gauge: (name, unit = "") => metric(name, "gauge", unit),
  rate: (name) => metric(name, "rate", ""),
  distribution: (name, unit = "") => metric(name, "distribution", unit),
};

export const findings = {
  report(rule, severity, message, more = {}) {
    const finding = JSON.stringify({ rule, severity, message, ...more });
    asked("finding", `\`${rule}\``, () => findingsHost.report(finding));
  },
};

const below = (bound) => Number(randomHost.below(wide(bound)));

export const random = {
  next: () => (BigInt(below(2 ** 32)) << 32n) | BigInt(below(2 ** 32)),
  below,
  between: (least, most) => least + below(most - least + 1),
  choice: (values) => values[below(values.length)],
};

export const pacing = {
  sleep: (seconds) => pacingHost.sleepUs(wide(Math.max(0, Math.floor(seconds * 1e6)))),
  nowUs: () => Number(pacingHost.nowUs()),
  limiter(name) {
    const id = asked("setup", `rate limit \`${name}\``, () => pacingHost.limiter(name));
    return { acquire: (tokens = 1) => Number(pacingHost.acquire(id, tokens)) };
  },
};

export const data = {
  open(name) {
    const id = asked("setup", `feed \`${name}\``, () => dataHost.open(name));
    const columns = dataHost.columns(id);
    const named = (row) => row ? Object.fromEntries(columns.map((column, index) => [column, row[index]])) : undefined;
    return {
      columns,
      length: Number(dataHost.len(id)),
      next: () => named(dataHost.next(id)),
      row: (index) => named(dataHost.row(id, wide(index))),
    };
  },
};

export const log = {
  error: (message) => logHost.write("error", String(message)),
  warn: (message) => logHost.write("warn", String(message)),
  info: (message) => logHost.write("info", String(message)),
  debug: (message) => logHost.write("debug", String(message)),
};

export const artifacts = {
  write: (name, content) => asked("artifact", `\`${name}\``, () => artifactsHost.write(name, bytesOf(content))),
  append: (name, content) => asked("artifact", `\`${name}\``, () => artifactsHost.append(name, bytesOf(content))),
};

// === Between the contract's strings and a workload's values ===

/** A failure becomes the error of the contract's result. */
function orFailure(call) {
  try {
    return call();
  } catch (error) {
    throw error instanceof Failure ? { code: error.code, message: error.message } : fault(error);
  }
}

/** Tells why an iteration failed, and throws what makes it fail. */
function failed(error) {
  if (!(error instanceof Failure)) throw fault(error);
  failuresHost.tell(error.code, error.message);
  throw undefined;
}

/** An exception that nobody caught is a fault of the plugin. Engines with a console have its text and stack shown there;
 *  others show them themselves. */
function fault(error) {
  globalThis.console?.error(`${error?.name ?? "Error"}: ${error?.message ?? error}\n${error?.stack ?? ""}`);
  return error;
}

function written(document) {
  return JSON.stringify(document ?? null);
}

export function run(workload) {
  let user;
  return {
    describe() {
      const { workloadName: name, version, summary } = workload;
      return written({ name, version, summary, ...workload.describe(), schema: "stresshost.descriptor/1" });
    },
    plan(input) {
      try {
        return written({ ...workload.plan(JSON.parse(input)), schema: "stresshost.plan/1" });
      } catch (error) {
        throw error instanceof Problems ? written(error.problems) : fault(error);
      }
    },
    setup: (context) => orFailure(() => written(workload.setup(JSON.parse(context)))),
    setupPhase(text) {
      const context = JSON.parse(text);
      return orFailure(() => written(workload.setupPhase({ ...context, shared: JSON.parse(context.shared) })));
    },
    start(vu, shared) {
      orFailure(() => {
        user = new workload();
        user.start({ id: Number(vu.id), count: Number(vu.count) }, JSON.parse(shared));
      });
    },
    iterate(iteration) {
      try {
        const done = user.iterate({ scenario: iteration.scenario, number: Number(iteration.number) });
        // An engine with an event loop waits for it: fetch needs that.
        return done instanceof Promise ? done.catch(failed) : undefined;
      } catch (error) {
        failed(error);
      }
    },
    finish: () => user.finish(),
    teardownPhase: (shared) => orFailure(() => workload.teardownPhase(JSON.parse(shared))),
    teardown: (shared) => orFailure(() => workload.teardown(JSON.parse(shared))),
    analyze: (summary) => written({ ...workload.analyze(JSON.parse(summary)), schema: "stresshost.analysis/1" }),
  };
}
