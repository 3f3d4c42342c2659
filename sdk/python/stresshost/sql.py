"""SQL statements, prepared once, executed many times, measured by the host: PostgreSQL, MySQL and MariaDB, SQLite.

::

    self.database = sql.connect(shared["url"], statement_timeout_ms=500)
    self.balance = self.database.prepare("balance", "SELECT balance FROM accounts WHERE id = $1")
    ...
    for (balance,) in self.balance.query(7).check():
        log.info(f"{balance}")

It needs ``import sql;`` in ``wit/world.wit``.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from componentize_py_types import Err

from stresshost.target import Option, options, shown
from stresshost.workload import Failure

try:
    from wit_world.imports import sql as _sql
except ImportError:
    raise ImportError("the plugin's world has no SQL: put `import sql;` into `wit/world.wit`") from None

Value = None | bool | int | float | str | bytes
"""A value of a parameter or a row. What is none of these, such as a date, a numeric or a UUID, is text in the server's
own notation; the server reads a text as the type of its parameter."""

Row = tuple[Any, ...]
"""Values of a row, each a :data:`Value`; which one is known to whoever wrote the statement."""


def connect(url: str, **given: Option) -> "Connection":
    """Connects to a ``postgresql://``, ``mysql://``, ``mariadb://`` or ``sqlite:`` URL. Within an iteration it is measured
    as the operation ``connect``.

    Options are ``connect_timeout_ms``, ``statement_timeout_ms``, ``application_name``, ``read_only``, ``tls``
    (``disable``, ``prefer``, ``require``, ``verify-full``), ``pool`` (connections that all virtual users share: each
    statement or transaction waits for a free one, and the wait is part of its response time) and ``pool_timeout_ms``.

    Raises:
        Failure: why there is no connection, with the server's code in brackets when it gave one.
    """
    try:
        return Connection(_sql.open(_sql.Target(url, options(given))))
    except Err as error:
        raise Failure("setup", f"database `{shown(url)}`: {error.value}") from None


@dataclass(frozen=True)
class Connection:
    """A database the host is connected to; good for the virtual user's life, unless it is closed."""

    id: int

    def prepare(self, name: str, text: str, **given: Option) -> "Statement":
        """Prepares one statement; its parameters are ``$1``, ``$2``, ... for every engine. ``name`` is what reports call
        the operation: keep what varies out of it. There is one option, ``timeout_ms``.

        Raises:
            Failure: why the server refuses it, with its code in brackets.
        """
        try:
            return Statement(_sql.prepare(self.id, _sql.Statement(name, text, options(given))))
        except Err as error:
            raise Failure("setup", f"statement `{name}`: {error.value}") from None

    def run(self, name: str, text: str) -> "Answer":
        """Executes text that was not prepared, such as DDL; it may hold several statements without parameters. The rows
        of the last one are kept, as text where the server's protocol has them so."""
        return Answer(_sql.run(self.id, name, text))

    @contextmanager
    def transaction(self, **given: Option) -> Iterator[None]:
        """A transaction around a block: committed at its end, rolled back when it raises. All of that is measured.

        Options are ``isolation`` (``read-committed``, ``repeatable-read``, ``serializable``) and ``read_only``.

        Raises:
            Failure: the transaction could not be begun or committed.
        """
        self.begin(**given).check()
        try:
            yield
        except BaseException:
            self.rollback()
            raise
        self.commit().check()

    def begin(self, **given: Option) -> "Answer":
        """Begins a transaction, with the options of :meth:`transaction`. One that is open at the iteration's end is rolled
        back by the host."""
        return Answer(_sql.begin(self.id, options(given)))

    def commit(self) -> "Answer":
        """Commits."""
        return Answer(_sql.commit(self.id))

    def rollback(self) -> "Answer":
        """Rolls back."""
        return Answer(_sql.rollback(self.id))

    def server(self) -> dict[str, str]:
        """``engine`` (``postgresql``, ``mysql``, ``mariadb``, ``sqlite``), ``version``, ``database``, ``user`` and
        ``session`` (the server's own id of the connection); empty when the connection is closed."""
        return json.loads(_sql.server(self.id) or "{}")

    def pool(self) -> dict[str, int] | None:
        """State of the pool: ``size``, ``in_use``, ``idle``, ``waiting``, ``waits``, ``wait_us``. None: there is none."""
        state = _sql.pool(self.id)
        return None if state is None else json.loads(state)

    def close(self) -> None:
        """Closes the connection; its statements are stale from then on."""
        _sql.close(self.id)


