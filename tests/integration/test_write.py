"""POST, PATCH, PUT, DELETE: bodies, upserts, return forms, counts (DIALECT 1.8)."""

import pytest

from support.wait import wait_until

pytestmark = pytest.mark.usefixtures("fresh")

JSON = "application/json; charset=utf-8"


def rows(sql, text):
    return sql(text)


# Insert ------------------------------------------------------------------------------------------------


def test_insert_one_row(api, sql):
    response = api.post("/people", {"name": "Eve", "age": 33})
    assert response.status == 201, response
    assert response.body == b""
    assert response.get("Content-Length") == "0"
    assert response.get("Content-Type") is None
    assert response.get("Location") is None
    assert response.get("Content-Range") == "*/*"
    assert rows(sql, "select id, name, age from api.people where id = 5") == [(5, "Eve", 33)]


def test_a_missing_key_takes_the_columns_default(api, sql):
    """A column that is not among the body's keys is not in the INSERT either."""
    api.post("/people", {"name": "Eve"})
    assert rows(sql, "select age, created::text from api.people where name = 'Eve'") == [(None, "2024-01-01")]


def test_insert_representation(api):
    response = api.post("/people?select=id,name", {"name": "Eve"}, Prefer="return=representation")
    assert response.status == 201
    assert response.json() == [{"id": 5, "name": "Eve"}]
    assert response.get("Content-Type") == JSON
    assert response.get("Preference-Applied") == "return=representation"
    assert response.get("Content-Length") == str(len(response.body))


def test_insert_headers_only_has_the_location(api):
    response = api.post("/people", {"name": "Eve"}, Prefer="return=headers-only")
    assert (response.status, response.body) == (201, b"")
    assert response.get("Location") == "/people?id=eq.5"
    response = api.post("/pairs", {"a": 8, "b": 9}, Prefer="return=headers-only")
    assert response.get("Location") == "/pairs?a=eq.8&b=eq.9"


@pytest.mark.parametrize("table, body", [
    ("no_key", {"what": "x"}),
    ("bulk", [{"id": 1}, {"id": 2}]),
    ("bulk", []),
])
def test_no_location_without_one_row_and_a_key(api, table, body):
    response = api.post(f"/{table}", body, Prefer="return=headers-only")
    assert response.status == 201
    assert response.get("Location") is None


def test_location_is_percent_encoded(api, sql):
    sql("drop table if exists api.named; create table api.named (name text primary key);"
        "grant all on api.named to web_anon; notify pgrst")
    wait_until(lambda: api.get("/named").status == 200)
    response = api.post("/named", {"name": "a b&c=d/é?"}, Prefer="return=headers-only")
    assert response.status == 201, response
    location = response.get("Location")
    assert location.startswith("/named?name=eq.") and " " not in location and "&" not in location
    assert api.get(location).json() == [{"name": "a b&c=d/é?"}]
    sql("drop table api.named; notify pgrst")


def test_bulk_insert(api, sql):
    response = api.post("/bulk", [{"id": i, "v": f"v{i}"} for i in range(1000)], Prefer="count=exact")
    assert response.status == 201
    assert response.get("Content-Range") == "*/1000"
    assert rows(sql, "select count(*), max(v) from api.bulk") == [(1000, "v999")]


@pytest.mark.parametrize("body", ["[]", " [ ] "])
def test_bulk_insert_of_nothing(api, sql, body):
    response = api.post("/bulk", body, Content_Type="application/json", Prefer="return=representation")
    assert (response.status, response.json()) == (201, [])
    assert rows(sql, "select count(*) from api.bulk") == [(0,)]


def test_an_empty_object_is_a_row_of_defaults(api, sql):
    response = api.post("/gadgets?select=code,price", {}, Prefer="return=representation")
    assert response.json() == [{"code": "none", "price": 9.99}]
    response = api.post("/gadgets?select=code", [{}, {}], Prefer="return=representation")
    assert response.json() == [{"code": "none"}, {"code": "none"}]


def test_all_object_keys_must_match(api, sql):
    response = api.post("/bulk", [{"id": 1, "v": "a"}, {"id": 2}])
    assert (response.status, response.code) == (400, "PGRST102")
    assert response.json()["message"] == "All object keys must match"
    assert rows(sql, "select count(*) from api.bulk") == [(0,)]


@pytest.mark.parametrize("body", ["", "   ", "{", '{"id": 1', "[1", '{"id": }', "nope", '{"id":1} x', "[{]", '{"a":1,}'])
def test_a_body_that_is_not_json(api, body):
    response = api.post("/bulk", body, Content_Type="application/json")
    assert (response.status, response.code) == (400, "PGRST102"), response
    assert response.json()["message"] == "Empty or invalid json"


