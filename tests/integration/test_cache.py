"""What the memory cache, entity tags, positions and preconditions do for a client of one primary without a feed.

What the cache may serve when rows change is tests/positions' business; here the headers of CONTRACT 3 are.
"""

import re
import threading

import pytest
from conftest import base_config
from support.daemon import Lintas
from support.wait import wait_until

CACHE = {"memory": {"size": "16MiB"}}
AGE = "60s"  # nothing expires by itself within a test


@pytest.fixture(scope="module")
def cached(pg, tmp_path_factory):
    """A daemon with a cache, whose answers may be a minute old."""
    daemon = Lintas(base_config(pg.url(), cache=CACHE, consistency={"max_staleness": AGE}),
                    tmp_path_factory.mktemp("cached")).start()
    yield daemon
    daemon.stop()


@pytest.fixture
def api(cached, fresh):
    client = cached.client()
    yield client
    client.close()
    assert cached.running


def miss(client, target, **headers):
    """An answer of the primary that replaces what is cached for the target."""
    seen = client.get(target, Cache_Control="no-cache", **headers)
    assert seen.get("Lintas-Source") == "primary", seen
    return seen


# Hits and misses -----------------------------------------------------------------------------------------


def test_a_second_read_comes_from_memory_and_says_so(api):
    target = "/items?id=eq.1&select=id,name"
    first = api.get(target)
    second = api.get(target)
    assert (first.get("Lintas-Source"), first.get("Cache-Status"), first.get("Age")) == (
        "primary", "lintas; fwd=miss", None)
    assert (second.get("Lintas-Source"), second.get("Cache-Status")) == ("memory", "lintas; hit")
    assert int(second.get("Age")) >= 1  # rounded up: it is older than nothing
    assert second.body == first.body
    for same in ("ETag", "Content-Type", "Content-Range", "Content-Location", "Vary"):
        assert second.get(same) == first.get(same), same


def test_parameters_in_another_order_are_the_same_answer(api):
    api.get("/items?select=id&id=eq.2")
    assert api.get("/items?id=eq.2&select=id").get("Lintas-Source") == "memory"


@pytest.mark.parametrize("change", [
    {"Accept": "text/csv"}, {"Prefer": "count=exact"}, {"Prefer": "timezone=Asia/Jakarta"}, {"Range": "0-0"},
])
def test_what_changes_the_answer_is_another_entry(api, change):
    target = "/items?id=lte.3&select=id"
    api.get(target)
    assert api.get(target).get("Lintas-Source") == "memory"
    assert api.get(target, headers=change).get("Lintas-Source") == "primary"
    assert api.get(target, headers=change).get("Lintas-Source") == "memory"


@pytest.mark.parametrize("headers", [
    {"Lintas-Consistency": "critical"}, {"Cache-Control": "no-cache"}, {"Cache-Control": "max-age=0"},
])
def test_a_critical_read_never_comes_from_memory(api, headers):
    target = "/items?id=eq.3"
    api.get(target)
    assert api.get(target).get("Lintas-Source") == "memory"
    seen = api.get(target, headers=headers)
    assert (seen.get("Lintas-Source"), seen.get("Cache-Status"), seen.get("Age")) == (
        "primary", "lintas; fwd=bypass", None)


def test_no_store_is_not_kept(api):
    target = "/items?id=eq.4&select=id"
    api.get(target, Cache_Control="no-store")
    assert api.get(target).get("Lintas-Source") == "primary"


def test_only_if_cached_is_504_until_something_is(api):
    target = "/items?id=eq.5&select=id"
    assert api.get(target, Cache_Control="only-if-cached").status == 504
    api.get(target)
    assert api.get(target, Cache_Control="only-if-cached").status == 200


def test_max_age_bounds_what_memory_may_serve(api, sql):
    target = "/items?id=eq.6&select=qty"
    api.get(target)
    wait_until(lambda: int(api.get(target).get("Age")) >= 2, 10, "the entry is more than a second old")
    seen = api.get(target, Cache_Control="max-age=1")
    assert (seen.get("Lintas-Source"), seen.get("Cache-Status")) == ("primary", "lintas; fwd=stale")


