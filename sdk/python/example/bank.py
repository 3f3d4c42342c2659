"""Moves money between two accounts, in a database whose tables it makes: PostgreSQL, MySQL, MariaDB or SQLite."""

from stresshost import Iteration, VuInfo, Workload, checks, export, sql

TABLES = """
    CREATE TABLE accounts (id INT PRIMARY KEY, balance INT);
    CREATE TABLE moves (id INT PRIMARY KEY);
    INSERT INTO accounts VALUES (1, 100), (2, 100)
"""


class Bank(Workload):
    name = "bank"
    summary = "Moves money between two accounts"

    @classmethod
    def setup(cls, context: dict) -> dict:
        database = sql.connect(context["workload"]["url"])
        database.run("tables", TABLES).check()
        return context["workload"]

    def start(self, vu: VuInfo, shared: dict) -> None:
        self.database = sql.connect(shared["url"], statement_timeout_ms=10_000)
        self.take = self.database.prepare("take", "UPDATE accounts SET balance = balance - $1 WHERE id = 1")
        self.give = self.database.prepare("give", "UPDATE accounts SET balance = balance + $1 WHERE id = 2")
        self.total = self.database.prepare("total", "SELECT SUM(balance) FROM accounts")
        self.moved = self.database.prepare("moved", "INSERT INTO moves VALUES ($1)")
        self.is_whole = checks.register("no money is lost")

    def iterate(self, iteration: Iteration) -> None:
        # A move that was made before is refused, and with it the whole transaction.
        with self.database.transaction():
            self.take.execute(5).check()
            self.give.execute(5).check()
            for (total,) in self.total.query().check():
                self.is_whole.mark(int(total) == 200)
            self.moved.execute(iteration.number % 20).check()


Guest = export(Bank)
