"""Reading: select, order, windows, paths, profiles, the headers of a read (DIALECT 1.1, 1.2, 1.4, 1.6, 1.11)."""

import pytest

pytestmark = pytest.mark.usefixtures("reset_once")


@pytest.fixture(scope="module")
def reset_once(sql):
    sql("select fixture.reset()")


def ids(response):
    assert response.status in (200, 206), response
    return [row["id"] for row in response.json()]


def test_all_rows_and_columns_of_a_table(api):
    response = api.get("/items?order=id")
    assert response.status == 200
    assert response.json()[0] == {"id": 1, "name": "item 1", "qty": 10}
    assert ids(response) == list(range(1, 16))
    assert response.get("Content-Type") == "application/json; charset=utf-8"
    assert response.get("Content-Range") == "0-14/*"
    assert response.get("Content-Length") == str(len(response.body))
    assert response.get("Date")


@pytest.mark.parametrize("target, row", [
    ("/items?id=eq.3&select=", {"id": 3, "name": "item 3", "qty": 30}),
    ("/items?id=eq.3&select=*", {"id": 3, "name": "item 3", "qty": 30}),
    ("/items?id=eq.3&select=name", {"name": "item 3"}),
    ("/items?id=eq.3&select=qty,name", {"qty": 30, "name": "item 3"}),
    ("/items?id=eq.3&select=n:name,qty", {"n": "item 3", "qty": 30}),
    ("/items?id=eq.3&select=id::text", {"id": "3"}),
    ("/items?id=eq.3&select=number:id::text,*", {"number": "3", "id": 3, "name": "item 3", "qty": 30}),
    ("/items?id=eq.3&select= name , qty ", {"name": "item 3", "qty": 30}),
    ("/items?id=eq.3&select=%22name%22", {"name": "item 3"}),
    ("/items?id=eq.3&select=id&select=name", {"id": 3}),
    ("/items?id=eq.3&select=qty::numeric", {"qty": 30}),
    ("/items?id=eq.3&select=qty::character varying", {"qty": "30"}),
    ("/items?id=eq.3&select=id&ignored", {"id": 3}),
    ("/items?id=eq.3&select=%22a%20b%22:name", {"a b": "item 3"}),
    ("/items?id=eq.3&select=%22a%5C%22b%22:name", {'a"b': "item 3"}),
])
def test_select(api, target, row):
    response = api.get(target.replace(" ", "%20"))
    assert response.status == 200, response
    assert response.json() == [row]
    assert list(response.json()[0]) == list(row), "the columns' order"


@pytest.mark.parametrize("select, row", [
    ("doc->s", {"s": "one"}),
    ("doc->>s", {"s": "one"}),
    ("doc->>n", {"n": "1"}),
    ("doc->n", {"n": 1}),
    ("doc->k->d", {"d": [10, 20, {"x": "deep"}]}),
    ("doc->k->d->0", {"d": 10}),
    ("doc->k->d->>-1", {"d": '{"x": "deep"}'}),
    ("doc->k->d->2->>x", {"x": "deep"}),
    ("doc->0", {"doc": None}),
    ("deep:doc->k->d->2->>x", {"deep": "deep"}),
    ("doc->>n::int", {"n": 1}),
    ('doc->"k"->d->1', {"d": 20}),
    ("doc->nothing->there", {"there": None}),
    ("tags->0", {"tags": "red"}),
    ("tags->>1", {"tags": "blue"}),
    ("shout", {"shout": "ANNA"}),
    ("name,shout", {"name": "Anna", "shout": "ANNA"}),
])
def test_json_paths_arrays_and_computed_fields(api, select, row):
    response = api.get("/probes", params=[("select", select), ("id", "eq.1")])
    assert response.status == 200, response
    assert response.json() == [row]


def test_an_unknown_column_is_postgresqls_error(api):
    response = api.get("/items?select=nope")
    assert (response.status, response.code) == (400, "42703")


@pytest.mark.parametrize("order, expected", [
    ("n", [1, 2, 3, 5, 6, 4]),
    ("n.asc", [1, 2, 3, 5, 6, 4]),
    ("n.desc", [4, 6, 5, 3, 2, 1]),
    ("n.desc.nullslast", [6, 5, 3, 2, 1, 4]),
    ("n.nullsfirst", [4, 1, 2, 3, 5, 6]),
    ("n.asc.nullsfirst", [4, 1, 2, 3, 5, 6]),
    ("flag.asc.nullslast,id.desc", [5, 2, 4, 1, 6, 3]),
    ("doc->>s.desc.nullslast,id", [2, 3, 1, 4, 5, 6]),
    ("doc->n.asc.nullslast,id", [3, 1, 2, 4, 5, 6]),
    ("shout.asc.nullslast", [3, 1, 2, 6, 5, 4]),
])
def test_order(api, order, expected):
    response = api.get("/probes", params=[("select", "id"), ("order", order)])
    if order.startswith("shout"):
        assert response.status == 200
        assert ids(response)[-1] == 4 and sorted(ids(response)) == [1, 2, 3, 4, 5, 6]
    else:
        assert ids(response) == expected