def test_nothing_found_is_cached_too(api):
    target = "/items?id=eq.100000"
    assert api.get(target).json() == []
    seen = api.get(target)
    assert (seen.get("Lintas-Source"), seen.json()) == ("memory", [])


def test_errors_are_not_cached(api):
    for _ in range(2):
        seen = api.get("/items?nonsense=eq.1")
        assert seen.status == 400
        assert seen.get("Cache-Status") is None


def test_head_takes_what_get_has_left(api):
    target = "/items?id=eq.7"
    whole = api.get(target)
    head = api.request("HEAD", target)
    assert (head.get("Lintas-Source"), head.body) == ("memory", b"")
    assert head.get("ETag") == whole.get("ETag")


def test_a_value_that_reads_the_clock_is_never_cached(api):
    for _ in range(2):
        status = api.get("/no_key?at=lt.tomorrow&select=what").get("Cache-Status")
        assert status == 'lintas; fwd=bypass; detail="a filter\'s value depends on the time of day"'
    api.get("/no_key?at=lt.2999-01-01&select=what")
    assert api.get("/no_key?at=lt.2999-01-01&select=what").get("Cache-Status") == "lintas; hit"


def test_one_query_for_many_readers(cached, api, sql, pg):
    """A storm on one cold key: the others wait for the first one's answer."""
    sql("select pg_stat_reset()")
    target = "/items?select=id&order=id.desc"
    lock = pg.connect()
    lock.autocommit = False
    with lock.cursor() as cursor:
        cursor.execute("lock table api.items in access exclusive mode")
    clients = [cached.client() for _ in range(30)]
    answers = []
    threads = [threading.Thread(target=lambda c=c: answers.append(c.get(target))) for c in clients]
    for thread in threads:
        thread.start()
    wait_until(lambda: cached.metrics()["lintas_http_in_flight"] >= 30, 10, "all requests wait")
    waiting = sql("select count(*) from pg_stat_activity where wait_event_type = 'Lock' "
                  "and usename = 'authenticator'")[0][0]
    lock.rollback()
    lock.close()
    for thread in threads:
        thread.join(20)
    for client in clients:
        client.close()
    assert len({seen.body for seen in answers}) == 1 and all(seen.status == 200 for seen in answers)
    assert waiting == 1, f"{waiting} queries for one answer"


# Entity tags and preconditions ---------------------------------------------------------------------------


def test_if_none_match_is_304_without_a_body(api):
    target = "/items?id=eq.8"
    first = api.get(target)
    etag = first.get("ETag")
    assert re.fullmatch(r'"[A-Za-z0-9_-]{22}"', etag)
    for value in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        seen = api.get(target, If_None_Match=value)
        assert (seen.status, seen.body, seen.get("ETag")) == (304, b"", etag), value
    assert api.get(target, If_None_Match='"other"').status == 200
    # From the primary as well as from memory.
    assert miss(api, target, If_None_Match=etag).status == 304


def test_an_entity_tag_changes_with_the_representation_only(api, sql):
    target = "/items?id=eq.9&select=id,qty"
    etag = api.get(target).get("ETag")
    assert miss(api, target).get("ETag") == etag
    assert api.get(target, Accept="text/csv").get("ETag") != etag
    sql("update api.items set qty = qty + 1 where id = 9")
    assert miss(api, target).get("ETag") != etag


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "PUT"])
def test_if_match_guards_a_write(api, sql, method):
    target = "/items?id=eq.10"
    seen = miss(api, target)
    row = seen.json()[0]
    body = {"PATCH": {"qty": 77}, "PUT": {**row, "qty": 77}, "DELETE": None}[method]
    refused = api.request(method, target, body=body, headers={"If-Match": '"another"'})
    assert refused.status == 412, refused
    assert sql("select qty from api.items where id = 10") == [(row["qty"],)], "nothing was applied"
    done = api.request(method, target, body=body, headers={"If-Match": seen.get("ETag")})
    assert done.status in (200, 204), done
    left = sql("select qty from api.items where id = 10")
    assert left == ([] if method == "DELETE" else [(77,)])
    # What it was compared with is gone.
    again = api.request(method, target, body=body, headers={"If-Match": seen.get("ETag")})
    assert again.status == 412