@pytest.mark.parametrize("body", ['"text"', "1", "null", "true"])
def test_a_json_scalar_counts_as_an_empty_array(api, sql, body):
    assert api.post("/bulk", body, Content_Type="application/json").status == 201
    assert rows(sql, "select count(*) from api.bulk") == [(0,)]


def test_columns_takes_the_named_ones_and_no_others(api, sql):
    response = api.post("/bulk?columns=id,v", [{"id": 1, "v": "a", "x": 0}, {"id": 2}])
    assert response.status == 201, response
    assert rows(sql, "select * from api.bulk order by id") == [(1, "a"), (2, None)]
    response = api.post('/bulk?columns=%22id%22', [{"id": 3, "v": "ignored"}])
    assert response.status == 201
    assert rows(sql, "select v from api.bulk where id = 3") == [(None,)]


@pytest.mark.parametrize("target, body, column", [
    ("/bulk", {"id": 1, "nope": 2}, "nope"),
    ("/bulk?columns=id,nope", {"id": 1}, "nope"),
    ("/bulk", {'i"; drop table api.bulk; --': 1}, 'i"; drop table api.bulk; --'),
])
def test_an_unknown_column_is_400(api, sql, target, body, column):
    response = api.post(target, body)
    assert (response.status, response.code) == (400, "PGRST204")
    assert response.json()["message"] == f"Could not find the '{column}' column of 'bulk' in the schema cache"


def test_missing_default(api):
    response = api.post("/gadgets?select=code,price,contact,tags&columns=code,price,contact,tags",
                        [{"code": "a"}, {"price": 5, "tags": ["x"]}],
                        Prefer="return=representation, missing=default")
    assert response.status == 201, response
    assert response.json() == [
        {"code": "a", "price": 9.99, "contact": "nobody@example.org", "tags": ["new"]},
        {"code": "none", "price": 5.00, "contact": "nobody@example.org", "tags": ["x"]}]
    assert response.get("Preference-Applied") == "missing=default, return=representation"


def test_missing_null_is_the_rule_without_it(api):
    response = api.post("/gadgets?select=code&columns=code", [{}], Prefer="return=representation, missing=null")
    assert response.json() == [{"code": None}]


def test_missing_default_of_identity_and_serial_columns(api):
    response = api.post("/people?select=id,name&columns=id,name", [{"name": "A"}, {"id": 50, "name": "B"}],
                        Prefer=["return=representation", "missing=default"])
    assert response.status == 201, response
    assert response.json() == [{"id": 5, "name": "A"}, {"id": 50, "name": "B"}]
    response = api.post("/gadgets?select=serial_no&columns=serial_no,code", [{"code": "x"}],
                        Prefer=["return=representation", "missing=default"])
    assert response.json() == [{"serial_no": 101}]


def test_a_generated_column_cannot_be_written_and_is_computed(api):
    response = api.post("/gadgets?select=taxed", {"price": 10}, Prefer="return=representation")
    assert response.json() == [{"taxed": 11.000}]
    response = api.post("/gadgets", {"taxed": 1})
    assert (response.status, response.code) == (400, "428C9")


def test_domains_are_checked(api):
    response = api.post("/gadgets", {"contact": "not an address"})
    assert (response.status, response.code) == (400, "23514")


def test_every_type_goes_in_as_it_came_out(api):
    before = api.get("/kinds?order=id").body
    assert api.delete("/kinds?id=gte.0").status == 204
    assert api.post("/kinds", before, Content_Type="application/json").status == 201
    assert api.get("/kinds?order=id").body == before


def test_insert_through_views(api, sql):
    assert api.post("/adults", {"name": "Fay", "age": 50}).status == 201
    assert api.post("/people_door", {"id": 77, "name": "Gil"}).status == 201
    assert rows(sql, "select name from api.people where id = 77 or age = 50 order by 1") == [("Fay",), ("Gil",)]
    response = api.post("/age_groups", {"age": 1})
    assert response.status in (400, 405, 500) and response.code, response


def test_filters_and_order_of_an_insert(api):
    response = api.post("/bulk?select=id&order=id.desc&id=eq.1", [{"id": 1, "v": ""}, {"id": 2, "v": ""}],
                        Prefer="return=representation")
    assert response.json() == [{"id": 2}, {"id": 1}], "root filters are ignored, the order is not"


