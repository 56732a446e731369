"""The HTTP/1.1 front end: connections, framing, limits, timeouts, TLS (CONTRACT 2)."""

import socket
import ssl
import subprocess
import time

import pytest

from support import http
from support.http import head_of
from support.wait import wait_until

GET = b"GET /items?id=eq.1 HTTP/1.1\r\nHost: t\r\n\r\n"


@pytest.fixture(scope="module", autouse=True)
def reset_once(sql):
    sql("select fixture.reset()")


@pytest.fixture(scope="module")
def strict(start_module):
    """A daemon whose limits and timeouts are small enough to test."""
    return start_module({"limits": {
        "header_bytes": "4KiB", "target_bytes": "1KiB", "body_bytes": "16KiB", "header_timeout": "1s",
        "body_timeout": "2s", "idle_timeout": "1500ms", "nesting": 4, "filters": 20}})


# Connections ------------------------------------------------------------------------------------------------


def test_keep_alive(lintas):
    with lintas.connect() as one:
        for _ in range(50):
            one.send(GET)
            assert one.read().status == 200


def test_connection_close(lintas):
    with lintas.connect() as one:
        one.send(GET.replace(b"Host", b"Connection: close\r\nHost"))
        response = one.read()
        assert (response.status, response.get("Connection").lower()) == (200, "close")
        assert one.closed_by_peer()


def test_http_1_0_closes_unless_asked(lintas):
    with lintas.connect() as one:
        one.send(b"GET /items?id=eq.1 HTTP/1.0\r\n\r\n")
        assert one.read().status == 200
        assert one.closed_by_peer()
    with lintas.connect() as one:
        one.send(b"GET /items?id=eq.1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 1)
        assert one.read().status == 200


def test_pipelining_keeps_the_order(lintas):
    with lintas.connect() as one:
        ids = [1 + i % 15 for i in range(100)]
        one.send(b"".join(head_of("GET", f"/items?select=id&id=eq.{i}") for i in ids))
        assert [one.read().json()[0]["id"] for _ in ids] == ids


def test_a_pipeline_of_everything(lintas, sql):
    sql("select fixture.reset()")
    body = b'{"id": 500, "v": "p"}'
    with lintas.connect() as one:
        one.send(head_of("POST", "/bulk", [("Content-Type", "application/json")], body) + body +
                 head_of("GET", "/bulk?id=eq.500") + head_of("HEAD", "/items") + head_of("GET", "/nope") +
                 head_of("OPTIONS", "/items") + head_of("PATCH", "/bulk?id=eq.500", (), b'{"v":"q"}') + b'{"v":"q"}' +
                 head_of("GET", "/bulk?select=v") + head_of("DELETE", "/bulk") + head_of("GET", "/bulk"))
        found = [(r := one.read(m)).status and (r.status, r.body) for m in
                 ("POST", "GET", "HEAD", "GET", "OPTIONS", "PATCH", "GET", "DELETE", "GET")]
    assert [status for status, _ in found] == [201, 200, 200, 404, 200, 204, 200, 204, 200]
    assert found[1][1] == b'[{"id":500,"v":"p"}]'
    assert found[6][1] == b'[{"v":"q"}]'
    assert found[8][1] == b"[]"


def test_a_slow_answer_holds_back_the_quick_ones_behind_it(lintas):
    with lintas.connect() as one:
        one.send(head_of("GET", "/naps?select=nap&id=eq.2") + GET)
        assert one.read().json() == [{"nap": "slept 0.2"}]
        assert one.read().json()[0]["id"] == 1


def test_many_connections_at_once(lintas):
    many = [lintas.connect() for _ in range(300)]
    for one in many:
        one.send(GET)
    assert {one.read().status for one in many} == {200}
    for one in many:
        one.close()


def test_a_request_that_comes_byte_by_byte(lintas):
    with lintas.connect() as one:
        for i in range(len(GET)):
            one.send(GET[i:i + 1])
        assert one.read().status == 200


def test_empty_lines_before_a_request_are_ignored(lintas):
    with lintas.connect() as one:
        one.send(b"\r\n" + GET)
        assert one.read().status == 200


def test_absolute_form_and_header_names_without_case(lintas):
    with lintas.connect() as one:
        one.send(b"GET http://some.host/items?id=eq.1 HTTP/1.1\r\nhOsT: some.host\r\naCCept: text/csv\r\n\r\n")
        response = one.read()
        assert response.status in (200, 400, 404)
        if response.status == 200:
            assert response.get("Content-Type").startswith("text/csv")


def test_expect_100_continue(lintas, sql):
    sql("select fixture.reset()")
    body = b'{"id": 600}'
    with lintas.connect() as one:
        one.send(head_of("POST", "/bulk", [("Content-Type", "application/json"), ("Expect", "100-continue"),
                                           ("Content-Length", str(len(body)))]))
        assert one.read_head().startswith(b"HTTP/1.1 100 ")
        one.send(body)
        assert one.read("POST").status == 201


def test_expect_100_continue_of_a_body_that_is_too_large(strict):
    with strict.connect() as one:
        one.send(head_of("POST", "/bulk", [("Expect", "100-continue"), ("Content-Length", "1000000")]))
        assert one.read("POST").status == 413


# Framing and malformed requests ---------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [
    b"nonsense\r\n\r\n", b"GET\r\n\r\n", b"GET /items\r\n\r\n", b"GET /items HTTP/9.9\r\nHost: t\r\n\r\n",
    b"GET /items HTTP/1.1\r\nHost t\r\n\r\n", b"GET /items HTTP/1.1\r\nHo st: t\r\n\r\n",
    b"GET /items HTTP/1.1\r\n: t\r\n\r\n", b"GET /it ems HTTP/1.1\r\nHost: t\r\n\r\n",
    b"GET /items HTTP/1.1\r\nHost: t\r\nX: a\0b\r\n\r\n", b"G\x01T / HTTP/1.1\r\nHost: t\r\n\r\n",
    b"POST /bulk HTTP/1.1\r\nHost: t\r\nContent-Length: abc\r\n\r\n",
    b"POST /bulk HTTP/1.1\r\nHost: t\r\nContent-Length: -1\r\n\r\n",
    b"POST /bulk HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST /bulk HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    b"POST /bulk HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    b"POST /bulk HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    b"POST /bulk HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    b"POST /bulk HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip\r\n\r\n{}",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 40 + b"\r\n\r\n",
    b"\0\0\0\0\r\n\r\n", b"\xff\xfe\xfd\r\n\r\n",
    b"GET /items HTTP/1.1\r\nHost: t\r\n folded: x\r\n\r\n",
    b"GET /%zz HTTP/1.1\r\nHost: t\r\n\r\n", b"GET /items?id=eq.%f HTTP/1.1\r\nHost: t\r\n\r\n",
    b"GET /%ff%fe HTTP/1.1\r\nHost: t\r\n\r\n", b"GET /items?name=eq.%ff HTTP/1.1\r\nHost: t\r\n\r\n",
    b"GET items HTTP/1.1\r\nHost: t\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
])
def test_malformed_requests_are_4xx(lintas, data):
    with lintas.connect(timeout=15) as one:
        one.send(data)
        response = one.read("GET")
        assert 400 <= response.status < 500 or response.status in (501, 505), response
        if response.body:
            assert list(response.json()) == ["code", "details", "hint", "message"]
    assert lintas.running


