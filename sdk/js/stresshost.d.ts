/** Write StressHost workloads in TypeScript or JavaScript. `export const guest = run(Shopper)` makes a component. */

export type Json = any;

/** Which virtual user an instance is. */
export interface VuInfo {
  /** 0 and up, unique within the phase, over all cores and machines. */
  id: number;
  /** Number of virtual users of the phase. */
  count: number;
}

/** One iteration to do. */
export interface Iteration {
  /** Index of the scenario in the plan. */
  scenario: number;
  /** Number of the iteration within the scenario: 0 and up, each given to one virtual user. */
  number: number;
}

/** The user's arguments, flags and config (schema `stresshost.plan-input/1`). */
export interface PlanInput {
  args: string[];
  flags: Record<string, Json>;
  config?: Json;
}

/** Something wrong with the user's input. */
export interface Problem {
  /** A flag (`--vus`), an argument's name, or a JSON pointer into the config. */
  path: string;
  message: string;
  hint?: string;
}

/** Why an iteration or a set-up did not reach its aim. It is counted and reported; it is no fault of the plugin. */
export class Failure extends Error {
  /** `code` is short and stable, for grouping: `check`, `extract`, `expectation` or a word of your own. */
  constructor(code: string, message: string);
  readonly code: string;
}

/** Every problem of the input at once; thrown by `plan`. */
export class Problems extends Error {
  constructor(...problems: Problem[]);
  readonly problems: Problem[];
}

/**
 * A workload: an instance is one virtual user, its fields are that user's state. `Shared` is what `setup` returns.
 *
 * The order of the calls: `describe`, `plan`; `setup` once; per phase `setupPhase`, per virtual user `start`, many times
 * `iterate`, `finish`, then `teardownPhase`; `teardown` once; `analyze`. The static ones run in instances that do no
 * load; `describe`, `plan` and `analyze` can do no I/O. Only `iterate` must be written: by default a workload takes a URL
 * and the load flags, and its `start` is handed `{url}`.
 */
export class Workload<Shared = { url: string }> {
  /** Lower-case letters, digits and hyphens. */
  static workloadName: string;
  static version: string;
  /** One line for listings and `--help`. */
  static summary: string;
  /** Fields of the descriptor (schema `stresshost.descriptor/1`) besides name, version and summary. */
  static describe(): Json;
  /** Makes the plan (schema `stresshost.plan/1`). Throws `Problems`. */
  static plan(given: PlanInput): Json;
  /** Runs once before the load. What it returns, which must be JSON, goes to each `setupPhase` and to `teardown`. */
  static setup(context: { run_id: string; seed: number; workload: Json }): Json;
  /** Runs once a phase. What it returns goes to every virtual user of the phase. */
  static setupPhase(context: { run_id: string; seed: number; phase: string; shared: Json; workload: Json }): Json;
  /** Begins a virtual user: the place to prepare requests and register checks and metrics. */
  start(vu: VuInfo, shared: Shared): void;
  /** Does one iteration: the hot call. Throws `Failure` when it did not reach its aim. It may be asynchronous where the
   *  engine has an event loop: with `fetch` in StarlingMonkey. */
  iterate(iteration: Iteration): void | Promise<void>;
  /** Runs after the virtual user's last iteration. */
  finish(): void;
  static teardownPhase(shared: Json): void;
  static teardown(shared: Json): void;
  /** Reads the summary (schema `stresshost.summary/1`); fields of an analysis (schema `stresshost.analysis/1`). */
  static analyze(summary: Json): Json;
}

/** The component's `guest` of a workload. */
export function run(workload: typeof Workload<any>): Json;

/** The flags for the shape of a load, for `flags` of a descriptor. */
export const LOAD_FLAGS: Json[];
/** A scenario with the load that the flags say. Throws `Problems` for flags that cannot be together. */
export function scenario(name: string, given: PlanInput): Json;
/** A plan of one scenario, `main`; `workload` is what `setup` is handed. */
export function plan(name: string, given: PlanInput, workload: Json): Json;

/** Parts of a request. `{{slot}}` in URL, header values and body is replaced on each `fire`; `{{&slot}}` as it is. */
export interface RequestParts {
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** A body as JSON, with its content type. */
  json?: Json;
  /** Names of the slots, in the order `fire` takes their values. */
  slots?: string[];
  /** `expect-status` (`200-299,404`), `timeout-ms`, `connect-timeout-ms`, `follow-redirects`, `decompress`,
   *  `keep-alive`, `http-version`. */
  options?: Record<string, string | number | boolean>;
}