# Other content types ----------------------------------------------------------------------------------------


def test_csv(api, sql):
    body = 'id,v\n1,one\n2,"two, ""quoted""\nand a line"\n3,NULL\n4,\n'
    response = api.post("/bulk", body, Content_Type="text/csv")
    assert response.status == 201, response
    assert rows(sql, "select * from api.bulk order by id") == [
        (1, "one"), (2, 'two, "quoted"\nand a line'), (3, None), (4, "")]


def test_csv_with_carriage_returns(api, sql):
    assert api.post("/bulk", "id,v\r\n1,one\r\n", Content_Type="text/csv; charset=utf-8").status == 201
    assert rows(sql, "select * from api.bulk") == [(1, "one")]


@pytest.mark.parametrize("body", ["id,v\n1\n", "id,v\n1,2,3\n", 'id,v\n1,"open\n'])
def test_bad_csv(api, body):
    response = api.post("/bulk", body, Content_Type="text/csv")
    assert (response.status, response.code) == (400, "PGRST102"), response


def test_urlencoded(api, sql):
    response = api.post("/bulk", "id=7&v=a+b%26c", Content_Type="application/x-www-form-urlencoded")
    assert response.status == 201, response
    assert rows(sql, "select * from api.bulk") == [(7, "a b&c")]


def test_no_content_type_is_json(api, sql):
    assert api.post("/bulk", '{"id": 1}').status == 201


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/octet-stream", "multipart/form-data"])
def test_other_content_types(api, kind):
    response = api.post("/bulk", "x", Content_Type=kind)
    assert (response.status, response.code) == (400, "PGRST102")
    assert response.json()["message"].startswith("Content-Type not acceptable: ")


# Upsert ------------------------------------------------------------------------------------------------------


def test_upsert_merges_on_the_primary_key(api, sql):
    prefer = "resolution=merge-duplicates, return=representation"
    response = api.post("/pairs?select=a,b,note&order=a,b",
                        [{"a": 1, "b": 1, "note": "new"}, {"a": 9, "b": 9, "note": "ins"}], Prefer=prefer)
    assert response.status == 201, response
    assert response.json() == [{"a": 1, "b": 1, "note": "new"}, {"a": 9, "b": 9, "note": "ins"}]
    assert response.get("Preference-Applied") == "resolution=merge-duplicates, return=representation"
    assert rows(sql, "select qty from api.pairs where a = 1 and b = 1") == [(5,)], "columns not sent stay"


def test_upsert_of_nothing_new_is_200(api):
    prefer = "resolution=merge-duplicates"
    assert api.post("/pairs", [{"a": 1, "b": 1, "note": "x"}], Prefer=prefer).status == 200
    assert api.post("/pairs", [], Prefer=prefer).status == 200
    assert api.post("/pairs", {"a": 1, "b": 99, "note": "x"}, Prefer=prefer).status == 201


def test_upsert_ignores(api, sql):
    response = api.post("/pairs?select=a,b", [{"a": 1, "b": 1, "note": "new"}, {"a": 9, "b": 9, "note": "ins"}],
                        Prefer="resolution=ignore-duplicates, return=representation")
    assert (response.status, response.json()) == (201, [{"a": 9, "b": 9}])
    assert rows(sql, "select note from api.pairs where a = 1 and b = 1") == [("one-one",)]


def test_upsert_on_conflict_columns(api, sql):
    response = api.post("/people?on_conflict=email", {"name": "Ben II", "email": "ben@x"},
                        Prefer="resolution=merge-duplicates")
    assert response.status == 200, response
    assert rows(sql, "select id, name from api.people where email = 'ben@x'") == [(2, "Ben II")]
    response = api.post("/people?on_conflict=age", {"name": "X", "age": 1}, Prefer="resolution=merge-duplicates")
    assert (response.status, response.code) == (400, "42P10")
    response = api.post("/people?on_conflict=nope", {"name": "X"}, Prefer="resolution=merge-duplicates")
    assert response.status == 400


def test_upsert_without_a_key_is_an_insert(api, sql):
    response = api.post("/no_key", {"what": "x"}, Prefer="resolution=merge-duplicates")
    assert response.status == 201
    assert response.get("Preference-Applied") is None
    assert rows(sql, "select count(*) from api.no_key") == [(3,)]


def test_a_duplicate_is_409(api):
    response = api.post("/pairs", {"a": 1, "b": 1})
    assert (response.status, response.code) == (409, "23505")
    assert "(a, b)=(1, 1)" in response.json()["details"]
    response = api.post("/children", {"id": 1, "item": 12345})
    assert (response.status, response.code) == (409, "23503")


