// Every kind of value and of reply of `redis.js`.

import * as redis from "../stresshost/redis.js";
import { Failure, Workload, checks, run } from "../stresshost/stresshost.js";

function refused(call) {
  try {
    call();
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
  return "";
}

class Values extends Workload {
  static workloadName = "values";

  start(_vu, { url }) {
    this.cache = redis.connect(url, { protocol: 3, "timeout-ms": 5_000 });
    const words = ["a", Uint8Array.of(255), "{{value}}"];
    this.push = this.cache.prepare("RPUSH", ["RPUSH", "list", ...words], { slots: ["value"] });
    this.range = this.cache.prepare("LRANGE", ["LRANGE", "list", 0, -1]);
    this.last = this.cache.prepare("RPOP", ["RPOP", "list"]);
    this.get = this.cache.prepare("GET", ["GET", "{{key}}"], { slots: ["key"] });
    this.must = this.cache.prepare("GET", ["GET", "{{key}}"], { slots: ["key"], expect: "value" });
    this.map = this.cache.prepare("CONFIG", ["CONFIG", "GET", "port"]);
  }

  iterate() {
    const said = (name, isSo) => checks.register(name).mark(isSo);

    const pushed = this.push.send(42).check();
    said("integer", pushed.kind === "integer" && pushed.integer() === 3);
    said("time", pushed.durationUs > 0);
    const listed = this.range.send();
    said("array", listed.kind === "array" && listed.value().join() === "a,\ufffd,42");
    said("map", this.map.send().value().port !== undefined);
    const number = this.last.send();
    said("number in a string", number.kind === "bulk" && number.integer() === 42 && number.text() === "42");
    const raw = this.last.send();
    said("bytes", raw.bytes().length === 1 && raw.bytes()[0] === 255 && refused(() => raw.text()).includes("no UTF-8"));
    const none = this.get.send("nothing");
    said("nil", none.ok && none.kind === "nil" && none.bytes() === undefined);
    said("expected", this.must.send("nothing").error === "status_unexpected");

    const wrong = this.get.send("list");
    said("error", !wrong.ok && wrong.kind === "error" && wrong.errorCode === "WRONGTYPE");
    said("failure", refused(() => wrong.check()).includes("wrong kind of value") && wrong.error !== "");
    said("no words", refused(() => this.cache.prepare("GET", [])).includes("command `GET`"));
    const [first, second] = redis.pipeline([this.get, "nothing"], [this.get, "list"]);
    said("pipeline", first.kind === "nil" && second.kind === "error");

    said("server", this.cache.server().mode === "standalone");
    const other = redis.connect(`redis://127.0.0.1:${this.map.send().value().port}`);
    other.close();
    said("closed", Object.keys(other.server()).length === 0);
  }
}

export const guest = run(Values);