def test_the_first_order_and_the_last_limit_win(api):
    assert ids(api.get("/items?order=id.desc&order=id.asc&limit=9&limit=2")) == [15, 14]


@pytest.mark.parametrize("target, expected, content_range", [
    ("/items?order=id&limit=3", [1, 2, 3], "0-2/*"),
    ("/items?order=id&limit=3&offset=2", [3, 4, 5], "2-4/*"),
    ("/items?order=id&offset=13", [14, 15], "13-14/*"),
    ("/items?order=id&limit=0", [], "*/*"),
    ("/items?order=id&offset=100", [], "*/*"),
    ("/items?order=id&limit=abc&id=lt.3", [1, 2], "0-1/*"),
    ("/items?order=id&offset=-5&id=lt.3", [1, 2], "0-1/*"),
])
def test_limit_and_offset(api, target, expected, content_range):
    response = api.get(target)
    assert response.status == 200, response
    assert ids(response) == expected
    assert response.get("Content-Range") == content_range


def test_a_view_reads_as_a_table(api):
    assert [row["name"] for row in api.get("/adults?order=id").json()] == ["Ben", "Cy", "Dee"]
    assert api.get("/age_groups?age=eq.25").json() == [{"age": 25, "how_many": 2}]


@pytest.mark.parametrize("target, value", [
    ("/Odd%20Name?id=eq.1&select=%22quo%5C%22te%22", {'quo"te': "q1"}),
    ("/Odd%20Name?id=eq.1&select=%22dot.ted%22", {"dot.ted": "d1"}),
    ("/Odd%20Name?id=eq.1&select=with%20space", {"with space": "s1"}),
    ("/Odd%20Name?id=eq.1&select=%C3%9Cn%C3%AF-c%C3%B6d%C3%A9", {"Ünï-cödé": "u1"}),
    ("/Odd%20Name?id=eq.1&select=%22sel,ect%22", {"sel,ect": "c1"}),
    ("/Odd%20Name?id=eq.1&select=%22(paren)%22", {"(paren)": "p1"}),
    ("/Odd%20Name?id=eq.1&select=%22back%5C%5Cslash%22", {"back\\slash": "b1"}),
    ("/Odd%20Name?id=eq.1&select=%22single%27quote%22", {"single'quote": "a1"}),
    ("/Odd%20Name?%22dot.ted%22=eq.d2&select=id", {"id": 2}),
    ("/Odd%20Name?%22quo%5C%22te%22=eq.q2&select=id", {"id": 2}),
    ("/Odd%20Name?with%20space=eq.s2&select=id", {"id": 2}),
    ("/Odd%20Name?with+space=eq.s2&select=id", {"id": 2}),
    ("/Odd%20Name?%C3%9Cn%C3%AF-c%C3%B6d%C3%A9=eq.u2&select=id", {"id": 2}),
    ("/Odd%20Name?or=(%22sel,ect%22.eq.c2,%22(paren)%22.eq.none)&select=id", {"id": 2}),
    ("/Odd%20Name?order=%22dot.ted%22.desc&limit=1&select=id", {"id": 2}),
])
def test_odd_names(api, target, value):
    response = api.get(target)
    assert response.status == 200, response
    assert response.json() == [value]


def test_plus_is_a_blank_in_the_query_and_itself_in_the_path(api):
    assert ids(api.get("/items?name=eq.item+7&select=id")) == [7]
    assert api.get("/Odd+Name").status == 404


# Paths and methods -----------------------------------------------------------------------------------


@pytest.mark.parametrize("target, status, code", [
    ("/no_such_table", 404, "PGRST205"),
    ("/items/1", 404, "PGRST125"),
    ("/a/b/c", 404, "PGRST125"),
    ("/rpc", 404, None),
    ("/rpc/add/x", 404, "PGRST125"),
    ("/internal.x", 404, "PGRST205"),
    ("/pg_class", 404, "PGRST205"),
])
def test_paths_that_lead_nowhere(api, target, status, code):
    response = api.get(target)
    assert response.status == status, response
    if code:
        assert response.code == code


def test_an_unknown_table_is_named(api):
    body = api.get("/no_such_table").json()
    assert body["message"] == "Could not find the table 'api.no_such_table' in the schema cache"


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "get", "LINK"])
def test_other_methods_are_405(api, method):
    response = api.request(method, "/items")
    assert response.status == 405, response
    assert response.code == "PGRST117"


