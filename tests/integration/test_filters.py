"""Every operator, its negation and its quantifiers, logic trees and JSON paths (DIALECT 1.3, 3.4)."""

import pytest

pytestmark = pytest.mark.usefixtures("reset_once")


@pytest.fixture(scope="module")
def reset_once(sql):
    sql("select fixture.reset()")


def found(api, *pairs):
    response = api.get("/probes", params=[*pairs, ("select", "id"), ("order", "id")])
    assert response.status == 200, response
    return [row["id"] for row in response.json()]


@pytest.mark.parametrize("column, filter_, expected", [
    ("id", "eq.3", [3]),
    ("id", "neq.3", [1, 2, 4, 5, 6]),
    ("n", "gt.20", [3, 5, 6]),
    ("n", "gte.20", [2, 3, 5, 6]),
    ("n", "lt.20", [1]),
    ("n", "lte.20", [1, 2]),
    ("name", "eq.Anna", [1]),
    ("name", "eq.null", [6]),
    ("name", 'eq."Anna"', []),
    ("name", 'eq.O"Brien, (Jr.) \\ {x}', [5]),
    ("name", "like.A*", [1]),
    ("name", "like.*n*", [1, 3, 5, 6]),
    ("name", "like.A%", [1]),
    ("name", "ilike.a*", [1, 3]),
    ("name", "match.^A", [1]),
    ("name", "match.n+a$", [1]),
    ("name", "imatch.^a", [1, 3]),
    ("story", "like.100\\%*", [6]),
    ("id", "in.(1,3)", [1, 3]),
    ("id", "in.()", []),
    ("id", "not.in.()", [1, 2, 3, 4, 5, 6]),
    ("name", 'in.("Anna",Bob)', [1, 2]),
    ("name", 'in.("O\\"Brien, (Jr.) \\\\ {x}")', [5]),
    ("name", "in.(Anna,Bob,)", [1, 2]),
    ("name", 'in.( Anna ,"Bob")', [2]),
    ("flag", "is.null", [3, 6]),
    ("flag", "is.NULL", [3, 6]),
    ("flag", "is.not_null", [1, 2, 4, 5]),
    ("flag", "is.true", [1, 4]),
    ("flag", "is.false", [2, 5]),
    ("flag", "is.unknown", [3, 6]),
    ("flag", "not.is.not_null", [3, 6]),
    ("flag", "not.is.null", [1, 2, 4, 5]),
    ("n", "isdistinct.10", [2, 3, 4, 5, 6]),
    ("n", "not.isdistinct.10", [1]),
    ("tags", "cs.{red}", [1, 3]),
    ("tags", "cs.{red,green}", [3]),
    ("tags", "cd.{red,blue}", [1, 5]),
    ("tags", "ov.{green,x}", [2, 3]),
    ("doc", 'cs.{"s":"one"}', [1]),
    ("doc", 'cd.{"s":"two","n":2,"k":{"d":[30]},"more":1}', [2]),
    ("span", "cs.[2,3)", [1, 6]),
    ("span", "ov.[4,6)", [1, 2, 6]),
    ("span", "sl.[5,10)", [1]),
    ("span", "sr.[1,5)", [2, 3]),
    ("span", "nxr.[5,10)", [1, 2]),
    ("span", "nxl.[5,10)", [2, 3]),
    ("span", "adj.[5,10)", [1, 3]),
    ("id", "not.eq.3", [1, 2, 4, 5, 6]),
    ("name", "not.like.A*", [2, 3, 5, 6]),
    ("tags", "not.cs.{red}", [2, 5, 6]),
    ("id", "eq(any).{1,4}", [1, 4]),
    ("id", "not.eq(any).{1,4}", [2, 3, 5, 6]),
    ("n", "gt(any).{20,50}", [3, 5, 6]),
    ("n", "gt(all).{20,50}", [6]),
    ("n", "gte(all).{10,20}", [2, 3, 5, 6]),
    ("n", "lt(any).{20,50}", [1, 2, 3]),
    ("n", "lte(all).{20,50}", [1, 2]),
    ("name", "like(any).{A*,B*}", [1, 2]),
    ("name", "like(all).{*n*,A*}", [1]),
    ("name", "ilike(any).{a*,b*}", [1, 2, 3]),
    ("name", "ilike(all).{A*,*S}", [3]),
    ("name", "match(any).{^A,^B}", [1, 2]),
    ("name", "imatch(all).{^a,s$}", [3]),
    ("name", "isdistinct.null", [1, 2, 3, 4, 5]),
])
def test_operator(api, column, filter_, expected):
    assert found(api, (column, filter_)) == expected


