"""An HTTP client that hides nothing: the bytes that went out and came back stay available."""

import json
import socket
import urllib.parse

# What the dialect uses as punctuation stays readable in test output.
SAFE = "-._~*(),:!'\"{}[]<>@;/$|"


def query(*pairs, **filters):
    """A percent-encoded query string: query(("id", "eq.1"), name="like.A*")."""
    pairs = [*pairs, *filters.items()]
    return "&".join(f"{urllib.parse.quote(k, safe='-._~()>*')}={quote_value(v)}" for k, v in pairs)


def quote_value(text):
    return urllib.parse.quote(str(text), safe="-._~*(),:")


class Response:
    def __init__(self, head, body):
        self.head = head  # bytes, with the empty line
        self.body = body  # bytes, transfer coding removed
        lines = head.decode("latin-1").split("\r\n")
        version, status, *reason = lines[0].split(" ", 2)
        self.version = version
        self.status = int(status)
        self.reason = reason[0] if reason else ""
        self.headers = []
        for line in lines[1:]:
            if line:
                name, value = line.split(":", 1)
                self.headers.append((name, value.strip()))

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def get(self, name, default=None):
        """The value of a header that may come at most once."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times: {values}"
        return values[0] if values else default

    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode("utf-8")

    @property
    def code(self):
        """The `code` of an error body."""
        return self.json()["code"]

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:600]!r}>"


class Closed(ConnectionError):
    """The server closed the connection where an answer was due."""


class Connection:
    """One TCP (or TLS) connection."""

    def __init__(self, port, host="127.0.0.1", timeout=15.0, tls=None):
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes with a RST, as a crashed client does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise Closed(f"closed after {self.buffer[:200]!r}")
        self.buffer += data

    def _until(self, end):
        while end not in self.buffer:
            self._more()
        at = self.buffer.index(end) + len(end)
        taken, self.buffer = self.buffer[:at], self.buffer[at:]
        return taken

    def _exactly(self, count):
        while len(self.buffer) < count:
            self._more()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def read_head(self):
        return self._until(b"\r\n\r\n")

    def read(self, method="GET"):
        """The next final response; interim (1xx) ones are passed over."""
        while True:
            response = Response(self.read_head(), b"")
            if response.status >= 200:
                break
        if method == "HEAD" or response.status in (204, 304):
            return response
        if "chunked" in (response.get("Transfer-Encoding") or ""):
            body = b""
            while True:
                size = int(self._until(b"\r\n").split(b";")[0], 16)
                body += self._exactly(size)
                self._until(b"\r\n")
                if size == 0:
                    response.body = body
                    return response
        length = response.get("Content-Length")
        if length is not None:
            response.body = self._exactly(int(length))
            return response
        try:
            while True:
                self._more()
        except Closed:
            response.body, self.buffer = self.buffer, b""
        return response

    def closed_by_peer(self, limit=5.0):
        """True when the server ends the connection within `limit` seconds, with nothing more to say."""
        self.socket.settimeout(limit)
        try:
            return self.socket.recv(1) == b"" and not self.buffer
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False


def head_of(method, target, headers=(), body=None):
    """The bytes of a request: header pairs in the order given, Content-Length when there is a body."""
    lines = [f"{method} {target} HTTP/1.1"]
    names = {name.lower() for name, _ in headers}
    if "host" not in names:
        lines.append("Host: test")
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


class Client:
    """Requests on one kept-alive connection, opened again when the server closed it."""

    def __init__(self, port, host="127.0.0.1", headers=(), timeout=15.0, tls=None):
        self.port, self.host, self.timeout, self.tls = port, host, timeout, tls
        self.headers = list(dict(headers).items())
        self.connection = None

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def request(self, method, target, body=None, headers=None, params=(), **named):
        """`named`: headers with `_` for `-` (Accept_Profile="x"); a value that is a list is sent several times.
        A body that is not bytes or text goes out as JSON."""
        if params:
            target += "?" + query(*(params.items() if isinstance(params, dict) else params))
        pairs = list(self.headers)
        given = list(headers.items()) if isinstance(headers, dict) else list(headers or ())
        for name, value in [*((n.replace("_", "-"), v) for n, v in named.items()), *given]:
            pairs += [(name, v) for v in (value if isinstance(value, (list, tuple)) else [value])]
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            if not any(name.lower() == "content-type" for name, _ in pairs):
                pairs.append(("Content-Type", "application/json"))
        if isinstance(body, str):
            body = body.encode("utf-8")
        data = head_of(method, target, pairs, body) + (body or b"")
        reused = self.connection is not None
        try:
            return self._once(method, data)
        except (Closed, ConnectionResetError, BrokenPipeError):
            self.close()
            if not reused:
                raise
            return self._once(method, data)  # the server had closed an idle connection

    def _once(self, method, data):
        if self.connection is None:
            self.connection = Connection(self.port, self.host, self.timeout, self.tls)
        try:
            self.connection.send(data)
            response = self.connection.read(method)
        except BaseException:
            self.close()
            raise
        if (response.get("Connection") or "").lower() == "close":
            self.close()
        return response

    def get(self, target, **more):
        return self.request("GET", target, **more)

    def head(self, target, **more):
        return self.request("HEAD", target, **more)

    def post(self, target, body=None, **more):
        return self.request("POST", target, body=body, **more)

    def patch(self, target, body=None, **more):
        return self.request("PATCH", target, body=body, **more)

    def put(self, target, body=None, **more):
        return self.request("PUT", target, body=body, **more)

    def delete(self, target, body=None, **more):
        return self.request("DELETE", target, body=body, **more)

    def options(self, target, **more):
        return self.request("OPTIONS", target, **more)
