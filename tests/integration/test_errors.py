"""Statuses, texts and the shape of errors (DIALECT 4), responses controlled by SQL (DIALECT 3.3)."""

import json

import pytest

from support.jwt import bearer
from support.wait import wait_until

pytestmark = pytest.mark.usefixtures("fresh")


@pytest.mark.parametrize("state, status", [
    ("08000", 503), ("08006", 503), ("09000", 500), ("0L000", 403), ("0P000", 403), ("28000", 403), ("28P01", 403),
    ("21000", 500), ("22023", 400), ("22P02", 400), ("22012", 400), ("23502", 400), ("23503", 409), ("23505", 409),
    ("23514", 400), ("25006", 405), ("25001", 500), ("2D000", 500), ("38000", 500), ("39000", 500), ("3B000", 500),
    ("40001", 500), ("40P01", 500), ("42501", 401), ("53400", 500), ("53000", 503), ("53300", 503), ("54000", 500),
    ("54001", 500), ("55000", 500), ("55P03", 500), ("57014", 500), ("57P01", 503), ("58000", 500), ("F0000", 500),
    ("HV000", 500), ("XX000", 500), ("P0001", 400), ("P0002", 500), ("42883", 404), ("42P01", 404), ("42P17", 500),
    ("42703", 400), ("42601", 400), ("3F000", 400), ("01000", 400), ("ZZZZZ", 400), ("PT402", 402), ("PT418", 418),
    ("PT200", 200), ("PT503", 503), ("PT599", 599),
])
def test_sqlstate(api, state, status):
    response = api.post("/faults", {"state": state, "message": "m", "detail": "d", "hint": "h"})
    assert response.status == status, response
    assert response.json() == {"code": state, "details": "d", "hint": "h", "message": "m"}
    if status == 503:
        assert int(response.get("Retry-After")) >= 0
    assert api.get("/items?limit=1").status == 200


def test_42501_is_403_for_a_user(api):
    assert api.post("/faults", {"state": "42501"}, headers=bearer("alice")).status == 403


@pytest.mark.parametrize("state, message, status", [
    ("21000", "UPDATE requires a WHERE clause", 400),
    ("22023", 'role "x" does not exist', 401),
    ("42883", "function xmlagg(text) does not exist", 406),
])
def test_sqlstate_by_message(api, state, message, status):
    assert api.post("/faults", {"state": state, "message": message}).status == status


def test_the_shape_of_an_error(api):
    response = api.get("/items?nope=eq.1")
    assert response.status == 400
    assert response.get("Content-Type") == "application/json; charset=utf-8"
    assert response.get("Content-Length") == str(len(response.body))
    assert "error=42703" in response.get("Proxy-Status")
    assert list(response.json()) == ["code", "details", "hint", "message"]
    assert b": " not in response.body.split(b'"message"')[0], "compact"
    assert response.json()["details"] is None
    assert response.get("Preference-Applied") is None
    assert response.get("Content-Range") is None


def test_error_text_is_escaped(api):
    message = 'quotes " and \\ and \n newline \t tab \u0001 and é€😀'
    response = api.post("/faults", {"state": "P0001", "message": message})
    assert response.json()["message"] == message


@pytest.mark.parametrize("target, code, message", [
    ("/nope", "PGRST205", "Could not find the table 'api.nope' in the schema cache"),
    ("/rpc/nope", None, None),
])
def test_fixed_texts(api, target, code, message):
    response = api.get(target)
    if code:
        assert (response.code, response.json()["message"]) == (code, message)
    else:
        assert response.status in (400, 404) and response.code in ("PGRST202", "PGRST127")


