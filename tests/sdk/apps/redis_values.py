"""Every kind of value and of reply of `stresshost.redis`."""

from stresshost import Failure, Workload, checks, export, redis


def refused(call) -> str:
    try:
        call()
    except Failure as error:
        return str(error)
    return ""


class Values(Workload):
    name = "values"

    def start(self, vu, shared):
        self.cache = redis.connect(shared["url"], protocol=3, timeout_ms=5_000)
        word = ["a", b"\xff", "{{value}}"]
        self.push = self.cache.prepare("RPUSH", ["RPUSH", "list", *word], slots=["value"])
        self.range = self.cache.prepare("LRANGE", ["LRANGE", "list", "0", "-1"])
        self.last = self.cache.prepare("RPOP", ["RPOP", "list"])
        self.get = self.cache.prepare("GET", ["GET", "{{key}}"], slots=["key"])
        self.must = self.cache.prepare("GET", ["GET", "{{key}}"], slots=["key"], expect="value")
        self.map = self.cache.prepare("CONFIG", ["CONFIG", "GET", "port"])

    def iterate(self, iteration):
        def said(name, is_so):
            checks.register(name).mark(is_so)

        pushed = self.push.send("42").check()
        said("integer", (pushed.kind, pushed.integer()) == ("integer", 3))
        said("time", pushed.duration_us > 0)
        listed = self.range.send()
        said("array", listed.kind == "array" and listed.value() == ["a", "\ufffd", "42"])
        said("map", "port" in self.map.send().value())
        number = self.last.send()
        said("number in a string", (number.kind, number.integer(), number.text()) == ("bulk", 42, "42"))
        raw = self.last.send()
        said("bytes", raw.raw() == b"\xff" and raw.text() == "\ufffd")
        none = self.get.send("nothing")
        said("nil", (none.ok, none.kind, none.raw()) == (True, "nil", None))
        said("expected", self.must.send("nothing").error == "status_unexpected")

        wrong = self.get.send("list")
        said("error", (wrong.ok, wrong.kind, wrong.error_code) == (False, "error", "WRONGTYPE"))
        said("failure", "wrong kind of value" in refused(wrong.check) and wrong.error != "")
        said("no words", "command `GET`" in refused(lambda: self.cache.prepare("GET", [])))
        first, second = redis.pipeline((self.get, ["nothing"]), (self.get, ["list"]))
        said("pipeline", (first.kind, second.kind) == ("nil", "error"))

        said("server", self.cache.server()["mode"] == "standalone")
        other = redis.connect("redis://" + self.cache_place())
        other.close()
        said("closed", other.server() == {})

    def cache_place(self):
        port = self.map.send().value()["port"]
        return f"127.0.0.1:{port}"


Guest = export(Values)