def test_a_deferred_constraint_is_reported(api, sql):
    response = api.post("/tree", {"id": 10, "parent": 99})
    assert (response.status, response.code) == (409, "23503"), response
    assert rows(sql, "select count(*) from api.tree where id = 10") == [(0,)]
    assert api.post("/tree", [{"id": 20, "parent": 21}, {"id": 21, "parent": None}]).status == 201
    response = api.post("/positions", {"id": 3, "pos": 1}, Prefer="return=representation")
    assert (response.status, response.code) == (409, "23505")


# Update ------------------------------------------------------------------------------------------------------


def test_update(api, sql):
    response = api.patch("/people?id=eq.2", {"name": "Benjamin"})
    assert (response.status, response.body) == (204, b"")
    assert response.get("Content-Length") is None
    assert response.get("Content-Type") is None
    assert response.get("Content-Range") == "0-0/*"
    assert rows(sql, "select name, age from api.people where id = 2") == [("Benjamin", 25)]


def test_update_representation_and_counts(api):
    response = api.patch("/people?age=eq.25&select=id,age&order=id", {"age": 26},
                         Prefer="return=representation, count=exact")
    assert response.status == 200
    assert response.json() == [{"id": 2, "age": 26}, {"id": 4, "age": 26}]
    assert response.get("Content-Range") == "0-1/2"
    assert response.get("Preference-Applied") == "return=representation, count=exact"


def test_update_of_no_row(api):
    response = api.patch("/people?id=eq.999", {"name": "x"})
    assert (response.status, response.get("Content-Range")) == (204, "*/*")
    response = api.patch("/people?id=eq.999", {"name": "x"}, Prefer="return=representation")
    assert (response.status, response.json()) == (200, [])


@pytest.mark.parametrize("body", [{}, [], [{}]])
def test_an_empty_update_does_nothing(api, sql, body):
    assert api.patch("/people", body).status == 204
    response = api.patch("/people", body, Prefer="return=representation")
    assert (response.status, response.json()) == (200, [])
    assert rows(sql, "select count(*) from api.people where name = 'Ana'") == [(1,)]


def test_update_takes_logic_trees_and_columns(api, sql):
    response = api.patch("/people?or=(id.eq.1,id.eq.3)&columns=age", {"age": 1, "name": "ignored"})
    assert response.status == 204, response
    assert rows(sql, "select id, name from api.people where age = 1 order by id") == [(1, "Ana"), (3, "Cy")]


def test_update_without_a_filter_is_the_whole_table(api, sql):
    assert api.patch("/people", {"age": 1}).get("Content-Range") == "0-3/*"


def test_update_of_an_unknown_column(api):
    response = api.patch("/people?id=eq.1", {"nope": 1})
    assert (response.status, response.code) == (400, "PGRST204")


def test_update_missing_default(api, sql):
    api.patch("/gadgets?columns=code,price", {"price": 1}, Prefer="missing=default")
    assert rows(sql, "select code, price::text from api.gadgets") == [("none", "1.00")]


# Put ---------------------------------------------------------------------------------------------------------


def test_put_inserts_then_updates(api, sql):
    body = {"a": 5, "b": 6, "note": "n", "qty": 1}
    response = api.put("/pairs?a=eq.5&b=eq.6", body, Prefer="return=representation")
    assert (response.status, response.json()) == (201, [body])
    assert response.get("Content-Range") is None
    body["note"] = "changed"
    response = api.put("/pairs?a=eq.5&b=eq.6", body, Prefer="return=representation")
    assert (response.status, response.json()) == (200, [body])
    response = api.put("/pairs?a=eq.5&b=eq.6", [body])
    assert (response.status, response.body) == (204, b"")
    assert rows(sql, "select note from api.pairs where a = 5") == [("changed",)]


@pytest.mark.parametrize("query", [
    "", "?a=eq.1", "?a=eq.1&b=eq.1&note=eq.x", "?a=gt.1&b=eq.1", "?a=not.eq.1&b=eq.1", "?or=(a.eq.1,b.eq.1)",
    "?a=eq.1&b=eq.1&and=(a.eq.1,b.eq.1)", "?a=in.(1)&b=eq.1",
])
def test_put_wants_exactly_the_key(api, query):
    response = api.put(f"/pairs{query}", {"a": 1, "b": 1, "note": "x", "qty": 1})
    assert (response.status, response.code) == (405, "PGRST105"), response
    assert response.json()["message"] == "Filters must include all and only primary key columns with 'eq' operators"