# Profiles ----------------------------------------------------------------------------------------------


def test_the_profile_chooses_the_schema(api):
    response = api.get("/items?id=eq.1", Accept_Profile="other")
    assert response.json() == [{"id": 1, "label": "of the other schema"}]
    assert response.get("Content-Profile") == "other"
    assert api.get("/items?id=eq.1").get("Content-Profile") == "api"  # several schemas: always said
    assert api.get("/only_here", Accept_Profile="other").status == 200
    assert api.get("/only_here").status == 404


def test_a_get_ignores_content_profile(api):
    assert api.get("/items?id=eq.1", Content_Profile="other").json()[0]["name"] == "item 1"


@pytest.mark.parametrize("schema", ["internal", "pg_catalog", "information_schema", "nope", "api;", 'api"'])
def test_a_schema_that_is_not_exposed_is_406(api, schema):
    response = api.get("/items", Accept_Profile=schema)
    assert (response.status, response.code) == (406, "PGRST106")
    body = response.json()
    assert body["message"] == f"Invalid schema: {schema}"
    assert body["hint"] == "Only the following schemas are exposed: api, other"


def test_one_schema_says_its_profile_only_when_asked(start):
    client = start({"api": {"schemas": ["api"]}}).client()
    assert client.get("/items?limit=1").get("Content-Profile") is None
    assert client.get("/items?limit=1", Accept_Profile="api").get("Content-Profile") == "api"


# Headers of a read ---------------------------------------------------------------------------------------


def test_headers_of_a_read(api):
    response = api.get("/items?select=id&id=eq.1")
    assert response.get("Vary") == "Accept, Prefer, Range"
    assert response.get("Content-Location") == "/items?id=eq.1&select=id"
    assert response.get("Preference-Applied") is None
    assert response.get("Lintas-Source") == "primary"
    assert response.get("Age") is None


@pytest.mark.parametrize("target, location", [
    ("/items", "/items"),
    ("/items?limit=1", "/items?limit=1"),
    ("/items?select=id&qty=gt.5&id=eq.1&qty=lt.99", "/items?id=eq.1&qty=gt.5&qty=lt.99&select=id"),
])
def test_content_location_is_the_canonical_url(api, target, location):
    assert api.get(target).get("Content-Location") == location


def test_head_says_what_get_says_without_a_body(api):
    get, head = api.get("/items?order=id&limit=2"), api.head("/items?order=id&limit=2")
    assert head.status == 200
    assert head.body == b""
    assert head.get("Content-Length") is None
    for name in ("Content-Type", "Content-Range", "Content-Location", "Vary", "Content-Profile"):
        assert head.get(name) == get.get(name), name
    assert api.get("/items?limit=1").status == 200, "the connection is still in step"


def test_head_of_an_error_has_the_code_in_proxy_status(api):
    response = api.head("/nope")
    assert response.status == 404
    assert response.body == b""
    assert "PGRST205" in response.get("Proxy-Status")


def test_max_rows_clamps_reads_and_leaves_the_count_alone(start):
    client = start({"api": {"max_rows": 5}}).client()
    assert len(client.get("/items").json()) == 5
    assert len(client.get("/items?limit=3").json()) == 3
    response = client.get("/items?order=id&offset=12", Prefer="count=exact")
    assert ids(response) == [13, 14, 15]
    response = client.get("/items", Prefer="count=exact")
    assert (response.status, response.get("Content-Range")) == (206, "0-4/15")


# The source of a read (CONTRACT 3) -------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [
    {"Lintas-Consistency": "critical"}, {"Lintas-Consistency": "eventual"}, {"Cache-Control": "max-age=0"},
    {"Cache-Control": "max-age=5"}, {"Cache-Control": "no-cache"}, {"Cache-Control": "no-store"},
    {"Cache-Control": "max-age=99999999999999999999999"},
])
def test_every_consistency_is_served_by_the_primary(api, headers):
    response = api.get("/items?id=eq.1", headers=headers)
    assert response.status == 200, response
    assert response.get("Lintas-Source") == "primary"


@pytest.mark.parametrize("name, value", [
    ("Lintas-Consistency", "sometimes"), ("Lintas-Consistency", ""), ("Cache-Control", "max-age=soon"),
    ("Cache-Control", "max-age=-1"), ("Cache-Control", "max-age"),
])
def test_a_malformed_lintas_header_is_400_and_named(api, name, value):
    response = api.get("/items?id=eq.1", headers={name: value})
    assert (response.status, response.code) == (400, "LNT008"), response
    assert name.lower() in json_text(response).lower()


def json_text(response):
    return " ".join(str(v) for v in response.json().values())


def test_only_if_cached_is_504_without_a_cache(api):
    assert api.get("/items?id=eq.1", Cache_Control="only-if-cached").status == 504
