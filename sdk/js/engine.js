/** What engines differ in: texts and bytes, 64-bit integers, and how the host's refusals arrive. */

import * as pacingHost from "stresshost:workload/pacing@0.1.0";

export class Failure extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** UTF-8 of a text: not every engine has TextEncoder. */
export function encoded(text) {
  const escaped = encodeURIComponent(text);
  const bytes = [];
  for (let at = 0; at < escaped.length; at++) {
    if (escaped[at] === "%") {
      bytes.push(parseInt(escaped.slice(at + 1, at + 3), 16));
      at += 2;
    } else {
      bytes.push(escaped.charCodeAt(at));
    }
  }
  return Uint8Array.from(bytes);
}

/** The text of UTF-8; throws when it is none. */
export function decoded(bytes) {
  let escaped = "";
  for (const byte of bytes) escaped += `%${byte.toString(16).padStart(2, "0")}`;
  return decodeURIComponent(escaped);
}

export const bytesOf = (content) => (typeof content === "string" ? encoded(content) : content);

/** Calls the host; what it refuses becomes a failure that says what was wanted. */
export function asked(code, what, call) {
  try {
    return call();
  } catch (error) {
    throw new Failure(code, `${what}: ${error.payload ?? error}`);
  }
}

let hasBigInts;

/** A 64-bit integer as the engine wants it: QuickJS takes numbers, which are exact to 2^53, StarlingMonkey BigInts. */
export function wide(value) {
  hasBigInts ??= typeof pacingHost.nowUs() === "bigint";
  return hasBigInts ? BigInt(value) : Number(value);
}

/** Options as the contract has them. */
export const options = (given) => Object.entries(given).map(([name, value]) => [name, String(value)]);

/** A URL without user, password and query. */
export function shown(url) {
  const [place] = url.split("?", 1);
  const [, scheme, rest] = place.match(/^(\w+:\/\/)(.*)$/) ?? [];
  if (scheme === undefined || scheme === "sqlite://") return place;
  return scheme + rest.slice(rest.lastIndexOf("@") + 1);
}
