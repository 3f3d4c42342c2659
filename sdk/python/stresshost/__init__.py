"""Write StressHost workloads in Python.

A workload is a subclass of :class:`Workload`: an instance is one virtual user, its attributes are that user's state.
``Guest = export(Shopper)`` in the application's module makes it a component. ``sql``, ``redis`` and ``stdlib`` are
imported by those who use them.
"""

from stresshost import artifacts, checks, data, findings, http, log, metrics, pacing, random
from stresshost.guest import export
from stresshost.load import LOAD_FLAGS, scenario
from stresshost.workload import Failure, Iteration, Problem, Problems, VuInfo, Workload

__version__ = "0.1.0"

__all__ = [
    "LOAD_FLAGS",
    "Failure",
    "Iteration",
    "Problem",
    "Problems",
    "VuInfo",
    "Workload",
    "artifacts",
    "checks",
    "data",
    "export",
    "findings",
    "http",
    "log",
    "metrics",
    "pacing",
    "random",
    "scenario",
]
