"""Prefer and Preference-Applied (DIALECT 1.10), transactions that are rolled back (DIALECT 0)."""

import pytest

pytestmark = pytest.mark.usefixtures("fresh")


@pytest.mark.parametrize("method, target, prefer, applied", [
    ("GET", "/items?limit=1", "count=exact", "count=exact"),
    ("GET", "/items?limit=1", "count=planned", "count=planned"),
    ("GET", "/items?limit=1", "count=estimated", "count=estimated"),
    ("GET", "/items?limit=1", "count=none", None),
    ("GET", "/items?limit=1", "return=representation", None),
    ("GET", "/items?limit=1", "resolution=merge-duplicates", None),
    ("GET", "/items?limit=1", "handling=lenient", "handling=lenient"),
    ("GET", "/items?limit=1", "handling=strict", "handling=strict"),
    ("GET", "/items?limit=1", "timezone=Asia/Jakarta", "timezone=Asia/Jakarta"),
    ("GET", "/items?limit=1", "tx=rollback", None),
    ("GET", "/items?limit=1", "max-affected=3", None),
    ("GET", "/items?limit=1", "Count=Exact", None),
    ("GET", "/items?limit=1", "count=exact,count=planned", "count=exact"),
    ("GET", "/items?limit=1", "nonsense, count=exact", "count=exact"),
    ("GET", "/items?limit=1", " count=exact ,  handling=strict ", "count=exact, handling=strict"),
    ("GET", "/items?limit=1", ["timezone=UTC", "handling=strict", "count=exact"],
     "count=exact, handling=strict, timezone=UTC"),
    ("POST", "/bulk", "return=minimal", "return=minimal"),
    ("POST", "/bulk", "return=headers-only", "return=headers-only"),
    ("POST", "/bulk", "missing=null", "missing=null"),
    ("POST", "/bulk", "resolution=ignore-duplicates", "resolution=ignore-duplicates"),
    ("POST", "/bulk",
     "timezone=UTC, handling=strict, count=exact, return=minimal, missing=default, resolution=merge-duplicates",
     "resolution=merge-duplicates, missing=default, return=minimal, count=exact, handling=strict, timezone=UTC"),
    ("PATCH", "/people?id=eq.1", "return=minimal, missing=default", "missing=default, return=minimal"),
    ("PATCH", "/people?id=eq.1", "handling=strict, max-affected=5", "handling=strict, max-affected=5"),
    ("PATCH", "/people?id=eq.1", "max-affected=0", None),
    ("DELETE", "/pairs?a=eq.1", "return=representation", "return=representation"),
    ("DELETE", "/pairs?a=eq.1", "max-affected=2, handling=strict", "handling=strict, max-affected=2"),
])
def test_preference_applied(api, method, target, prefer, applied):
    body = {"POST": {"id": 1, "v": "x"}, "PATCH": {"age": 3}}.get(method)
    response = api.request(method, target, body, Prefer=prefer)
    assert response.status < 300, response
    assert response.get("Preference-Applied") == applied


def test_strict_handling_refuses_what_it_does_not_know(api, sql):
    response = api.post("/bulk", {"id": 1}, Prefer="handling=strict, foo, bar=baz, return=minimal")
    assert (response.status, response.code) == (400, "PGRST122")
    assert response.json()["details"] == "Invalid preferences: foo, bar=baz"
    assert response.get("Preference-Applied") is None
    assert sql("select count(*) from api.bulk") == [(0,)]
    assert api.get("/items?limit=1", Prefer="handling=strict, foo").status == 400
    assert api.get("/items?limit=1", Prefer="handling=lenient, foo").status == 200


def test_the_timezone_is_the_transactions(api):
    response = api.get("/kinds?id=eq.1&select=tz", Prefer="timezone=Asia/Jakarta")
    assert response.json() == [{"tz": "2024-02-29T19:34:56.789+07:00"}]
    assert api.get("/kinds?id=eq.1&select=tz").json() == [{"tz": "2024-02-29T12:34:56.789+00:00"}]
    response = api.get("/items?limit=1", Prefer="timezone=Nowhere/Land")
    assert (response.status, response.code) == (400, "22023")


@pytest.mark.parametrize("method, body", [("PATCH", {"age": 1}), ("DELETE", None)])
def test_max_affected(api, sql, method, body):
    response = api.request(method, "/people?id=lte.3", body, Prefer="handling=strict, max-affected=2")
    assert (response.status, response.code) == (400, "PGRST124"), response
    assert sql("select count(*) from api.people where age > 1") == [(4,)], "rolled back"
    assert api.request(method, "/people?id=lte.3", body, Prefer="max-affected=2").status == 204
    assert sql("select count(*) from api.people where age > 1") == [(1,)], "only enforced under strict"


def test_max_affected_exactly(api):
    response = api.patch("/people?id=lte.2", {"age": 1}, Prefer="handling=strict, max-affected=2")
    assert response.status == 204, response


# tx ----------------------------------------------------------------------------------------------------------


def test_tx_is_ignored_unless_allowed(api, sql):
    response = api.post("/bulk", {"id": 1}, Prefer="tx=rollback")
    assert response.status == 201
    assert response.get("Preference-Applied") is None
    assert sql("select count(*) from api.bulk") == [(1,)]


def test_tx_rollback_when_allowed(start, sql):
    client = start({"api": {"tx_end": "commit_allow_override"}}).client()
    response = client.post("/bulk", {"id": 1, "v": "x"}, Prefer="tx=rollback, return=representation")
    assert (response.status, response.json()) == (201, [{"id": 1, "v": "x"}])
    assert response.get("Preference-Applied") == "return=representation, tx=rollback"
    assert sql("select count(*) from api.bulk") == [(0,)]
    response = client.post("/tree", {"id": 10, "parent": 99}, Prefer="tx=rollback")
    assert (response.status, response.code) == (409, "23503"), "deferred constraints still report"
    assert client.patch("/people?id=eq.1", {"age": 1}, Prefer="tx=rollback").status == 204
    assert client.delete("/people?id=eq.1", Prefer="tx=rollback").status == 204
    assert sql("select age from api.people where id = 1") == [(17,)]
    assert client.post("/bulk", {"id": 1}, Prefer="tx=commit").get("Preference-Applied") == "tx=commit"
    assert sql("select count(*) from api.bulk") == [(1,)]


def test_rollback_as_the_rule_of_a_test_suite(start, sql):
    client = start({"api": {"tx_end": "rollback_allow_override", "testing": True}}).client()
    assert client.post("/bulk", {"id": 1}).status == 201
    assert sql("select count(*) from api.bulk") == [(0,)]
    assert client.post("/bulk", {"id": 1}, Prefer="tx=commit").status == 201
    assert sql("select count(*) from api.bulk") == [(1,)]


def test_a_write_that_fails_leaves_nothing(api, sql):
    assert api.post("/bulk", [{"id": 1}, {"id": 2}, {"id": 1}]).status == 409
    assert sql("select count(*) from api.bulk") == [(0,)]
    response = api.post("/bulk", [{"id": 1}, {"id": 2}], Accept="application/vnd.pgrst.object+json",
                        Prefer="return=representation")
    assert (response.status, response.code) == (406, "PGRST116")
    assert sql("select count(*) from api.bulk") == [(0,)]
