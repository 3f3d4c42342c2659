"""Loads one URL."""

from stresshost import Iteration, VuInfo, Workload, checks, export, http


class Plugin(Workload):
    name = "__NAME__"
    version = "0.1.0"
    summary = "Loads one URL"

    def start(self, vu: VuInfo, shared: dict) -> None:
        self.request = http.get("GET", shared["url"]).prepare()
        self.answered = checks.register("the target answered")

    def iterate(self, iteration: Iteration) -> None:
        response = self.request.fire()
        self.answered.mark(response.ok)


Guest = export(Plugin)