def test_a_body_smuggled_behind_a_get_is_not_a_request(lintas):
    """The body of a GET is read as a body, not as the next request."""
    inner = b"DELETE /items HTTP/1.1\r\nHost: t\r\n\r\n"
    with lintas.connect() as one:
        one.send(head_of("GET", "/items?id=eq.1", (), inner) + inner + head_of("GET", "/items?id=eq.2&select=id"))
        first = one.read()
        if first.status == 200:
            assert one.read().json() == [{"id": 2}]
    with lintas.connect() as one:
        one.send(head_of("GET", "/items?select=id"))
        assert len(one.read().json()) == 15


def test_a_client_that_leaves_in_the_middle(lintas):
    for data in (b"GET", GET[:-2], b"POST /bulk HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\n{"):
        one = lintas.connect()
        one.send(data)
        one.close()
        one = lintas.connect()
        one.send(data)
        one.reset()
    with lintas.connect() as one:
        one.send(GET)
        assert one.read().status == 200


def test_a_half_closed_client_gets_its_answer(lintas):
    with lintas.connect() as one:
        one.send(GET.replace(b"Host", b"Connection: close\r\nHost"))
        one.socket.shutdown(socket.SHUT_WR)
        try:
            assert one.read().status == 200
        except (http.Closed, ConnectionResetError):
            pass  # closing early is allowed; what matters is that the daemon lives
    assert lintas.running


