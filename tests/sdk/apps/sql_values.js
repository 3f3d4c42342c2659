// Every kind of value and of answer of `sql.js`, on PostgreSQL.

import * as sql from "../stresshost/sql.js";
import { Failure, Workload, checks, run } from "../stresshost/stresshost.js";

const GIVEN = [null, true, -7, 0.5, "d\u00e9j\u00e0 vu", Uint8Array.of(0, 255)];
const ECHO = "SELECT $1::int8 AS n, $2::boolean AS b, $3::int8 AS i, $4::float8 AS r, $5::text AS t, $6::bytea AS d";

function refused(call) {
  try {
    call();
  } catch (error) {
    if (error instanceof Failure || error instanceof TypeError) return error.message;
    throw error;
  }
  return "";
}

const same = (one, other) =>
  JSON.stringify(one) === JSON.stringify(other) && one.every((value, index) => typeof value === typeof other[index]);

class Values extends Workload {
  static workloadName = "values";

  start(_vu, { url }) {
    this.url = url;
    this.database = sql.connect(url, { "read-only": false, "application-name": "values" });
    this.echo = this.database.prepare("echo", ECHO, { "timeout-ms": 5_000 });
    this.insert = this.database.prepare("insert", "INSERT INTO t VALUES ($1)");
  }

  iterate() {
    const said = (name, isSo) => checks.register(name).mark(isSo);

    const answer = this.echo.query(...GIVEN).check();
    const rows = [...answer];
    said("values", rows.length === 1 && same(rows[0], GIVEN) && answer.row(1) === undefined);
    said("columns", answer.columns.join() === "n,b,i,r,t,d" && answer.rows === 1);
    said("time", answer.durationUs > 0);
    said("parameters", this.echo.parameters()[0] === "int8");
    said("many rows", this.database.run("many", "SELECT generate_series(1, 70000)").rows === 70_000);

    said("executed", this.insert.execute(1n).check().rows === 1);
    const again = this.insert.execute(1);
    said("error", !again.ok && again.error === "constraint" && again.errorCode === "23505");
    said("error's words", again.errorText.includes("duplicate key"));
    said("failure", refused(() => again.check()).endsWith("[23505]"));
    said("no such table", refused(() => this.database.prepare("x", "SELECT 1 FROM nowhere")).includes("42P01"));
    said("no such value", refused(() => this.echo.query({})).includes("give its text"));

    const options = { isolation: "serializable", "read-only": true };
    const level = this.database.transaction(
      () => this.database.run("level", "SHOW transaction_isolation").row(0),
      options,
    );
    said("isolation", same(level, ["serializable"]));
    said("rolled back", refused(() => this.leave()).includes("left") && this.count() === 1);

    said("server", this.database.server().engine === "postgresql" && this.database.pool() === undefined);
    const pooled = sql.connect(this.url, { pool: 2 });
    said("pool", pooled.pool().size === 2);
    pooled.close();
    said("closed", Object.keys(pooled.server()).length === 0);
  }

  leave() {
    this.database.transaction(() => {
      this.insert.execute(2).check();
      throw new Failure("left", "the block is left");
    });
  }

  count() {
    return Number(this.database.run("count", "SELECT count(*) FROM t").row(0)[0]);
  }
}

export const guest = run(Values);
