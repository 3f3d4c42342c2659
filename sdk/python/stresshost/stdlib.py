"""Python's own `http.client` and `urllib.request`, whose requests the host sends and measures.

::

    from urllib.request import urlopen

    from stresshost import stdlib

    stdlib.install()
    ...
    with urlopen(f"{self.url}/products/{id}") as response:
        product = json.load(response)

An operation is called by method and path, with ``{id}`` for each part that looks like a number or an identifier. It costs
more of the plugin's CPU than :mod:`stresshost.http`, which writes and reads no HTTP within the plugin.
"""

import io
import re
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus, client
from typing import Any, Self

from stresshost.http import Prepared, Request, Response
from stresshost.workload import Failure

_ERRORS: dict[str, type[OSError]] = {
    "connect_refused": ConnectionRefusedError,
    "connect_timeout": TimeoutError,
    "timeout": TimeoutError,
    "reset": ConnectionResetError,
    "closed": ConnectionResetError,
    "denied": PermissionError,
}
"""What the host's errors are raised as; others are plain ``OSError``."""

_CONNECTING = {"lookup", "connect", "connect_refused", "connect_timeout", "tls", "denied"}
"""Errors that Python raises while a request is sent; the others when its answer is read."""

_IDENTIFIER = re.compile(r"\d+|(?=[^/]*\d)[0-9a-fA-F-]{8,}")

_OWN_HEADERS = {"connection", "content-length", "transfer-encoding"}
"""Headers that say how a message travels: the host writes its own, and `http.client` is handed whole bodies."""

_LAST_CHUNK = b"0\r\n\r\n"


def install() -> None:
    """Has the host send what `http.client` and `urllib.request` do. Call it once, in the application's module.

    Connections, TLS and time-outs are the host's: of a connection's settings ``timeout`` counts.
    """
    client.HTTPConnection.connect = _connect  # type: ignore
    # Python leaves these out where it has no TLS of its own.
    client.HTTPSConnection = _HttpsConnection  # type: ignore
    urllib.request.HTTPSHandler = _HttpsHandler  # type: ignore


class _HttpsConnection(client.HTTPConnection):
    default_port = client.HTTPS_PORT


class _HttpsHandler(urllib.request.AbstractHTTPHandler):
    def https_open(self, request: urllib.request.Request) -> client.HTTPResponse:
        return self.do_open(_HttpsConnection, request)

    https_request = urllib.request.AbstractHTTPHandler.do_request_


def _connect(connection: Any) -> None:
    scheme = "https" if isinstance(connection, _HttpsConnection) else "http"
    host = f"[{connection.host}]" if ":" in connection.host else connection.host
    connection.sock = _Socket(f"{scheme}://{host}:{connection.port}", connection.timeout)


class _Socket:
    """What `http.client` takes for a connection: once a request is written whole, the host sends it."""

    def __init__(self, origin: str, timeout: Any) -> None:
        self._origin = origin
        self._options = {"timeout-ms": str(max(1, int(timeout * 1e3)))} if isinstance(timeout, int | float) else {}
        self._head: _Head | None = None
        self._sent = bytearray()
        self._answer: bytes | OSError = b""

    def sendall(self, data: bytes) -> None:
        self._sent += data
        if self._head is None:
            text, end, rest = self._sent.partition(b"\r\n\r\n")
            if not end:
                return
            self._head, self._sent = _Head.read(text.decode("latin-1")), rest
        # `http.client` writes the last chunk by itself.
        is_whole = data == _LAST_CHUNK if self._head.is_chunked else len(self._sent) >= self._head.length
        if is_whole:
            head, body = self._head, bytes(self._sent)
            self._head, self._sent = None, bytearray()
            self._answer = self._exchange(head, _joined(body) if head.is_chunked else body)

    def _exchange(self, head: "_Head", body: bytes) -> bytes | OSError:
        """What comes back, as it would over a connection that carries nothing else, or why nothing does.

        Raises:
            OSError: there is no connection.
        """
        host = self._origin.partition("://")[2]
        response = _fire(self._origin, head.method, head.target, head.kept(host), body, self._options)
        error = response.error
        if error and not error.startswith("status_"):
            failure = _ERRORS.get(error, OSError)(f"{error}: {response.error_text}")
            if error in _CONNECTING:
                raise failure
            return failure
        try:
            return _written(response, head.method)
        except Failure as failure:
            return OSError(failure.message)

    def makefile(self, _mode: str) -> io.BytesIO:
        if isinstance(self._answer, OSError):
            raise self._answer
        return io.BytesIO(self._answer)

    def close(self) -> None:
        """Does nothing: connections are the host's."""


