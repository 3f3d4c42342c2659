"""HTTP requests: prepared once, fired many times, measured by the host.

::

    product = http.get("GET /products/{id}", f"{base}/products/{{{{id}}}}", slots=["id"]).prepare()
    response = product.fire("7")
    if response.ok:
        name = response.json("/name")
"""

import json as json_text
from dataclasses import dataclass, field
from typing import Any, Self

from componentize_py_types import Err
from wit_world.imports import http as _http

from stresshost.workload import Failure


@dataclass
class Request:
    """A request to prepare.

    ``{{slot}}`` in the path, the query, header values and the body is replaced by the slot's value on each
    :meth:`Prepared.fire`, percent-encoded in the URL; ``{{&slot}}`` is replaced as it is.
    """

    method: str
    name: str
    """What reports call the operation, such as ``GET /products/{id}``. Keep what varies out of it."""
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    slots: list[str] = field(default_factory=list)
    """Names of the slots, in the order ``fire`` takes their values."""
    options: dict[str, str] = field(default_factory=dict)
    """``expect-status`` (``200-299,404``), ``timeout-ms``, ``connect-timeout-ms``, ``follow-redirects``,
    ``decompress``, ``keep-alive``, ``http-version``."""

    def json(self, value: Any) -> Self:
        """Sets the body to a value's JSON, and its content type."""
        self.headers["content-type"] = "application/json"
        self.body = json_text.dumps(value).encode()
        return self

    def prepare(self) -> "Prepared":
        """Has the host compile the request. The result is good for the virtual user's life.

        Raises:
            Failure: the host refuses the request, and says what is wrong with it.
        """
        request = _http.Request(
            self.name,
            self.method,
            self.url,
            list(self.headers.items()),
            self.body,
            self.slots,
            list(self.options.items()),
        )
        try:
            return Prepared(_http.prepare(request))
        except Err as error:
            raise Failure("setup", f"request `{self.name}`: {error.value}") from None


def get(name: str, url: str, **parts: Any) -> Request:
    """A ``GET`` request; ``parts`` are further fields of :class:`Request`."""
    return Request("GET", name, url, **parts)


def post(name: str, url: str, **parts: Any) -> Request:
    """A ``POST`` request; ``parts`` are further fields of :class:`Request`."""
    return Request("POST", name, url, **parts)


@dataclass(frozen=True)
class Prepared:
    """A request the host has compiled."""

    id: int

    def fire(self, *values: str) -> "Response":
        """Sends the request and waits for the whole response. ``values`` fill the slots, in their order.

        A request that fails is a response with an error: the host has measured and counted it.
        """
        return Response(_http.fire_with(self.id, list(values)) if values else _http.fire(self.id))


def send_all(*shots: tuple[Prepared, list[str]]) -> "list[Response]":
    """Sends several requests with their values at the same time and waits for all; responses in the same order."""
    answers = _http.send_all([_http.Shot(request.id, values) for request, values in shots])
    return [Response(answer) for answer in answers]


class Response:
    """What came of a request.

    Headers and body stay with the host until they are asked for, and are gone with the next ``fire`` or ``send_all``
    or at the iteration's end; then they read as absent.
    """

    __slots__ = ("_answer",)

    def __init__(self, answer: int) -> None:
        self._answer = answer

    @property
    def _id(self) -> int:
        return self._answer & 0xFFFF_FFFF

    @property
    def status(self) -> int:
        """HTTP status; 0 when none was received."""
        return self._answer >> 32 & 0xFFFF

    @property
    def ok(self) -> bool:
        """Whether the whole response arrived with an expected status."""
        return self._answer >> 48 == 0

    @property
    def error(self) -> str:
        """Name of the error, such as ``timeout`` or ``status_5xx``; empty when the request succeeded."""
        return "" if self.ok else _http.error_name(self._answer >> 48)

    @property
    def error_text(self) -> str:
        """The transport's own words for a failure."""
        return _http.error_text(self._id)

    @property
    def duration_us(self) -> int:
        """Service time in microseconds: from the first byte sent to the last byte received."""
        return _http.duration_us(self._id)

    @property
    def body_bytes(self) -> int:
        """Bytes of the body as received."""
        return _http.body_bytes(self._id)

    def header(self, name: str) -> str | None:
        """First value of a header, by its name in any case."""
        return _http.header(self._id, name)

    def headers(self) -> list[tuple[str, str]]:
        """Every header, in the order received."""
        return _http.headers(self._id)

    def body(self) -> bytes:
        """The body.

        Raises:
            Failure: the host did not keep it whole, cannot decode it, or the response is stale.
        """
        try:
            return _http.body(self._id)
        except Err as error:
            raise Failure("body", error.value) from None

    def json(self, pointer: str) -> str | None:
        """The value at a JSON pointer (RFC 6901): a string's characters, any other value as JSON text."""
        return _http.json(self._id, pointer)

    def parse(self) -> Any:
        """The whole body, read as JSON.

        Raises:
            Failure: there is no body, or it is no JSON.
        """
        try:
            return json_text.loads(self.body())
        except ValueError as error:
            raise Failure("body", f"the body is no JSON: {error}") from None
