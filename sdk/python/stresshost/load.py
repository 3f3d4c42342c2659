"""The flags for the shape of a load that most workloads need, and the plan they make.

A workload with other shapes returns a plan of its own; its executors are in the plan's schema.
"""

from typing import Any

DEFAULT_VUS = 10
DEFAULT_DURATION_MS = 30_000
DEFAULT_MAX_DURATION_MS = 600_000
DEFAULT_GRACEFUL_STOP_MS = 30_000


def _flag(name: str, kind: str, value_name: str, help: str, default: str | None = None, *aliases: str) -> dict:
    flag = {"name": name, "kind": kind, "value_name": value_name, "help": help, "aliases": list(aliases)}
    return flag if default is None else {**flag, "default": default}


LOAD_FLAGS = [
    _flag("vus", "users", "N|auto", "Virtual users; with --rate, the most iterations in flight", "10", "users"),
    _flag("rate", "rate", "RATE", "Iterations per second, whatever the target does", None, "rps"),
    _flag("duration", "duration", "DURATION", "Length of the load, ramp included", "30s"),
    _flag("ramp-up", "duration", "DURATION", "Let users or rate grow over this time", "0s"),
    _flag("iterations", "integer", "N", "Do this many iterations, shared by the users"),
    _flag("per-user", "switch", "", "Let each user do the number of --iterations"),
    _flag("max-duration", "duration", "DURATION", "Drop what is left of --iterations after this time", "10m"),
    _flag("warmup", "duration", "DURATION", "Report this much of the start apart and judge without it", "0s"),
    _flag("graceful-stop", "duration", "DURATION", "How long iterations in flight may go on at the end", "30s"),
]
"""The flags, for ``flags`` of a descriptor."""


def scenario(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """A scenario of a plan, with the load that the plan input's flags say.

    Raises:
        Problems: flags that cannot be together.
    """
    flags = given["flags"]
    _refuse_contradictions(flags)
    vus = flags.get("vus", DEFAULT_VUS)
    if "iterations" in flags:
        kind = "per-vu-iterations" if flags.get("per-user") else "shared-iterations"
        most = flags.get("max-duration", DEFAULT_MAX_DURATION_MS)
        executor = {"type": kind, "vus": vus, "iterations": flags["iterations"], "max_duration_ms": most}
    else:
        length = flags.get("duration", DEFAULT_DURATION_MS)
        executor = {"type": "constant-vus", "vus": vus, "duration_ms": length}
        if "rate" in flags:
            executor |= {"type": "constant-arrival-rate", "rate_per_s": flags["rate"]}
        executor["ramp_up_ms"] = flags.get("ramp-up", 0)
    return {"name": name, "executor": executor}


def plan(name: str, given: dict[str, Any], workload: Any) -> dict[str, Any]:
    """A plan of one scenario, ``main``. ``workload`` is what ``setup`` is handed."""
    flags = given["flags"]
    return {
        "name": name,
        "scenarios": [scenario("main", given)],
        "workload": workload,
        "warmup_ms": flags.get("warmup", 0),
        "graceful_stop_ms": flags.get("graceful-stop", DEFAULT_GRACEFUL_STOP_MS),
    }


def _refuse_contradictions(flags: dict[str, Any]) -> None:
    from stresshost.workload import Problem, Problems

    problems = [
        Problem(f"--{other}", "cannot be given with --iterations, which are done as fast as the users can")
        for other in ("rate", "duration", "ramp-up")
        if "iterations" in flags and other in flags
    ]
    problems += [
        Problem(f"--{needy}", "is about --iterations, which are not given")
        for needy in ("per-user", "max-duration")
        if "iterations" not in flags and needy in flags
    ]
    if problems:
        raise Problems(*problems)
