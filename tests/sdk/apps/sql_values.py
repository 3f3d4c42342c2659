"""Every kind of value and of answer of `stresshost.sql`, on PostgreSQL."""

from stresshost import Failure, Workload, checks, export, sql

GIVEN = (None, True, -7, 0.5, "d\u00e9j\u00e0 vu", b"\x00\xff")
ECHO = "SELECT $1::int8 AS n, $2::boolean AS b, $3::int8 AS i, $4::float8 AS r, $5::text AS t, $6::bytea AS d"


def refused(call) -> str:
    try:
        call()
    except (Failure, TypeError) as error:
        return str(error)
    return ""


class Values(Workload):
    name = "values"

    def start(self, vu, shared):
        self.url = shared["url"]
        self.database = sql.connect(self.url, read_only=False, application_name="values")
        self.echo = self.database.prepare("echo", ECHO, timeout_ms=5_000)
        self.insert = self.database.prepare("insert", "INSERT INTO t VALUES ($1)")

    def iterate(self, iteration):
        def said(name, is_so):
            checks.register(name).mark(is_so)

        answer = self.echo.query(*GIVEN).check()
        said("values", list(answer) == [GIVEN] and answer.row(1) is None)
        said("columns", answer.columns == ["n", "b", "i", "r", "t", "d"] and answer.rows == 1)
        said("time", answer.duration_us > 0)
        said("parameters", self.echo.parameters()[0] == "int8")
        said("many rows", self.database.run("many", "SELECT generate_series(1, 70000)").rows == 70_000)

        said("executed", self.insert.execute(1).check().rows == 1)
        again = self.insert.execute(1)
        said("error", (again.ok, again.error, again.error_code) == (False, "constraint", "23505"))
        said("error's words", "duplicate key" in again.error_text)
        said("failure", refused(again.check).endswith("[23505]')"))
        said("no such table", "42P01" in refused(lambda: self.database.prepare("x", "SELECT 1 FROM nowhere")))
        said("no such value", "not list" in refused(lambda: self.echo.query([])))

        with self.database.transaction(isolation="serializable", read_only=True):
            level = self.database.run("level", "SHOW transaction_isolation").row(0)
            said("isolation", level == ("serializable",))
        said("rolled back", "left" in refused(self.leave) and self.count() == 1)

        server = self.database.server()
        said("server", server["engine"] == "postgresql" and self.database.pool() is None)
        pooled = sql.connect(self.url, pool=2)
        said("pool", pooled.pool()["size"] == 2)
        pooled.close()
        said("closed", pooled.server() == {})

    def leave(self):
        with self.database.transaction():
            self.insert.execute(2).check()
            raise Failure("left", "the block is left")

    def count(self):
        return int(self.database.run("count", "SELECT count(*) FROM t").row(0)[0])


Guest = export(Values)
