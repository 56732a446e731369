"""Representations: the bytes are PostgreSQL's own (DIALECT 1.7, 9.1)."""

import pytest

pytestmark = pytest.mark.usefixtures("reset_once")

OBJECT = "application/vnd.pgrst.object+json"
ARRAY = "application/vnd.pgrst.array+json"
CHARSET = "; charset=utf-8"


@pytest.fixture(scope="module")
def reset_once(sql):
    sql("select fixture.reset()")


def aggregate(pg, select):
    return pg.psql(f"set timezone = 'UTC'; select coalesce(json_agg(_t), '[]')::text from ({select}) _t")


@pytest.mark.parametrize("target, select", [
    ("/kinds?order=id", "select * from api.kinds order by id"),
    ("/kinds?id=eq.1", "select * from api.kinds where id = 1"),
    ("/kinds?id=eq.2", "select * from api.kinds where id = 2"),
    ("/kinds?id=eq.999", "select * from api.kinds where false"),
    ("/kinds?select=id,j,jb&order=id", "select id, j, jb from api.kinds order by id"),
    ("/kinds?select=n,f8,m&order=id", "select n, f8, m from api.kinds order by id"),
    ("/probes?select=id,doc-%3Ek&order=id", "select id, doc->'k' as k from api.probes order by id"),
    ("/items?order=id", "select * from api.items order by id"),
    ("/Odd%20Name?order=id", 'select * from api."Odd Name" order by id'),
    ("/people?select=id&id=eq.1", "select id from api.people where id = 1"),
    ("/inside?select=role", "select 'web_anon' as role"),
])
def test_json_is_byte_identical_to_json_agg(api, pg, target, select):
    response = api.get(target)
    assert response.status == 200, response
    assert response.body == aggregate(pg, select)
    assert response.get("Content-Length") == str(len(response.body))


def test_a_write_returns_the_same_bytes(api, pg):
    response = api.patch("/kinds?id=gte.1&order=id", {"i4": 5}, Prefer="return=representation")
    assert response.body == aggregate(pg, "select * from api.kinds order by id")


def test_object(api, pg):
    response = api.get("/kinds?id=eq.1", Accept=OBJECT)
    assert response.status == 200
    assert response.get("Content-Type") == OBJECT + CHARSET
    assert response.body == pg.psql("set timezone = 'UTC'; select (json_agg(k)->0)::text from api.kinds k where id = 1")


@pytest.mark.parametrize("target, count", [("/items?id=lt.1", 0), ("/items?id=lt.3", 2), ("/items", 15)])
def test_an_object_wants_exactly_one_row(api, target, count):
    response = api.get(target, Accept=OBJECT)
    assert (response.status, response.code) == (406, "PGRST116")
    body = response.json()
    assert body["message"] == "Cannot coerce the result to a single JSON object"
    assert body["details"] == f"The result contains {count} rows"


@pytest.mark.parametrize("accept, content_type", [
    ("application/json", "application/json" + CHARSET),
    ("*/*", "application/json" + CHARSET),
    ("APPLICATION/JSON", "application/json" + CHARSET),
    (ARRAY, "application/json" + CHARSET),
    ("application/vnd.pgrst.array", "application/json" + CHARSET),
    (ARRAY + ";nulls=stripped", ARRAY + ";nulls=stripped" + CHARSET),
    (OBJECT, OBJECT + CHARSET),
    ("application/vnd.pgrst.object", OBJECT + CHARSET),
    (OBJECT + ";nulls=stripped", OBJECT + ";nulls=stripped" + CHARSET),
    ("text/csv", "text/csv" + CHARSET),
    ("text/html, application/json", "application/json" + CHARSET),
    ("text/html, text/csv;q=0.5, application/json;q=0.4", "text/csv" + CHARSET),
    ("application/json;q=0.1, text/csv", "text/csv" + CHARSET),
    ("text/*, */*", None),
    ("text/csv, */*", "text/csv" + CHARSET),
])
def test_negotiation(api, accept, content_type):
    response = api.get("/items?id=eq.1", Accept=accept)
    assert response.status == 200, response
    if content_type:
        assert response.get("Content-Type") == content_type


@pytest.mark.parametrize("accept", ["text/html", "image/png, text/html", "application/vnd.pgrst.plan+json",
                                    "application/geo+json"])
def test_what_cannot_be_produced_is_406(api, accept):
    response = api.get("/items", Accept=accept)
    assert response.status in (406, 400), response
    assert response.code in ("PGRST107", "PGRST127")
    if accept == "image/png, text/html":
        assert response.code == "PGRST107"
        assert response.json()["message"] == "None of these media types are available: image/png, text/html"


def test_nulls_stripped(api):
    assert api.get("/probes?id=eq.4&select=id,name,n,flag", Accept=ARRAY + ";nulls=stripped").json() == [
        {"id": 4, "flag": True}]
    assert api.get("/probes?id=eq.4&select=id,name", Accept=OBJECT + ";nulls=stripped").json() == {"id": 4}


def test_csv(api):
    response = api.get("/items?select=id,name&id=lte.2&order=id", Accept="text/csv")
    assert response.text == "id,name\n1,\"item 1\"\n2,\"item 2\""


def test_csv_quoting_and_nulls(api):
    response = api.get("/probes?select=id,name,n&id=gte.4&order=id", Accept="text/csv")
    assert response.text == 'id,name,n\n4,,\n5,"O""Brien, (Jr.) \\\\ {x}",50\n6,null,60'


def test_csv_of_nothing(api):
    response = api.get("/items?id=eq.0", Accept="text/csv")
    assert (response.status, response.text) == (200, "\n")


def test_csv_of_a_write(api):
    response = api.patch("/probes?id=eq.2&select=id,name", {"name": "Bob"}, Accept="text/csv",
                         Prefer="return=representation")
    assert (response.status, response.text) == (200, "id,name\n2,Bob")


def test_the_object_rule_holds_for_minimal_writes(api, sql):
    response = api.patch("/probes?id=lte.2", {"n": 0}, Accept=OBJECT)
    assert (response.status, response.code) == (406, "PGRST116")
    assert sql("select sum(n) from api.probes where id <= 2") == [(30,)], "rolled back"
    assert api.patch("/probes?id=eq.2", {"n": 20}, Accept=OBJECT).status == 204


def test_object_of_a_write(api):
    response = api.patch("/probes?id=eq.2&select=id,n", {"n": 20}, Accept=OBJECT, Prefer="return=representation")
    assert (response.status, response.json()) == (200, {"id": 2, "n": 20})


def test_a_refused_media_type_writes_nothing(api, sql):
    response = api.patch("/probes?id=eq.2", {"n": 0}, Accept="image/png", Prefer="return=representation")
    assert response.status == 406
    assert sql("select n from api.probes where id = 2") == [(20,)]


def test_a_big_answer_is_complete(api, sql, pg):
    sql("truncate api.documents; insert into api.documents select i, repeat(md5(i::text), 100)"
        " from generate_series(1, 5000) i")
    response = api.get("/documents?order=id")
    assert len(response.body) > 15_000_000
    assert response.body == aggregate(pg, "select * from api.documents order by id")
    sql("truncate api.documents")
