/**
 * SQL statements, prepared once, executed many times, measured by the host: PostgreSQL, MySQL and MariaDB, SQLite. It
 * needs `import sql;` in `wit/world.wit`.
 */

/** What a parameter may be. What is none of these, such as a date, a numeric or a UUID, is given as text in the server's
 *  own notation; the server reads it as the parameter's type. */
export type Value = null | undefined | boolean | number | bigint | string | Uint8Array;

/** What a row holds. Whole numbers are exact to 2^53; dates, numerics and UUIDs are text in the server's own notation. */
export type Cell = null | boolean | number | string | Uint8Array;

export interface TargetOptions {
  "connect-timeout-ms"?: number;
  "statement-timeout-ms"?: number;
  /** What the server's list of sessions shows. */
  "application-name"?: string;
  /** true: the server refuses changes. */
  "read-only"?: boolean;
  /** Connections that all virtual users share: each statement or transaction waits for a free one, and the wait is part of
   *  its response time. */
  pool?: number;
  "pool-timeout-ms"?: number;
  tls?: "disable" | "prefer" | "require" | "verify-full";
}

export interface TransactionOptions {
  isolation?: "read-committed" | "repeatable-read" | "serializable";
  "read-only"?: boolean;
}

/** Connects to a `postgresql://`, `mysql://`, `mariadb://` or `sqlite:` URL. Within an iteration it is measured as the
 *  operation `connect`. Throws `Failure`, with the server's code in brackets when it gave one. */
export function connect(url: string, options?: TargetOptions): Connection;

/** A database the host is connected to; good for the virtual user's life, unless it is closed. */
export class Connection {
  private constructor();
  /** Prepares one statement; its parameters are `$1`, `$2`, ... for every engine. `name` is what reports call the
   *  operation: keep what varies out of it. Throws `Failure` when the server refuses it. */
  prepare(name: string, text: string, options?: { "timeout-ms"?: number }): Statement;
  /** Executes text that was not prepared, such as DDL; it may hold several statements without parameters. The rows of the
   *  last one are kept, as text where the server's protocol has them so. */
  run(name: string, text: string): Answer;
  /** Does something in a transaction: committed at its end, rolled back when it throws. All of that is measured. Throws
   *  `Failure` when the transaction cannot be begun or committed. */
  transaction<T>(work: () => T, options?: TransactionOptions): T;
  /** Begins a transaction. One that is open at the iteration's end is rolled back by the host. */
  begin(options?: TransactionOptions): Answer;
  commit(): Answer;
  rollback(): Answer;
  /** Facts about the server and the session; empty when the connection is closed. `session` is the server's own id of the
   *  connection. */
  server(): { engine?: "postgresql" | "mysql" | "mariadb" | "sqlite"; version?: string; database?: string; user?: string; session?: string };
  /** State of the pool; undefined when there is none. */
  pool(): { size: number; in_use: number; idle: number; waiting: number; waits: number; wait_us: number } | undefined;
  /** Closes the connection; its statements are stale from then on. */
  close(): void;
}

/** A prepared statement; good for the connection's life. */
export class Statement {
  private constructor();
  /** Executes it and counts its rows, which are not kept. A statement that fails is an answer with an error: the host has
   *  measured and counted it. */
  execute(...values: Value[]): Answer;
  /** Executes it and keeps its rows. */
  query(...values: Value[]): Answer;
  /** The server's names of the parameters' types; an empty name where it does not say. */
  parameters(): string[];
}

/** What came of a statement; iterating over it gives the rows that were kept. They are gone with the next operation or at
 *  the iteration's end; then they read as absent. */
export class Answer implements Iterable<Cell[]> {
  private constructor();
  /** Whether the statement succeeded. */
  readonly ok: boolean;
  /** Name of the error, such as `deadlock` or `constraint`; empty when the statement succeeded. */
  readonly error: string;
  /** The server's own code: SQLSTATE for PostgreSQL, the error number for MySQL and MariaDB, the extended result code for
   *  SQLite. Empty when the server gave none. */
  readonly errorCode: string;
  /** The server's or transport's own words for a failure. */
  readonly errorText: string;
  /** Service time in microseconds. */
  readonly durationUs: number;
  /** Rows returned or changed. */
  readonly rows: number;
  /** Names of the columns of the rows kept. */
  readonly columns: string[];
  /** A kept row by its index; undefined when the host keeps no more. */
  row(index: number): Cell[] | undefined;
  [Symbol.iterator](): Iterator<Cell[]>;
  /** Itself, if the statement succeeded. Throws `Failure` with the error's name, the server's words and its code. */
  check(): this;
}
