"""Yes-or-no statements about what the target did, counted by the host."""

from dataclasses import dataclass

from componentize_py_types import Err
from wit_world.imports import checks as _checks

from stresshost.workload import Failure


@dataclass(frozen=True)
class Check:
    """A registered check."""

    id: int

    def mark(self, passed: bool) -> bool:
        """Counts one outcome and returns it."""
        _checks.mark(self.id, passed)
        return passed


def register(name: str) -> Check:
    """Registers a check, or finds it.

    Raises:
        Failure: the host refuses it, such as when there are too many.
    """
    try:
        return Check(_checks.register(name))
    except Err as error:
        raise Failure("setup", f"check `{name}`: {error.value}") from None