/** A request to prepare. */
export class Request {
  /** `name` is what reports call the operation, such as `GET /products/{id}`. Keep what varies out of it. */
  constructor(method: string, name: string, url: string, parts?: RequestParts);
  /** Has the host compile the request. Throws `Failure` when the host refuses it. */
  prepare(): Prepared;
}

/** A request the host has compiled; good for the virtual user's life. */
export class Prepared {
  private constructor();
  /** Sends the request and waits for the whole response. A request that fails is a response with an error. */
  fire(...values: (string | number)[]): Response;
}

/** What came of a request. Headers and body are gone with the next `fire` or at the iteration's end. */
export class Response {
  private constructor();
  /** HTTP status; 0 when none was received. */
  readonly status: number;
  /** Whether the whole response arrived with an expected status. */
  readonly ok: boolean;
  /** Name of the error, such as `timeout` or `status_5xx`; empty when the request succeeded. */
  readonly error: string;
  readonly errorText: string;
  /** Service time in microseconds. */
  readonly durationUs: number;
  /** Bytes of the body as received. */
  readonly bodyBytes: number;
  header(name: string): string | undefined;
  headers(): [string, string][];
  /** The body. Throws `Failure` when the host did not keep it. */
  body(): Uint8Array;
  text(): string;
  /** The value at a JSON pointer (RFC 6901): a string's characters, any other value as JSON text. */
  json(pointer: string): string | undefined;
  /** The whole body, read as JSON. */
  parse(): Json;
}

export const http: {
  get(name: string, url: string, parts?: RequestParts): Request;
  post(name: string, url: string, parts?: RequestParts): Request;
  request(method: string, name: string, url: string, parts?: RequestParts): Request;
  /** Sends several requests, each with its values, at the same time; responses in the same order. */
  sendAll(...shots: [Prepared, ...(string | number)[]][]): Response[];
};

/** A yes-or-no statement about what the target did. */
export interface Check {
  /** Counts one outcome and returns it. */
  mark(passed: unknown): boolean;
}

export const checks: { register(name: string): Check };

/** A metric of the workload's own. */
export interface Metric {
  /** An increment of a counter (1 by default), the value of a gauge, 0 or not 0 of a rate, a value of a distribution. */
  add(value?: number | string): void;
}

export const metrics: {
  counter(name: string, unit?: string): Metric;
  gauge(name: string, unit?: string): Metric;
  rate(name: string): Metric;
  distribution(name: string, unit?: string): Metric;
};

export const findings: {
  /** Reports a finding; the same rule, location and message again is counted. */
  report(
    rule: string,
    severity: "info" | "low" | "medium" | "high" | "critical",
    message: string,
    more?: { location?: string; evidence?: string; confidence?: "confirmed" | "suspected"; remedy?: string },
  ): void;
};

/** Random numbers that the run's seed reproduces. `Math.random` is not reproduced by it. */
export const random: {
  next(): bigint;
  /** From 0 up to but not including `bound`. */
  below(bound: number): number;
  between(least: number, most: number): number;
  choice<T>(values: T[]): T;
};

export const pacing: {
  /** Waits. The next request is intended for the end of the wait. */
  sleep(seconds: number): void;
  /** Microseconds since the load began. No means to measure: the host measures. */
  nowUs(): number;
  limiter(name: string): {
    /** Waits for tokens of the rate limit; microseconds that took. */
    acquire(tokens?: number): number;
  };
};

/** Rows of a feed of the plan, by column. */
export interface Feed {
  columns: string[];
  length: number;
  /** The next row for this virtual user. undefined: the feed is used up. */
  next(): Record<string, string> | undefined;
  row(index: number): Record<string, string> | undefined;
}

export const data: { open(name: string): Feed };

export const log: Record<"error" | "warn" | "info" | "debug", (message: unknown) => void>;

/** Files for the run directory. The descriptor asks for them: `asks: {artifacts: true}`. */
export const artifacts: {
  write(name: string, content: string | Uint8Array): void;
  append(name: string, content: string | Uint8Array): void;
};
