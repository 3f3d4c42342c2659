// Moves money between two accounts, in a database whose tables it makes: PostgreSQL, MySQL, MariaDB or SQLite.

import * as sql from "../stresshost/sql.js";
import { Workload, checks, run } from "../stresshost/stresshost.js";

const TABLES = `
  CREATE TABLE accounts (id INT PRIMARY KEY, balance INT);
  CREATE TABLE moves (id INT PRIMARY KEY);
  INSERT INTO accounts VALUES (1, 100), (2, 100)`;

class Bank extends Workload {
  static workloadName = "bank";
  static summary = "Moves money between two accounts";

  static setup({ workload }) {
    sql.connect(workload.url).run("tables", TABLES).check();
    return workload;
  }

  start(_vu, { url }) {
    this.database = sql.connect(url, { "statement-timeout-ms": 10_000 });
    this.take = this.database.prepare("take", "UPDATE accounts SET balance = balance - $1 WHERE id = 1");
    this.give = this.database.prepare("give", "UPDATE accounts SET balance = balance + $1 WHERE id = 2");
    this.total = this.database.prepare("total", "SELECT SUM(balance) FROM accounts");
    this.moved = this.database.prepare("moved", "INSERT INTO moves VALUES ($1)");
    this.isWhole = checks.register("no money is lost");
  }

  iterate({ number }) {
    // A move that was made before is refused, and with it the whole transaction.
    this.database.transaction(() => {
      this.take.execute(5).check();
      this.give.execute(5).check();
      for (const [total] of this.total.query().check()) this.isWhole.mark(Number(total) === 200);
      this.moved.execute(number % 20).check();
    });
  }
}

export const guest = run(Bank);
