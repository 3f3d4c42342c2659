"""Files for the run directory. The descriptor asks for them: ``"asks": {"artifacts": True}``."""

from componentize_py_types import Err
from wit_world.imports import artifacts as _artifacts

from stresshost.workload import Failure


def write(name: str, content: bytes) -> None:
    """Writes a file; ``name`` is a relative path without ``..``. An existing file is replaced.

    Raises:
        Failure: why not.
    """
    try:
        _artifacts.write(name, content)
    except Err as error:
        raise Failure("artifact", f"`{name}`: {error.value}") from None


def append(name: str, content: bytes) -> None:
    """Appends to a file, creating it if it is missing.

    Raises:
        Failure: why not.
    """
    try:
        _artifacts.append(name, content)
    except Err as error:
        raise Failure("artifact", f"`{name}`: {error.value}") from None
