"""`http.client` and `urllib.request` by the host, on the shop."""

import json
from http import client
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from stresshost import Workload, checks, export, stdlib

stdlib.install()
LOGIN = {"username": "nobody", "password": "wr\u00f6ng"}


def refused(call) -> Exception | None:
    try:
        call()
    except (HTTPError, URLError, OSError) as error:
        return error
    return None


class Plugin(Workload):
    name = "stdlib"

    def start(self, vu, shared):
        self.url = shared["url"]
        self.host = urlsplit(self.url).netloc

    def iterate(self, iteration):
        def said(name, is_so):
            checks.register(name).mark(is_so)

        with urlopen(f"{self.url}/products?per_page=2") as response:
            items = json.load(response)["items"]
            said("read", response.status == 200 and response.headers["content-type"].startswith("application/json"))
        with urlopen(f"{self.url}/products/{items[1]['id']}", timeout=5) as response:
            said("query", len(items) == 2 and json.load(response)["name"] == items[1]["name"])
        with urlopen(f"{self.url}/chunked/100000") as response:
            said("chunked answer", len(response.read()) == 100_000)
        with urlopen(f"{self.url}/redirect/2") as response:
            said("redirected", response.status == 200 and response.url.endswith("/redirect/0"))

        login = Request(f"{self.url}/auth/token", json.dumps(LOGIN).encode(), {"Content-Type": "application/json"})
        wrong = refused(lambda: urlopen(login))
        said("status", isinstance(wrong, HTTPError) and wrong.code == 401 and wrong.read() != b"")
        login.data = b"\xff"
        bad = refused(lambda: urlopen(login))
        said("bytes", isinstance(bad, HTTPError) and bad.code == 400)

        connection = client.HTTPConnection(self.host)
        connection.request("HEAD", "/bytes/10")
        head = connection.getresponse()
        said("head", (head.status, head.read()) == (200, b""))
        parts = iter([b'{"username": "nobody", ', b'"password": "wrong"}'])
        connection.request("POST", "/auth/token", parts, {"Content-Type": "application/json"}, encode_chunked=True)
        answer = connection.getresponse()
        said("chunked request", answer.status == 401 and answer.read() != b"")

        closed = refused(lambda: urlopen("http://127.0.0.1:1/"))
        said("refused", isinstance(closed, URLError) and isinstance(closed.reason, ConnectionRefusedError))
        plain = client.HTTPSConnection(self.host)
        error = refused(lambda: plain.request("GET", "/"))
        said("tls", isinstance(error, OSError) and "tls" in str(error))
        secure = refused(lambda: urlopen(f"https://{self.host}/"))
        said("secure", isinstance(secure, URLError) and "tls" in str(secure.reason))


Guest = export(Plugin)