@pytest.mark.parametrize("query", ["&limit=1", "&offset=1", "&limit=1&offset=0"])
def test_put_takes_no_window(api, query):
    response = api.put(f"/pairs?a=eq.1&b=eq.1{query}", {"a": 1, "b": 1, "note": "x", "qty": 1})
    assert (response.status, response.code) == (400, "PGRST114")


@pytest.mark.parametrize("body", [
    {"a": 1, "b": 2, "note": "x", "qty": 1}, [],
    [{"a": 2, "b": 1, "note": "x", "qty": 1}, {"a": 1, "b": 2, "note": "x", "qty": 1}],
])
def test_put_writes_the_row_of_its_url(api, sql, body):
    before = rows(sql, "select * from api.pairs order by a, b")
    response = api.put("/pairs?a=eq.1&b=eq.1", body)
    assert (response.status, response.code) == (400, "PGRST115"), response
    assert response.json()["message"] == "Payload values do not match URL in primary key column(s)"
    assert rows(sql, "select * from api.pairs order by a, b") == before, "rolled back"


def test_put_takes_the_one_row_of_its_body_that_fits(api, sql):
    body = [{"a": 1, "b": 1, "note": "x", "qty": 1}, {"a": 1, "b": 2, "note": "x", "qty": 1}]
    assert api.put("/pairs?a=eq.1&b=eq.1", body).status == 204
    assert rows(sql, "select b, note from api.pairs where a = 1 order by b") == [(1, "x"), (2, "one-two")]


def test_put_without_a_primary_key(api):
    assert api.put("/no_key?what=eq.x", {"what": "x", "at": None}).status in (405, 400)


# Delete ------------------------------------------------------------------------------------------------------


def test_delete(api, sql):
    response = api.delete("/pairs?a=eq.1")
    assert (response.status, response.body) == (204, b"")
    assert response.get("Content-Range") == "*/*"
    assert response.get("Content-Length") is None
    assert rows(sql, "select count(*) from api.pairs") == [(1,)]


def test_delete_representation_and_count(api):
    response = api.delete("/pairs?a=eq.1&select=b&order=b.desc", Prefer="return=representation, count=exact")
    assert response.status == 200
    assert response.json() == [{"b": 2}, {"b": 1}]
    assert response.get("Content-Range") == "*/2"


def test_delete_without_a_filter_and_with_a_content_type(api, sql):
    assert api.delete("/pairs", Content_Type="application/json").status == 204
    assert rows(sql, "select count(*) from api.pairs") == [(0,)]


def test_delete_of_no_row(api):
    assert api.delete("/pairs?a=eq.77", Prefer="return=representation").json() == []


# Tables that are not there, methods that do not fit ------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_an_unknown_table(api, method):
    response = api.request(method, "/nope", {"id": 1})
    assert (response.status, response.code) == (404, "PGRST205"), response


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_the_root_takes_no_writes(api, method):
    response = api.request(method, "/", {"id": 1})
    assert (response.status, response.code) == (405, "PGRST117"), response


def test_writes_take_content_profile(api, sql):
    response = api.post("/items", {"id": 5, "label": "x"}, Content_Profile="other", Prefer="return=representation")
    assert response.status == 201, response
    assert response.get("Content-Profile") == "other"
    assert rows(sql, "select label from other.items where id = 5") == [("x",)]
    response = api.post("/items", {"id": 6}, Content_Profile="internal")
    assert (response.status, response.code) == (406, "PGRST106")


def test_a_view_that_cannot_be_updated(api):
    response = api.patch("/age_groups?age=eq.1", {"age": 2})
    assert response.status >= 400 and response.code, response


def test_chunked_body(lintas, sql):
    with lintas.connect() as one:
        one.send("POST /bulk HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n")
        for piece in ('{"id"', ": 41, ", '"v":"chunked"}'):
            one.send(f"{len(piece):x}\r\n{piece}\r\n")
        one.send("0\r\n\r\n")
        assert one.read("POST").status == 201
    assert rows(sql, "select v from api.bulk where id = 41") == [("chunked",)]


def test_a_body_of_megabytes(api, sql):
    text = "x" * (5 << 20)
    response = api.post("/documents?select=id,body", {"id": 9, "body": text}, Prefer="return=representation")
    assert response.status == 201
    assert response.json() == [{"id": 9, "body": text}]
    assert rows(sql, "select length(body) from api.documents where id = 9") == [(5 << 20,)]
