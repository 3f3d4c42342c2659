"""The workload's own metrics. Register them in ``start``, record in ``iterate``."""

from dataclasses import dataclass

from componentize_py_types import Err
from wit_world.imports import metrics as _metrics

from stresshost.workload import Failure


@dataclass(frozen=True)
class Metric:
    """A registered metric."""

    id: int

    def add(self, value: float = 1.0) -> None:
        """Records a value: an increment of a counter, the value of a gauge, 0 or not 0 of a rate, a value of a
        distribution."""
        _metrics.add(self.id, float(value))


def counter(name: str, unit: str = "") -> Metric:
    """A sum of increments."""
    return _register(name, "counter", unit)


def gauge(name: str, unit: str = "") -> Metric:
    """A value that goes up and down; reports show the last, the least and the greatest."""
    return _register(name, "gauge", unit)


def rate(name: str) -> Metric:
    """The share of observations that were true."""
    return _register(name, "rate", "")


def distribution(name: str, unit: str = "") -> Metric:
    """A distribution of non-negative values, kept as whole numbers of the unit."""
    return _register(name, "distribution", unit)


def _register(name: str, kind: str, unit: str) -> Metric:
    try:
        return Metric(_metrics.register(name, kind, unit))
    except Err as error:
        raise Failure("setup", f"metric `{name}`: {error.value}") from None