@dataclass(frozen=True)
class Statement:
    """A prepared statement; good for the connection's life."""

    id: int

    def execute(self, *values: Value) -> "Answer":
        """Executes it and counts its rows, which are not kept.

        A statement that fails is an answer with an error: the host has measured and counted it.
        """
        return Answer(_sql.execute(self.id, [_given(value) for value in values]))

    def query(self, *values: Value) -> "Answer":
        """Executes it and keeps its rows."""
        return Answer(_sql.query(self.id, [_given(value) for value in values]))

    def parameters(self) -> list[str]:
        """The server's names of the parameters' types; an empty name where it does not say."""
        return _sql.parameters(self.id)


class Answer:
    """What came of a statement. Iterating over it gives the rows that were kept, each a tuple.

    Rows stay with the host until they are asked for, and are gone with the next operation or at the iteration's end;
    then they read as absent.
    """

    __slots__ = ("_answer",)

    def __init__(self, answer: int) -> None:
        self._answer = answer

    @property
    def _id(self) -> int:
        return self._answer & 0xFFFF_FFFF

    @property
    def ok(self) -> bool:
        """Whether the statement succeeded."""
        return self._answer >> 48 == 0

    @property
    def error(self) -> str:
        """Name of the error, such as ``deadlock`` or ``constraint``; empty when the statement succeeded."""
        return "" if self.ok else _sql.error_name(self._answer >> 48)

    @property
    def error_code(self) -> str:
        """The server's own code: SQLSTATE for PostgreSQL, the error number for MySQL and MariaDB, the extended result
        code for SQLite. Empty when the server gave none."""
        return _sql.error_code(self._id)

    @property
    def error_text(self) -> str:
        """The server's or transport's own words for a failure."""
        return _sql.error_text(self._id)

    @property
    def duration_us(self) -> int:
        """Service time in microseconds: from the statement sent to the last row received."""
        return _sql.duration_us(self._id)

    @property
    def rows(self) -> int:
        """Rows returned or changed."""
        rows = self._answer >> 32 & 0xFFFF
        # The greatest number stands for that many or more.
        return _sql.rows(self._id) if rows == 0xFFFF else rows

    @property
    def columns(self) -> list[str]:
        """Names of the columns of the rows kept."""
        return _sql.columns(self._id)

    def row(self, index: int) -> Row | None:
        """A kept row by its index. None: the host keeps no more."""
        cells = _sql.row(self._id, index)
        return None if cells is None else tuple(_kept(cell) for cell in cells)

    def __iter__(self) -> Iterator[Row]:
        index = 0
        while (row := self.row(index)) is not None:
            yield row
            index += 1

    def check(self) -> Self:
        """Itself, if the statement succeeded.

        Raises:
            Failure: the error's name, with the server's words and code.
        """
        if self.ok:
            return self
        code = f" [{self.error_code}]" if self.error_code else ""
        raise Failure(self.error, self.error_text + code)


def _given(value: Value) -> Any:
    match value:
        case None:
            return _sql.Value_Null()
        # A bool is an int, too.
        case bool():
            return _sql.Value_Boolean(value)
        case int():
            return _sql.Value_Integer(value)
        case float():
            return _sql.Value_Real(value)
        case str():
            return _sql.Value_Text(value)
        case bytes():
            return _sql.Value_Bytes(value)
    raise TypeError(f"a parameter is None, bool, int, float, str or bytes, not {type(value).__name__}: give its text")


def _kept(cell: Any) -> Value:
    return None if isinstance(cell, _sql.Cell_Null) else cell.value
