"""Between the contract's strings and a workload's values."""

import json
import sys
from typing import Any

from componentize_py_types import Err
from wit_world.exports import guest as contract
from wit_world.imports import failures

from stresshost.workload import Failure, Iteration, Problems, VuInfo, Workload


def export(workload: type[Workload]) -> type:
    """The component's exports. Call it once: ``Guest = export(Shopper)`` in the application's module."""
    user: Workload | None = None

    class Guest:
        def describe(self) -> str:
            known = {"name": workload.name, "version": workload.version, "summary": workload.summary}
            return _write(known | workload.describe() | {"schema": "stresshost.descriptor/1"})

        def plan(self, input: str) -> str:
            try:
                plan = workload.plan(json.loads(input))
            except Problems as error:
                raise Err(json.dumps(error.problems)) from None
            return _write(plan | {"schema": "stresshost.plan/1"})

        def setup(self, context: str) -> str:
            return _write(_call(workload.setup, json.loads(context)))

        def setup_phase(self, context: str) -> str:
            context = json.loads(context)
            context["shared"] = json.loads(context["shared"])
            return _write(_call(workload.setup_phase, context))

        def start(self, vu: Any, shared: str) -> None:
            nonlocal user
            user = workload()
            _call(user.start, VuInfo(vu.id, vu.count), json.loads(shared))

        def iterate(self, it: Any) -> None:
            try:
                user.iterate(Iteration(it.scenario, it.number))
            except Failure as failure:
                failures.tell(failure.code, failure.message)
                raise Err(None) from None
            except Exception as error:
                _announce(error)
                raise

        def finish(self) -> None:
            user.finish()

        def teardown_phase(self, shared: str) -> None:
            _call(workload.teardown_phase, json.loads(shared))

        def teardown(self, shared: str) -> None:
            _call(workload.teardown, json.loads(shared))

        def analyze(self, summary: str) -> str:
            return _write(workload.analyze(json.loads(summary)) | {"schema": "stresshost.analysis/1"})

    return Guest


def _call(method: Any, *values: Any) -> Any:
    try:
        return method(*values)
    except Failure as failure:
        raise Err(contract.Failure(failure.code, failure.message)) from None
    except Exception as error:
        _announce(error)
        raise


def _announce(error: Exception) -> None:
    """Names an exception that is a fault of the plugin: a traceback ends with that, and reports show how a text begins."""
    print(f"{type(error).__name__}: {error}", file=sys.stderr)


def _write(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"))