def test_if_match_any_needs_a_row(api):
    assert api.patch("/items?id=eq.100000", {"qty": 1}, If_Match="*").status == 412
    assert api.patch("/items?id=eq.11", {"qty": 1}, If_Match="*").status in (200, 204)


def test_of_two_writers_with_one_tag_one_wins(cached, api, sql):
    etag = miss(api, "/items?id=eq.12").get("ETag")
    clients = [cached.client() for _ in range(8)]
    statuses = []
    threads = [threading.Thread(target=lambda c=c, n=n: statuses.append(
        c.patch("/items?id=eq.12", {"qty": 1000 + n}, If_Match=etag).status)) for n, c in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    for client in clients:
        client.close()
    assert sorted(statuses)[0] in (200, 204) and sorted(statuses)[1:] == [412] * 7


def test_if_match_on_a_read(api):
    target = "/items?id=eq.13"
    etag = api.get(target).get("ETag")
    assert api.get(target, If_Match=etag).status == 200
    assert api.get(target, If_Match='"other"').status == 412


# Positions -----------------------------------------------------------------------------------------------


def test_every_answer_has_a_position_and_a_write_is_read_back(api):
    target = "/items?id=eq.14&select=qty"
    before = api.get(target)
    assert before.get("Lintas-Position")
    written = api.patch("/items?id=eq.14", {"qty": 4711})
    token = written.get("Lintas-Position")
    assert token
    assert api.get(target).json() != [{"qty": 4711}], "the cache holds the older answer, which is allowed"
    seen = api.get(target, Lintas_Position=token)
    assert seen.json() == [{"qty": 4711}]
    both = api.get(target, Lintas_Position=f"{before.get('Lintas-Position')}, {token}")
    assert both.json() == [{"qty": 4711}]


@pytest.mark.parametrize("token", ["garbage", "AAAA", "", "a" * 300, "AQAAAAAAAAAAAAAAAAAAAAAAAAAA"])
def test_a_token_that_is_none_is_400(api, token):
    seen = api.get("/items?id=eq.1", Lintas_Position=token)
    assert (seen.status, seen.code) == (400, "LNT008"), seen
    assert "Lintas-Position" in str(seen.json())


def test_reads_by_consistency_and_result_are_counted(cached, api):
    def counts():
        metrics = cached.metrics()
        return {name: metrics[f'lintas_cache_requests_total{{tier="memory",result="{name}"}}']
                for name in ("hit", "miss", "bypass")}
    before = counts()
    target = "/items?id=eq.15&select=id"
    api.get(target)
    api.get(target)
    api.get(target, Cache_Control="no-cache")
    wait_until(lambda: all(counts()[name] == before[name] + 1 for name in before), 5, "each was counted once")
    metrics = cached.metrics()
    assert metrics['lintas_cache_bytes{tier="memory"}'] > 0
    assert metrics["lintas_read_staleness_seconds_count"] > 0


def test_status_tells_of_the_cache_and_of_the_missing_feed(cached, api):
    api.get("/items?id=eq.1")
    status = cached.admin_client().get("/status").json()
    memory = status["caches"][0]
    assert memory["tier"] == "memory" and memory["entries"] > 0 and memory["limit"] == 16 * 1024 * 1024
    assert status["feed"]["state"] == "none"
    assert "max_staleness" in " ".join(status["feed"]["problems"])


def test_the_cookie_carries_the_position_for_browsers(pg, tmp_path, fresh):
    daemon = Lintas(base_config(pg.url(), cache=CACHE,
                                consistency={"max_staleness": AGE, "cookie": True}), tmp_path).start()
    try:
        client = daemon.client()
        target = "/items?id=eq.1&select=qty"
        client.get(target)
        written = client.patch("/items?id=eq.1", {"qty": 31337})
        cookie = written.get("Set-Cookie")
        assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
        pair = cookie.split(";")[0]
        assert pair == f"lintas-position={written.get('Lintas-Position')}"
        assert client.get(target, Cookie=pair).json() == [{"qty": 31337}]
        # A browser cannot drop a cookie that is no token: it does not count.
        assert client.get(target, Cookie="lintas-position=garbage").status == 200
        client.close()
    finally:
        daemon.stop()