@pytest.mark.parametrize("column, filter_, expected", [
    ("words", "fts.rat", [2]),
    ("words", "fts.rat|dog", [2, 3]),
    ("words", "plfts(english).The Fat Rats", [2]),
    ("words", "phfts(english).fat rats", [2]),
    ("words", "phfts(english).rats fat", []),
    ("words", "wfts(english).rats or dogs", [2, 3]),
    ("words", "wfts(english).-rats", [1, 3]),
    ("words", "not.fts.rat", [1, 3]),
    ("words", "fts(english).rats", [2]),
    ("story", "fts(english).jumping", [3]),
    ("story", "fts(simple).jump", []),
    ("story", "plfts(english).cats eating", []),
    ("story", "wfts(english).\"fat rats\"", [2]),
])
def test_full_text(api, column, filter_, expected):
    assert found(api, (column, filter_)) == expected


@pytest.mark.parametrize("pair, expected", [
    (("doc->>s", "eq.one"), [1]),
    (("doc->n", "eq.2"), [2]),
    (("doc->>n", "gt.1"), [2]),
    (("doc->k->d->0", "eq.10"), [1]),
    (("doc->k->d->-1->>x", "eq.deep"), [1]),
    (("doc->k->>d", "like.*30*"), [2]),
    (("doc->>s", "in.(one,\"three, with comma\")"), [1, 3]),
    (("doc->>0", "eq.1"), [5]),
    (("doc->s", "is.null"), [4, 5, 6]),
    (("plain->>a", "eq.2"), [2]),
    (("tags->>0", "eq.green"), [2]),
    (("tags->0", "eq.\"red\""), [1, 3]),
    (("shout", "eq.BOB"), [2]),
])
def test_json_paths_and_computed_fields(api, pair, expected):
    assert found(api, pair) == expected


@pytest.mark.parametrize("pairs, expected", [
    ([("or", "(id.eq.1,id.eq.2)")], [1, 2]),
    ([("and", "(id.gt.1,id.lt.4)")], [2, 3]),
    ([("not.or", "(id.eq.1,id.eq.2)")], [3, 4, 5, 6]),
    ([("not.and", "(id.gt.1,id.lt.4)")], [1, 4, 5, 6]),
    ([("or", "(id.eq.6,and(n.gt.10,n.lt.40))")], [2, 3, 6]),
    ([("or", "(id.eq.6,not.and(n.gt.10,n.lt.60))")], [1, 6]),
    ([("or", "(and(id.eq.1,n.eq.10),and(id.eq.2,or(n.eq.20,n.eq.99)))")], [1, 2]),
    ([("or", "(id.eq.1,name.is.null)")], [1, 4]),
    ([("or", "(name.in.(Anna,Bob),id.eq.3)")], [1, 2, 3]),
    ([("or", '(name.in.("O\\"Brien, (Jr.) \\\\ {x}"),id.eq.3)')], [3, 5]),
    ([("or", '(name.eq."O\\"Brien, (Jr.) \\\\ {x}",id.eq.3)')], [3, 5]),
    ([("or", "(tags.cs.{red,green},id.eq.1)")], [1, 3]),
    ([("or", "(name.not.like.A*,id.eq.1)")], [1, 2, 3, 5, 6]),
    ([("or", "(doc->>s.eq.one,doc->>s.eq.two)")], [1, 2]),
    ([("or", "(doc->k->d->0.eq.10,id.eq.2)")], [1, 2]),
    ([("or", "(name.like(any).{A*,B*},id.eq.6)")], [1, 2, 6]),
    ([("or", "(words.fts(english).rats,id.eq.1)")], [1, 2]),
    ([("or", "( id.eq.1 , id.eq.2 )")], [1, 2]),
    ([("or", "(id.eq.1,id.eq.2)"), ("n", "gt.10")], [2]),
    ([("or", "(id.eq.1,id.eq.2)"), ("or", "(id.eq.2,id.eq.3)")], [2]),
    ([("id", "gt.1"), ("id", "lt.4")], [2, 3]),
    ([("or", "(id.eq.1)")], [1]),
    ([("and", "(or(id.eq.1,id.eq.2),or(id.eq.2,id.eq.3))")], [2]),
    ([("or", "(flag.is.true,flag.is.unknown)")], [1, 3, 4, 6]),
    ([("or", "(span.adj.[5,10),id.eq.4)")], None),  # a bare comma ends the value
])
def test_logic(api, pairs, expected):
    if expected is None:
        response = api.get("/probes", params=pairs)
        assert (response.status, response.code) == (400, "PGRST100")
    else:
        assert found(api, *pairs) == expected


