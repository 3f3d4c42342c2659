"""Commands of Redis and of servers that speak its protocol, prepared once, sent many times, measured by the host.

::

    cache = redis.connect(shared["url"])
    self.product = cache.prepare("GET", ["GET", "product:{{id}}"], slots=["id"])
    ...
    name = self.product.send("7").check().text()

It needs ``import redis;`` in ``wit/world.wit``.
"""

import json
from dataclasses import dataclass
from typing import Any, Self

from componentize_py_types import Err

from stresshost.target import Option, options, shown
from stresshost.workload import Failure

try:
    from wit_world.imports import redis as _redis
except ImportError:
    raise ImportError("the plugin's world has no Redis: put `import redis;` into `wit/world.wit`") from None

Word = str | bytes
"""A word of a command, or the value of a slot in one; a text is sent as UTF-8."""

_KINDS = ["none", "nil", "simple", "integer", "bulk", "array", "map", "set", "boolean", "double", "error"]


def connect(url: str, **given: Option) -> "Connection":
    """Connects to a ``redis://`` or ``rediss://`` URL, such as ``redis://user:password@host:6379/0``.

    Options are ``connect_timeout_ms``, ``timeout_ms`` (of each command), ``protocol`` (2 or 3) and ``cluster`` (True:
    commands go to the node that holds their key).

    Raises:
        Failure: why there is no connection.
    """
    try:
        return Connection(_redis.open(_redis.Target(url, options(given))))
    except Err as error:
        raise Failure("setup", f"redis `{shown(url)}`: {error.value}") from None


@dataclass(frozen=True)
class Connection:
    """A connection; good for the virtual user's life, also when the server has closed it meanwhile: the next command
    makes it again, which is measured as the operation ``connect``."""

    id: int

    def prepare(self, name: str, words: list[Word], *, slots: list[str] | None = None, **given: Option) -> "Prepared":
        """Has the host compile a command; nothing is sent. ``{{slot}}`` in a word is replaced by the slot's value as it is.
        ``name`` is what reports call the operation: keep what varies out of it.

        Options are ``timeout_ms``, ``expect`` (``value``: a reply of nil is a failure) and ``key`` (which word a
        cluster's node is chosen by: its index, or ``none``).

        Raises:
            Failure: what is wrong with it.
        """
        command = _redis.Command(name, [_bytes(word) for word in words], slots or [], options(given))
        try:
            return Prepared(_redis.prepare(self.id, command))
        except Err as error:
            raise Failure("setup", f"command `{name}`: {error.value}") from None

    def server(self) -> dict[str, str]:
        """``engine`` (as the server names itself), ``version`` and ``mode`` (``standalone``, ``cluster``, ``sentinel``);
        empty when the connection is closed."""
        return json.loads(_redis.server(self.id) or "{}")

    def close(self) -> None:
        """Closes the connection; its commands are stale from then on."""
        _redis.close(self.id)


@dataclass(frozen=True)
class Prepared:
    """A command the host has compiled."""

    id: int

    def send(self, *values: Word) -> "Reply":
        """Sends the command and waits for the whole reply. ``values`` fill the slots, in their order.

        A command that fails is a reply with an error: the host has measured and counted it.
        """
        return Reply(_redis.send_with(self.id, [_bytes(value) for value in values]) if values else _redis.send(self.id))


def pipeline(*calls: tuple[Prepared, list[Word]]) -> "list[Reply]":
    """Sends commands of one connection with their values at once, at most 1,000, and waits for all replies, in the same
    order. The time of each counts from when the first was sent."""
    sent = [_redis.Call(command.id, [_bytes(value) for value in values]) for command, values in calls]
    return [Reply(answer) for answer in _redis.pipeline(sent)]


class Reply:
    """What came of a command.

    It stays with the host until it is asked for, and is gone with the next command or pipeline or at the iteration's
    end; then it reads as absent.
    """

    __slots__ = ("_answer",)

    def __init__(self, answer: int) -> None:
        self._answer = answer

    @property
    def _id(self) -> int:
        return self._answer & 0xFFFF_FFFF

    @property
    def kind(self) -> str:
        """``none`` (the command failed before a reply came), ``nil``, ``simple``, ``integer``, ``bulk``, ``array``,
        ``map``, ``set``, ``boolean``, ``double``, ``error``, or ``other``."""
        kind = self._answer >> 32 & 0xFFFF
        return _KINDS[kind] if kind < len(_KINDS) else "other"

    @property
    def ok(self) -> bool:
        """Whether the command succeeded."""
        return self._answer >> 48 == 0

    @property
    def error(self) -> str:
        """Name of the error, such as ``timeout``; empty when the command succeeded."""
        return "" if self.ok else _redis.error_name(self._answer >> 48)

    @property
    def error_code(self) -> str:
        """The first word of an error reply, such as ``WRONGTYPE``; empty when there is none."""
        return _redis.error_code(self._id)

    @property
    def error_text(self) -> str:
        """The server's or transport's own words for a failure."""
        return _redis.error_text(self._id)

    @property
    def duration_us(self) -> int:
        """Service time in microseconds: from the first byte sent to the last byte of the reply."""
        return _redis.duration_us(self._id)

    def integer(self) -> int | None:
        """An integer reply, or a string that holds one."""
        return _redis.integer(self._id)

    def raw(self) -> bytes | None:
        """A string reply."""
        return _redis.bytes(self._id)

    def text(self) -> str | None:
        """A string reply as text; what is no UTF-8 becomes U+FFFD."""
        reply = self.raw()
        return None if reply is None else reply.decode(errors="replace")

    def value(self) -> Any:
        """The whole reply: arrays as lists, maps as dictionaries, errors within arrays as ``{"error": ...}``.

        Raises:
            Failure: it was longer than the host keeps, or is stale.
        """
        try:
            return json.loads(_redis.value(self._id))
        except Err as error:
            raise Failure("reply", error.value) from None

    def check(self) -> Self:
        """Itself, if the command succeeded.

        Raises:
            Failure: the error's name, with the server's words.
        """
        if self.ok:
            return self
        raise Failure(self.error, self.error_text)


def _bytes(word: Word) -> bytes:
    return word.encode() if isinstance(word, str) else word
