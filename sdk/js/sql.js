/** SQL for workloads whose `wit/world.wit` has `import sql;`. `sql.d.ts` documents every item. */

import * as host from "stresshost:workload/sql@0.1.0";

import { Failure, asked, options, shown, wide } from "./engine.js";

export function connect(url, given = {}) {
  const target = { url, options: options(given) };
  return new Connection(asked("setup", `database \`${shown(url)}\``, () => host.open(target)));
}

export class Connection {
  constructor(id) {
    this.id = id;
  }

  prepare(name, text, given = {}) {
    const statement = { name, text, options: options(given) };
    return new Statement(asked("setup", `statement \`${name}\``, () => host.prepare(this.id, statement)));
  }

  run(name, text) {
    return new Answer(host.run(this.id, name, text));
  }

  transaction(work, given = {}) {
    this.begin(given).check();
    let result;
    try {
      result = work();
    } catch (error) {
      this.rollback();
      throw error;
    }
    this.commit().check();
    return result;
  }

  begin(given = {}) {
    return new Answer(host.begin(this.id, options(given)));
  }

  commit() {
    return new Answer(host.commit(this.id));
  }

  rollback() {
    return new Answer(host.rollback(this.id));
  }

  server() {
    return JSON.parse(host.server(this.id) || "{}");
  }

  pool() {
    const state = host.pool(this.id) ?? undefined;
    return state && JSON.parse(state);
  }

  close() {
    host.close(this.id);
  }
}

export class Statement {
  constructor(id) {
    this.id = id;
  }

  execute(...values) {
    return new Answer(host.execute(this.id, values.map(value)));
  }

  query(...values) {
    return new Answer(host.query(this.id, values.map(value)));
  }

  parameters() {
    return host.parameters(this.id);
  }
}

export class Answer {
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

  get rows() {
    const rows = Number((this.#answer >> 32n) & 0xffffn);
    // The greatest number stands for that many or more.
    return rows === 0xffff ? Number(host.rows(this.#id)) : rows;
  }

  get columns() {
    return host.columns(this.#id);
  }

  row(index) {
    return host.row(this.#id, index)?.map(kept);
  }

  *[Symbol.iterator]() {
    for (let index = 0, row; (row = this.row(index)) !== undefined; index++) yield row;
  }

  check() {
    if (this.ok) return this;
    const code = this.errorCode;
    throw new Failure(this.error, code === "" ? this.errorText : `${this.errorText} [${code}]`);
  }
}

/** A parameter's value as the contract's variant. */
function value(given) {
  if (given === null || given === undefined) return { tag: "null" };
  if (typeof given === "boolean") return { tag: "boolean", val: given };
  if (typeof given === "bigint" || Number.isSafeInteger(given)) return { tag: "integer", val: wide(given) };
  if (typeof given === "number") return { tag: "real", val: given };
  if (typeof given === "string") return { tag: "text", val: given };
  if (given instanceof Uint8Array) return { tag: "bytes", val: given };
  throw new TypeError(`a parameter is null, a boolean, number, bigint, string or Uint8Array, not ${given}: give its text`);
}

function kept(cell) {
  switch (cell.tag) {
    case "null":
      return null;
    case "integer":
      return Number(cell.val);
    case "bytes":
      return Uint8Array.from(cell.val);
    default:
      return cell.val;
  }
}