@pytest.mark.parametrize("pair", [
    ("id", "3"), ("id", "equals.3"), ("id", "eq"), ("id", ""), ("id", "not.3"), ("id", "in.1,2"), ("id", "in.(1,2"),
    ("id", "in(1,2)"), ("flag", "is.maybe"), ("flag", "is.nulls"), ("id", "eq(some).{1}"), ("id", "is(any).null"),
    ("id", "cs(any).{1}"), ("or", "()"), ("or", "(id.eq.1"), ("or", "id.eq.1"), ("or", "(id.eq.1)x"), ("or", "(id)"),
    ("id", "neq(all).{1,4}"), ("id", "isdistinct(any).{1}"), ("id", "adj(any).{1}"),
    ("or", "(id.eq.1,)"), ("or", "(,id.eq.1)"), ("and", ""), ("not.or", "(xor(id.eq.1))"), ("or", "(id.zz.1)"),
    ("order", "id.up"), ("order", "id.nullslast.desc"), ("order", ",id"), ("order", "id.asc.nullsmiddle"),
    ("select", "id,"), ("select", ",id"), ("select", "id::"), ("select", "a:b:c"), ("select", "id:"),
    ("select", "(id)"), ("select", "id::te'xt"), ("select", "id::int)"), ("select", "a->"), ("select", "->b"),
    ("select", '"id'), ("columns", ""), ("n->", "eq.1"), ("words", "fts().x)(")
])
def test_what_does_not_parse_is_400(api, pair):
    if pair[0] == "columns":
        response = api.post("/probes", [], params=[pair])
        assert response.status in (400, 201), response  # columns= is empty: no column was named
        return
    response = api.get("/probes", params=[pair])
    assert response.status == 400, response
    body = response.json()
    assert body["code"] in ("PGRST100",) or pair[1] == "fts().x)(", body
    assert list(body) == ["code", "details", "hint", "message"]


def test_the_message_names_what_did_not_parse(api):
    message = api.get("/probes?id=equals.3").json()["message"]
    assert "failed to parse filter (equals.3)" in message
    message = api.get("/probes?or=(id.zz.1)").json()["message"]
    assert "failed to parse logic tree" in message
    message = api.get("/probes?order=id.up").json()["message"]
    assert "failed to parse order (id.up)" in message
    message = api.get("/probes?select=id,").json()["message"]
    assert "failed to parse select parameter (id,)" in message


@pytest.mark.parametrize("pair, code, status", [
    (("id", "eq.abc"), "22P02", 400), (("id", "in.(1,x)"), "22P02", 400), (("id", "in.( ,3)"), "22P02", 400),
    (("nope", "eq.1"), "42703", 400), (("flag", "like.x"), "42883", 404), (("name", "match.("), "2201B", 400),
    (("words", "fts.a b"), "42601", 400), (("words", "fts(klingon).x"), "42704", 400),
    (("tags", "cs.red"), "22P02", 400), (("id", "eq(any).1"), "22P02", 400), (("n", "is.true"), "42804", 400),
    (("n", "eq.99999999999"), "22003", 400),
])
def test_what_postgresql_refuses_keeps_its_sqlstate(api, pair, code, status):
    response = api.get("/probes", params=[pair])
    assert (response.status, response.code) == (status, code), response


def test_a_filter_on_a_column_called_limit_is_the_limit(api):
    assert len(api.get("/probes?limit=2&select=id").json()) == 2


def test_two_hundred_filters_and_a_long_in_list(api):
    assert found(api, *[("id", f"neq.{i}") for i in range(3, 203)]) == [1, 2]
    assert found(api, ("id", "in.(" + ",".join(map(str, range(2, 1000))) + ")")) == [2, 3, 4, 5, 6]
