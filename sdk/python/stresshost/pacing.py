"""Waiting. The virtual user's thread of execution is freed while it waits."""

from dataclasses import dataclass

from componentize_py_types import Err
from wit_world.imports import pacing as _pacing

from stresshost.workload import Failure


def sleep(seconds: float) -> None:
    """Waits. The next request is intended for the end of the wait, so that lateness shows as lag."""
    _pacing.sleep_us(max(0, int(seconds * 1e6)))


def now_us() -> int:
    """Microseconds since the load began, as of the last event of this virtual user. No means to measure: the host
    measures."""
    return _pacing.now_us()


@dataclass(frozen=True)
class Limiter:
    """A rate limit of the plan."""

    id: int

    def acquire(self, tokens: int = 1) -> int:
        """Waits for tokens, and returns the microseconds that took. The wait is lag of the next request, never
        service time."""
        return _pacing.acquire(self.id, tokens)


def limiter(name: str) -> Limiter:
    """Finds a rate limit of the plan.

    Raises:
        Failure: the plan has none of that name.
    """
    try:
        return Limiter(_pacing.limiter(name))
    except Err as error:
        raise Failure("setup", f"rate limit `{name}`: {error.value}") from None
