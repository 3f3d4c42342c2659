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
from http import HTTPStatus, client
from typing import Any

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

_IDENTIFIER = re.compile(r"\d+|(?=[^/]*\d)[0-9a-fA-F-]{8,}")

_OWN_HEADERS = {"connection", "content-length", "transfer-encoding"}
"""Headers that say how a message travels: the host writes its own, and `http.client` is handed whole bodies."""


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
    """What `http.client` takes for a connection: it gathers a request, and has the host send it when the answer is
    asked for."""

    def __init__(self, origin: str, timeout: Any) -> None:
        self._origin = origin
        self._options = {"timeout-ms": str(int(timeout * 1e3))} if isinstance(timeout, int | float) else {}
        self._sent = bytearray()

    def sendall(self, data: bytes) -> None:
        self._sent += data

    def makefile(self, _mode: str) -> io.BytesIO:
        head, _, body = bytes(self._sent).partition(b"\r\n\r\n")
        self._sent.clear()
        line, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = line.split(" ", 2)
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        if any(name.lower() == "transfer-encoding" for name, _ in headers):
            body = _joined(body)
        host = self._origin.partition("://")[2]
        kept: dict[str, str] = {}
        for name, value in headers:
            if not _is_own(name, value, host):
                # A name that comes twice is a list (RFC 9110, section 5.3).
                kept[name] = f"{kept[name]}, {value}" if name in kept else value
        return io.BytesIO(_written(_fire(self._origin, method, target, kept, body, self._options), method))

    def close(self) -> None:
        """Does nothing: connections are the host's."""


def _is_own(name: str, value: str, host: str) -> bool:
    default = re.sub(r":(80|443)$", "", host)
    return name.lower() in _OWN_HEADERS or (name.lower() == "host" and value in (host, default))


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
    """A response as it would have come over a connection that carries no other.

    Raises:
        OSError: there is none, or the host did not keep it whole.
    """
    error = response.error
    if error and not error.startswith("status_"):
        raise _ERRORS.get(error, OSError)(f"{error}: {response.error_text}")
    has_body = method != "HEAD" and response.status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
    try:
        body = response.body() if has_body else b""
    except Failure as failure:
        raise OSError(failure.message) from None
    headers = [(name, value) for name, value in response.headers() if name.lower() not in _OWN_HEADERS]
    if has_body:
        headers.append(("Content-Length", str(len(body))))
    head = [f"HTTP/1.1 {response.status} {client.responses.get(response.status, '')}"]
    head += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*head, "", ""]).encode("latin-1", "replace") + body
