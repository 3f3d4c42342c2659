"""Messages for the person who runs the test. Bounded: what is over the limit is counted, not shown."""

from wit_world.imports import log as _log


def error(message: str) -> None:
    """Something is wrong."""
    _log.write("error", message)


def warn(message: str) -> None:
    """Something looks wrong."""
    _log.write("warn", message)


def info(message: str) -> None:
    """Something worth knowing."""
    _log.write("info", message)


def debug(message: str) -> None:
    """Something for the workload's author."""
    _log.write("debug", message)