def test_errors_before_the_database_take_no_connection(start, pg):
    """With every connection of the pool busy these still answer at once."""
    daemon = start({"threads": 1, "database": {"primary": {"pool": 1}}})
    with daemon.connect() as busy:
        busy.send("POST /slow_writes HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                  "Content-Length: 23\r\n\r\n" + '{"id":1, "seconds":2.5}')
        wait_until(lambda: pg.value("select count(*) from pg_stat_activity where wait_event = 'PgSleep'"), 5)
        client = daemon.client(timeout=1.5)
        assert client.get("/items?id=zz").status == 400
        assert client.get("/nope").status == 404
        assert client.get("/items", Authorization="Bearer x").status == 401
        assert client.options("/items").status == 200
        assert client.get("/items", Accept="image/png").status == 406
        assert client.get("/items", Accept_Profile="nope").status == 406
        assert client.post("/bulk", "{", Content_Type="application/json").status == 400
        assert busy.read("POST").status == 201


# RAISE SQLSTATE 'PGRST' --------------------------------------------------------------------------------------


def raise_pgrst(api, message, detail):
    dump = lambda value: value if isinstance(value, str) else json.dumps(value)
    return api.post("/faults", {"state": "PGRST", "message": dump(message), "detail": dump(detail)})


def test_raise_pgrst_controls_everything(api):
    response = raise_pgrst(api, {"code": "123", "message": "ABC", "details": "DEF", "hint": "XYZ"},
                           {"status": 332, "headers": {"X-Header": "str", "WWW-Authenticate": "custom"}})
    assert response.status == 332
    assert response.json() == {"code": "123", "details": "DEF", "hint": "XYZ", "message": "ABC"}
    assert response.get("X-Header") == "str"
    response = raise_pgrst(api, {"code": "1", "message": "m"}, {"status": 404, "headers": {}})
    assert (response.status, response.json()) == (404, {"code": "1", "details": None, "hint": None, "message": "m"})
    response = raise_pgrst(api, {"code": "1", "message": "m"},
                           {"status": 420, "status_text": "Enhance Your Calm", "headers": {}})
    assert response.status == 420
    assert response.reason in ("Enhance Your Calm", "", "Unknown") or response.reason


@pytest.mark.parametrize("message, detail", [
    ("not json", {"status": 400, "headers": {}}), ({"code": "1"}, {"status": 400, "headers": {}}),
    ({"code": "1", "message": "m"}, "not json"), ({"code": "1", "message": "m"}, {"headers": {}}),
    ({"code": "1", "message": "m"}, {"status": "x", "headers": {}}), ([], []),
    ({"code": "1", "message": "m"}, ""),
])
def test_an_unreadable_raise_is_pgrst121(api, message, detail):
    response = raise_pgrst(api, message, detail)
    assert (response.status, response.code) == (500, "PGRST121"), response


@pytest.mark.parametrize("status", [99, 0, -1, 1000, 99999999999])
def test_a_raised_status_that_is_none(api, status):
    response = raise_pgrst(api, {"code": "1", "message": "m"}, {"status": status, "headers": {}})
    assert response.status == 500, response


# response.status and response.headers ------------------------------------------------------------------------


def test_headers_and_status_of_a_read(api):
    response = api.get("/mirrors?id=eq.2&select=shine")
    assert response.status == 200, response
    assert response.get("X-Mirror") == "a"
    assert response.all("Set-Cookie") == ["a=1", "b=2"]
    response = api.get("/mirrors?id=eq.3&select=shine")
    assert (response.status, response.json()) == (418, [{"shine": "shone"}])
    response = api.get("/mirrors?id=eq.6&select=shine")
    assert response.get("Vary") == "Cookie"
    assert response.get("Cache-Control") == "no-store"


@pytest.mark.parametrize("id_, code", [(4, "PGRST111"), (7, "PGRST111"), (8, "PGRST111"), (5, "PGRST112")])
def test_malformed_responses_of_sql(api, id_, code):
    response = api.get(f"/mirrors?id=eq.{id_}&select=shine")
    assert (response.status, response.code) == (500, code), response
    assert api.get("/mirrors?id=eq.1&select=shine").status == 200


def test_headers_and_status_of_a_write(api, sql):
    response = api.post("/responses", {"id": 1, "headers": '[{"X-A": "1"}, {"Content-Type": "x/y"}]', "status": "202"},
                        Prefer="return=representation")
    assert response.status == 202, response
    assert response.get("X-A") == "1"
    assert response.get("Content-Type") == "x/y"
    response = api.post("/responses", {"id": 2, "headers": "zzz"})
    assert (response.status, response.code) == (500, "PGRST111")
    assert sql("select count(*) from api.responses where id = 2") == [(0,)], "rolled back"


@pytest.mark.parametrize("status", ["200", "205", "299"])
def test_a_minimal_write_with_another_status_is_framed(api, status):
    response = api.post("/responses", {"id": int(status), "status": status})
    assert (response.status, response.body) == (int(status), b"")
    assert response.get("Content-Length") == "0"
    assert api.get("/items?limit=1").status == 200, "the connection is still in step"


def test_settings_of_one_response_do_not_reach_the_next(api):
    assert api.get("/mirrors?id=eq.3&select=shine").status == 418
    for _ in range(20):
        response = api.get("/mirrors?id=eq.1&select=shine")
        assert response.status == 200
        assert response.get("X-Mirror") is None


def test_headers_from_sql_cannot_split_the_response(api):
    for value in ("a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rX-Evil: 1", "a\u0000b"):
        headers = json.dumps([{"X-A": value}])
        response = api.post("/responses", {"id": 50, "headers": headers})
        assert response.get("X-Evil") is None
        assert response.status in (500, 400), response
    response = api.post("/responses", {"id": 51, "headers": json.dumps([{"X-A: 1\r\nX-Evil": "1"}])})
    assert response.get("X-Evil") is None
