"""Random numbers that the run's seed reproduces. Each virtual user has its own stream.

Python's own ``random`` is seeded when the component is built: every virtual user would draw the same numbers.
"""

from typing import Any

from wit_world.imports import random as _random


def next() -> int:
    """A uniform 64-bit number."""
    return _random.next()


def below(bound: int) -> int:
    """A uniform number from 0 up to but not including ``bound``; 0 when ``bound`` is 0."""
    return _random.below(bound)


def between(least: int, most: int) -> int:
    """A uniform number from ``least`` to ``most``, both included."""
    return least + _random.below(most - least + 1)


def choice(values: list[Any]) -> Any:
    """One of the values."""
    return values[_random.below(len(values))]