@dataclass
class _Head:
    """What `http.client` wrote before a request's body."""

    method: str
    target: str
    headers: list[tuple[str, str]]

    @classmethod
    def read(cls, text: str) -> Self:
        line, *lines = text.split("\r\n")
        method, target, _ = line.split(" ", 2)
        return cls(method, target, [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)])

    def _value(self, wanted: str) -> str | None:
        return next((value for name, value in self.headers if name.lower() == wanted), None)

    @property
    def is_chunked(self) -> bool:
        return self._value("transfer-encoding") is not None

    @property
    def length(self) -> int:
        return int(self._value("content-length") or 0)

    def kept(self, host: str) -> dict[str, str]:
        """The headers that the host does not write itself. A name that comes twice is a list (RFC 9110, section 5.3)."""
        own_hosts = (host, re.sub(r":(80|443)$", "", host))
        kept: dict[str, str] = {}
        for name, value in self.headers:
            is_own = name.lower() in _OWN_HEADERS or (name.lower() == "host" and value in own_hosts)
            if not is_own:
                kept[name] = f"{kept[name]}, {value}" if name in kept else value
        return kept


def _joined(chunks: bytes) -> bytes:
    """The body of chunks (RFC 9112, section 7.1) as `http.client` writes them: without extensions and trailers."""
    body = bytearray()
    while chunks:
        size, _, rest = chunks.partition(b"\r\n")
        length = int(size, 16)
        body += rest[:length]
        chunks = rest[length + 2 :]
        if length == 0:
            break
    return bytes(body)


_prepared: dict[Any, Prepared] = {}


def _fire(
    origin: str, method: str, target: str, headers: dict[str, str], body: bytes, options: dict[str, str]
) -> Response:
    """Sends a request. Those that differ in slots only are prepared once; a body that is no text has no slot, so the host
    keeps each different one for the virtual user's life."""
    path = target.partition("?")[0]
    name = f"{method} " + "/".join("{id}" if _IDENTIFIER.fullmatch(part) else part for part in path.split("/"))
    values = [target.removeprefix("/"), *headers.values()]
    fixed: bytes | None = None
    if body:
        try:
            values.append(body.decode())
        except UnicodeDecodeError:
            fixed = body
    has_text = bool(body) and fixed is None
    key = (origin, name, tuple(headers), has_text, fixed, options.get("timeout-ms"))
    if key not in _prepared:
        slots = ["target", *(f"header-{index}" for index in range(len(headers)))] + ["body"] * has_text
        request = Request(
            method,
            name,
            f"{origin}/{{{{&target}}}}",
            {header: f"{{{{&header-{index}}}}}" for index, header in enumerate(headers)},
            b"{{body}}" if has_text else fixed,
            slots,
            options,
        )
        try:
            _prepared[key] = request.prepare()
        except Failure as failure:
            raise OSError(failure.message) from None
    return _prepared[key].fire(*values)


def _written(response: Response, method: str) -> bytes:
    """A response in HTTP/1.1.

    Raises:
        Failure: the host did not keep the body whole.
    """
    has_body = method != "HEAD" and response.status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
    body = response.body() if has_body else b""
    headers = [(name, value) for name, value in response.headers() if name.lower() not in _OWN_HEADERS]
    if has_body:
        headers.append(("Content-Length", str(len(body))))
    head = [f"HTTP/1.1 {response.status} {client.responses.get(response.status, '')}"]
    head += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*head, "", ""]).encode("latin-1", "replace") + body
