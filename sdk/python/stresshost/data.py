"""Rows of the plan's feeds, shared between virtual users."""

from dataclasses import dataclass

from componentize_py_types import Err
from wit_world.imports import data as _data

from stresshost.workload import Failure


@dataclass(frozen=True)
class Feed:
    """An open feed."""

    id: int
    columns: list[str]

    def __len__(self) -> int:
        return _data.len(self.id)

    def next(self) -> dict[str, str] | None:
        """The next row for this virtual user, in the feed's order, by column. None: the feed is used up."""
        return self._named(_data.next(self.id))

    def row(self, index: int) -> dict[str, str] | None:
        """Any row by its index. None: past the end."""
        return self._named(_data.row(self.id, index))

    def _named(self, row: list[str] | None) -> dict[str, str] | None:
        return None if row is None else dict(zip(self.columns, row, strict=True))


def open(name: str) -> Feed:
    """Opens a feed of the plan.

    Raises:
        Failure: the plan has no such feed.
    """
    try:
        feed = _data.open(name)
    except Err as error:
        raise Failure("setup", f"feed `{name}`: {error.value}") from None
    return Feed(feed, _data.columns(feed))