# Limits ---------------------------------------------------------------------------------------------------------


def limit_of(response, status, *words):
    assert (response.status, response.code) == (status, "LNT012"), response
    text = " ".join(str(response.json()[k]) for k in ("message", "details")).lower()
    assert any(word in text for word in words), text


def test_a_target_that_is_too_long(strict):
    with strict.connect() as one:
        one.send(head_of("GET", "/items?name=eq." + "x" * 2000))
        limit_of(one.read(), 414, "target")
    with strict.connect() as one:
        one.send(head_of("GET", "/items?id=eq.1&name=neq." + "x" * 900))
        assert one.read().status == 200


def test_headers_that_are_too_large(strict):
    with strict.connect() as one:
        one.send(head_of("GET", "/items?id=eq.1", [("X-Big", "x" * 8000)]))
        limit_of(one.read(), 431, "header")
    with strict.connect() as one:
        one.send(head_of("GET", "/items?id=eq.1", [(f"X-{i}", "y" * 10) for i in range(500)]))
        limit_of(one.read(), 431, "header")


def test_a_body_that_is_too_large(strict, sql):
    with strict.connect() as one:
        one.send(head_of("POST", "/documents", [("Content-Type", "application/json"), ("Content-Length", "20000")]))
        limit_of(one.read("POST"), 413, "body")
    with strict.connect() as one:
        one.send(head_of("POST", "/documents", [("Content-Type", "application/json"),
                                                ("Transfer-Encoding", "chunked")]))
        try:
            for _ in range(20):
                one.send(b"400\r\n" + b"x" * 0x400 + b"\r\n")
        except ConnectionError:
            pass
        limit_of(one.read("POST"), 413, "body")
    with strict.connect() as one:
        body = b'{"id": 700, "body": "' + b"x" * 16000 + b'"}'
        one.send(head_of("POST", "/documents", [("Content-Type", "application/json")], body) + body)
        assert one.read("POST").status == 201
    sql("delete from api.documents where id = 700")


def nested(depth):
    return "or=(" + "and(" * (depth - 1) + "id.eq.1" + ")" * (depth - 1) + ",id.eq.2)"


def test_nesting_and_filter_counts(strict):
    client = strict.client()
    assert client.get(f"/items?{nested(3)}").status == 200
    limit_of(client.get(f"/items?{nested(8)}"), 400, "nesting")
    assert client.get("/items?" + "&".join(["id=gt.0"] * 20)).status == 200
    limit_of(client.get("/items?" + "&".join(["id=gt.0"] * 25)), 400, "filter")
    limit_of(client.get("/items?or=(" + ",".join(["id.eq.1"] * 25) + ")"), 400, "filter")


def test_too_many_connections_are_answered_503(start):
    daemon = start({"limits": {"connections": 20}, "threads": 1})
    many = [daemon.connect() for _ in range(20)]
    for one in many:
        one.send(GET)
        assert one.read().status == 200
    with daemon.connect() as extra:
        extra.send(GET)
        response = extra.read()
        assert (response.status, response.code) == (503, "LNT005"), response
        assert response.get("Retry-After")
        assert extra.closed_by_peer()
    for one in many:
        one.close()

    def again():
        with daemon.connect() as one:
            one.send(GET)
            return one.read().status == 200
    wait_until(again, 5, "a connection is free again")


# Timeouts ---------------------------------------------------------------------------------------------------------


def test_slow_headers(strict):
    with strict.connect(timeout=8) as one:
        began = time.monotonic()
        one.send(b"GET /items HTTP/1.1\r\nHost: t\r\n")
        try:
            assert one.read().status == 408
        except http.Closed:
            pass
        assert 0.8 < time.monotonic() - began < 5


def test_a_trickle_of_headers_is_slow_too(strict):
    with strict.connect(timeout=8) as one:
        began = time.monotonic()
        one.send(b"GET /items HTTP/1.1\r\nX: ")
        ended = False
        while not ended and time.monotonic() - began < 6:
            try:
                one.send(b"a")
            except ConnectionError:
                ended = True
                break
            one.socket.settimeout(0.2)
            try:
                ended = one.socket.recv(4096) is not None
            except TimeoutError:
                pass
            except ConnectionError:
                ended = True
        assert ended and time.monotonic() - began < 5


