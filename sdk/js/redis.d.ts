/**
 * Commands of Redis and of servers that speak its protocol, prepared once, sent many times, measured by the host. It needs
 * `import redis;` in `wit/world.wit`.
 */

import type { Json } from "./stresshost.js";

/** A word of a command, or the value of a slot in one; a text is sent as UTF-8. */
export type Word = string | number | Uint8Array;

export interface TargetOptions {
  "connect-timeout-ms"?: number;
  /** Of each command. */
  "timeout-ms"?: number;
  protocol?: 2 | 3;
  /** true: commands go to the node that holds their key. */
  cluster?: boolean;
}

export interface CommandOptions {
  /** Names of the slots, in the order `send` takes their values. */
  slots?: string[];
  "timeout-ms"?: number;
  /** A reply of nil is a failure. */
  expect?: "value";
  /** Which word a cluster's node is chosen by: its index, 0 for the command itself. */
  key?: number | "none";
}

/** Connects to a `redis://` or `rediss://` URL, such as `redis://user:password@host:6379/0`. Throws `Failure`. */
export function connect(url: string, options?: TargetOptions): Connection;

/** A connection; good for the virtual user's life, also when the server has closed it meanwhile: the next command makes it
 *  again, which is measured as the operation `connect`. */
export class Connection {
  private constructor();
  /** Has the host compile a command; nothing is sent. `{{slot}}` in a word is replaced by the slot's value as it is. `name`
   *  is what reports call the operation: keep what varies out of it. Throws `Failure` when something is wrong with it. */
  prepare(name: string, words: Word[], options?: CommandOptions): Prepared;
  /** `engine` as the server names itself; empty when the connection is closed. */
  server(): { engine?: string; version?: string; mode?: "standalone" | "cluster" | "sentinel" };
  /** Closes the connection; its commands are stale from then on. */
  close(): void;
}

/** A command the host has compiled. */
export class Prepared {
  private constructor();
  /** Sends the command and waits for the whole reply. A command that fails is a reply with an error: the host has measured
   *  and counted it. */
  send(...values: Word[]): Reply;
}

/** Sends commands of one connection, each with its values, at once, at most 1,000, and waits for all replies, in the same
 *  order. The time of each counts from when the first was sent. */
export function pipeline(...calls: [Prepared, ...Word[]][]): Reply[];

/** What came of a command. It is gone with the next command or pipeline or at the iteration's end; then it reads as
 *  absent. */
export class Reply {
  private constructor();
  /** `none`: the command failed before a reply came. */
  readonly kind:
    | "none" | "nil" | "simple" | "integer" | "bulk" | "array" | "map" | "set" | "boolean" | "double" | "error" | "other";
  /** Whether the command succeeded. */
  readonly ok: boolean;
  /** Name of the error, such as `timeout`; empty when the command succeeded. */
  readonly error: string;
  /** The first word of an error reply, such as `WRONGTYPE`; empty when there is none. */
  readonly errorCode: string;
  /** The server's or transport's own words for a failure. */
  readonly errorText: string;
  /** Service time in microseconds. */
  readonly durationUs: number;
  /** An integer reply, or a string that holds one; exact to 2^53. */
  integer(): number | undefined;
  /** A string reply. */
  bytes(): Uint8Array | undefined;
  /** A string reply as text. Throws `Failure` when it is no UTF-8. */
  text(): string | undefined;
  /** The whole reply: arrays as arrays, maps as objects, errors within arrays as `{error: ...}`. Throws `Failure` when it was
   *  longer than the host keeps. */
  value(): Json;
  /** Itself, if the command succeeded. Throws `Failure` with the error's name and the server's words. */
  check(): this;
}
