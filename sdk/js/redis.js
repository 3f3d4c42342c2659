/** Redis for workloads whose `wit/world.wit` has `import redis;`. `redis.d.ts` documents every item. */

import * as host from "stresshost:workload/redis@0.1.0";

import { Failure, asked, decoded, encoded, options, shown } from "./engine.js";

const KINDS = ["none", "nil", "simple", "integer", "bulk", "array", "map", "set", "boolean", "double", "error"];

export function connect(url, given = {}) {
  const target = { url, options: options(given) };
  return new Connection(asked("setup", `redis \`${shown(url)}\``, () => host.open(target)));
}

export class Connection {
  constructor(id) {
    this.id = id;
  }

  prepare(name, words, { slots = [], ...given } = {}) {
    const command = { name, words: words.map(bytes), slots, options: options(given) };
    return new Prepared(asked("setup", `command \`${name}\``, () => host.prepare(this.id, command)));
  }

  server() {
    return JSON.parse(host.server(this.id) || "{}");
  }

  close() {
    host.close(this.id);
  }
}

export class Prepared {
  constructor(id) {
    this.id = id;
  }

  send(...values) {
    return new Reply(values.length === 0 ? host.send(this.id) : host.sendWith(this.id, values.map(bytes)));
  }
}

export function pipeline(...calls) {
  return (
    host
      .pipeline(calls.map(([command, ...values]) => ({ command: command.id, values: values.map(bytes) })))
      // A list of 64-bit integers arrives as a typed array, whose `map` makes another one.
      .reduce((replies, answer) => [...replies, new Reply(answer)], [])
  );
}

export class Reply {
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

  get kind() {
    return KINDS[Number((this.#answer >> 32n) & 0xffffn)] ?? "other";
  }

  get ok() {
    return this.#errorCode === 0;
  }

  get error() {
    return this.ok ? "" : host.errorName(this.#errorCode);
  }

  get errorCode() {
    return host.errorCode(this.#id);
  }

  get errorText() {
    return host.errorText(this.#id);
  }

  get durationUs() {
    return Number(host.durationUs(this.#id));
  }

  integer() {
    const value = host.integer(this.#id) ?? undefined;
    return value === undefined ? undefined : Number(value);
  }

  bytes() {
    const reply = host.bytes(this.#id) ?? undefined;
    return reply && Uint8Array.from(reply);
  }

  text() {
    const reply = this.bytes();
    return reply && asked("reply", "the reply is no UTF-8", () => decoded(reply));
  }

  value() {
    return JSON.parse(asked("reply", "the reply", () => host.value(this.#id)));
  }

  check() {
    if (this.ok) return this;
    throw new Failure(this.error, this.errorText);
  }
}

const bytes = (word) => (word instanceof Uint8Array ? word : encoded(String(word)));
