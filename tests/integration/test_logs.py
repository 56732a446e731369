"""Logs and request identities (CONTRACT 3, STYLE 8)."""

import json
import re

import pytest

from support.jwt import bearer, token
from support.wait import wait_until

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module", autouse=True)
def reset_once(sql):
    sql("select fixture.reset()")


@pytest.fixture(scope="module")
def logger(start_module):
    return start_module({"log": {"level": "info", "format": "json"}})


@pytest.fixture
def client(logger):
    one = logger.client()
    yield one
    one.close()


def line_of(daemon, request_id):
    """The log line of one request; exactly one."""
    def found():
        return [json.loads(line) for line in daemon.log().splitlines() if request_id in line]
    wait_until(found, 5, f"a line with {request_id}")
    lines = [line for line in found() if line.get("status") is not None]
    assert len(lines) == 1, lines
    return lines[0]


def test_every_line_is_json(logger, client):
    client.get("/items?limit=1")
    client.get("/items?id=zz")
    for line in logger.log_lines():
        assert isinstance(line, dict) and line["level"] in ("debug", "info", "warn", "error")
        assert line["site"] == "jakarta" and line["role"] == "primary"


@pytest.mark.parametrize("method, target, status", [
    ("GET", "/items?limit=1", 200), ("HEAD", "/items", 200), ("GET", "/nope", 404), ("GET", "/items?id=zz", 400),
    ("POST", "/bulk", 400), ("OPTIONS", "/items", 200),
])
def test_one_line_per_request(logger, client, method, target, status):
    id_ = f"line-{method}-{status}-{target[1:5]}"
    response = client.request(method, target, X_Request_Id=id_)
    assert response.status == status
    line = line_of(logger, id_)
    assert (line["method"], line["status"]) == (method, status)


def test_the_request_id_is_echoed_or_made(client):
    assert client.get("/items?limit=1", X_Request_Id="abc-123").get("X-Request-Id") == "abc-123"
    assert client.get("/nope", X_Request_Id="abc-124").get("X-Request-Id") == "abc-124"
    made = {client.get("/items?limit=1").get("X-Request-Id") for _ in range(20)}
    assert len(made) == 20 and all(made)


@pytest.mark.parametrize("bad", ["x" * 5000, "a b\tc", 'quote"{}', "é", ""])
def test_an_odd_request_id_does_no_harm(logger, client, bad):
    response = client.get("/items?limit=1", headers={"X-Request-Id": bad})
    assert response.status in (200, 400), response
    logger.log_lines()


def test_a_trace_is_continued(logger, client):
    client.get("/items?limit=1", headers={"traceparent": PARENT, "X-Request-Id": "traced"})
    assert "0af7651916cd43dd8448eb211c80319c" in json.dumps(line_of(logger, "traced"))
    client.get("/items?limit=1", headers={"X-Request-Id": "untraced"})
    line = json.dumps(line_of(logger, "untraced"))
    assert "0af7651916cd43dd8448eb211c80319c" not in line
    assert re.search(r"[0-9a-f]{32}", line), "a trace of its own"


@pytest.mark.parametrize("bad", ["nonsense", "00-" + "0" * 32 + "-b7ad6b7169203331-01", PARENT.upper(), PARENT + "-x",
                                 "ff" + PARENT[2:], "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01", ""])
def test_a_malformed_trace_starts_a_new_one(logger, client, bad):
    id_ = f"badtrace-{abs(hash(bad))}"
    assert client.get("/items?limit=1", headers={"traceparent": bad, "X-Request-Id": id_}).status == 200
    found = re.findall(r'"([0-9a-f]{32})"', json.dumps(line_of(logger, id_)))
    assert found and "0af7651916cd43dd8448eb211c80319c" not in found and "0" * 32 not in found


def test_no_secrets_and_no_row_data_in_the_log(logger, client):
    marker = "marker-4711"
    good = token("alice", sub=f"sub-{marker}")
    client.get(f"/people?name=eq.{marker}", X_Request_Id="secret-1", Authorization=f"Bearer {good}")
    client.get(f"/people?id=eq.{marker}", X_Request_Id="secret-2", Cookie=f"session={marker}")
    client.get("/people?id=eq.1", X_Request_Id="secret-3", Authorization=f"Bearer {marker}.x.y")
    client.post("/people", {"name": marker, "age": -1}, X_Request_Id="secret-4")
    client.post("/people", {"name": marker, "email": "ben@x"}, X_Request_Id="secret-5")
    client.get(f"/people?or=(name.eq.{marker},id.eq.1)", X_Request_Id="secret-6")
    for i in range(1, 7):
        line_of(logger, f"secret-{i}")
    log = logger.log()
    assert marker not in log, [line for line in log.splitlines() if marker in line]
    assert good not in log and good.split(".")[2] not in log
    assert "hush-hush" not in log and "a-secret-of-the-tests" not in log


def test_a_line_of_log_cannot_be_forged(logger, client):
    client.get('/x%0a{"level":"error","forged":true}', X_Request_Id="forge")
    line_of(logger, "forge")
    assert not any(line.get("forged") for line in logger.log_lines())


def test_text_format(start):
    daemon = start({"log": {"format": "text"}})
    daemon.client().get("/items?limit=1", X_Request_Id="as-text")
    wait_until(lambda: "as-text" in daemon.log(), 5)
    assert not any(line.startswith("{") for line in daemon.log().splitlines())


def test_level_error_is_quiet(start):
    daemon = start({"log": {"level": "error"}})
    for _ in range(5):
        assert daemon.client().get("/items?limit=1", X_Request_Id="hushed").status == 200
    daemon.stop()
    assert "hushed" not in daemon.log()


def test_who_asked_is_in_the_log_by_role(logger, client):
    client.get("/items?limit=1", X_Request_Id="by-role", headers=bearer("alice"))
    line = line_of(logger, "by-role")
    assert line["status"] == 200
    seconds = [k for k in line if "second" in k or k.endswith(("_ms", "_us", "_s")) or "duration" in k]
    assert seconds, f"no duration in {line}"