def test_a_slow_body(strict):
    with strict.connect(timeout=8) as one:
        began = time.monotonic()
        one.send(head_of("POST", "/bulk", [("Content-Type", "application/json"), ("Content-Length", "100")]) + b"{")
        try:
            assert one.read("POST").status == 408
        except http.Closed:
            pass
        assert 1.5 < time.monotonic() - began < 6


def test_an_idle_connection_is_closed(strict):
    with strict.connect() as one:
        one.send(GET)
        assert one.read().status == 200
        began = time.monotonic()
        assert one.closed_by_peer(8)
        assert 1.0 < time.monotonic() - began < 6


def test_a_client_that_does_not_read_holds_nobody_up(lintas, sql):
    sql("truncate api.documents; insert into api.documents select i, repeat('x', 10000) from generate_series(1, 2000) i")
    slow = lintas.connect()
    for _ in range(5):
        slow.send(head_of("GET", "/documents"))
    with lintas.connect() as one:
        for _ in range(20):
            one.send(GET)
            assert one.read().status == 200
    slow.close()
    sql("truncate api.documents")


# TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tls")
    return make_certificate(directory, "localhost")


def make_certificate(directory, name):
    key, cert = directory / f"{name}.key", directory / f"{name}.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", key, "-out", cert, "-days", "2", "-subj", f"/CN={name}",
                    "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    return cert, key


def tls_context(certificate, lowest=None, highest=None):
    context = ssl.create_default_context(cafile=certificate)
    if lowest:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = lowest
    if highest:
        context.maximum_version = highest
    return context


@pytest.fixture(scope="module")
def tls_daemon(start_module, certificate):
    cert, key = certificate
    return start_module({"listen": {"public": {"tls": {"cert": str(cert), "key": str(key)}}}})


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls(tls_daemon, certificate, version):
    client = tls_daemon.client(tls=tls_context(certificate[0], version, version))
    for _ in range(3):
        assert client.get("/items?id=eq.1").json()[0]["id"] == 1
    big = client.get("/items")
    assert len(big.json()) == 15
    client.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_tls_is_refused(tls_daemon, certificate, version):
    with pytest.raises((ssl.SSLError, ConnectionError)):
        tls_daemon.connect(tls=tls_context(certificate[0], version, version))


def test_plain_http_on_the_tls_port(tls_daemon, certificate):
    with tls_daemon.connect() as one:
        one.send(GET)
        try:
            assert one.read().status == 400
        except (http.Closed, ConnectionResetError, ValueError, IndexError, UnicodeDecodeError):
            pass
    assert tls_daemon.client(tls=tls_context(certificate[0])).get("/items?id=eq.1").status == 200


def test_a_tls_handshake_that_never_ends_is_given_up(start, certificate):
    cert, key = certificate
    daemon = start({"listen": {"public": {"tls": {"cert": str(cert), "key": str(key)}}},
                    "limits": {"header_timeout": "1s"}})
    with daemon.connect() as one:
        assert one.closed_by_peer(6)


def test_pipelining_and_large_bodies_over_tls(tls_daemon, certificate, sql):
    sql("truncate api.documents")
    with tls_daemon.connect(tls=tls_context(certificate[0])) as one:
        one.send(b"".join(head_of("GET", f"/items?select=id&id=eq.{i}") for i in range(1, 11)))
        assert [one.read().json()[0]["id"] for _ in range(10)] == list(range(1, 11))
        body = b'{"id": 1, "body": "' + b"y" * 1_000_000 + b'"}'
        one.send(head_of("POST", "/documents", [("Content-Type", "application/json"),
                                                ("Prefer", "return=representation")], body) + body)
        assert len(one.read("POST").body) > 1_000_000
    sql("truncate api.documents")


def test_reload_takes_new_certificates(start, tmp_path):
    cert, key = make_certificate(tmp_path, "localhost")
    daemon = start({"listen": {"public": {"tls": {"cert": str(cert), "key": str(key)}}}})
    old = ssl.get_server_certificate(("127.0.0.1", daemon.public))
    make_certificate(tmp_path, "localhost")
    assert daemon.admin_client().post("/reload").status in (200, 202, 204)
    wait_until(lambda: ssl.get_server_certificate(("127.0.0.1", daemon.public)) != old, 10, "the new certificate")
    cert.write_text("not a certificate")
    daemon.admin_client().post("/reload")
    newest = ssl.get_server_certificate(("127.0.0.1", daemon.public))
    assert newest != old, "a broken file does not end the service"
