"""Counts visits in Redis, and keeps a page beside them."""

from stresshost import Iteration, VuInfo, Workload, checks, export, redis


class Cache(Workload):
    name = "cache"
    summary = "Counts visits in Redis"

    def start(self, vu: VuInfo, shared: dict) -> None:
        cache = redis.connect(shared["url"], timeout_ms=1_000)
        self.visit = cache.prepare("INCR", ["INCR", "visits:{{page}}"], slots=["page"])
        self.keep = cache.prepare("SET", ["SET", "page:{{page}}", "{{text}}"], slots=["page", "text"])
        self.page = cache.prepare("GET", ["GET", "page:{{page}}"], slots=["page"], expect="value")
        self.is_kept = checks.register("the page is kept")

    def iterate(self, iteration: Iteration) -> None:
        page = str(iteration.number % 10)
        self.visit.send(page).check()
        kept, read = redis.pipeline((self.keep, [page, f"page {page}"]), (self.page, [page]))
        kept.check()
        self.is_kept.mark(read.check().text() == f"page {page}")


Guest = export(Cache)
