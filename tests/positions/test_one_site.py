"""What CONTRACT promises of replicas, the feed and consistency on one site, hazards apart."""

import json
import signal
import urllib.error
import urllib.request

import pytest
from api import Deployment
from support import token as tokens
from support.daemon import run
from support.ports import free_port
from support.wait import wait_until

NO_CACHE = {"memory": {"size": 0}}


# Replicas ------------------------------------------------------------------------------------------------


def test_a_replica_answers_and_says_so(site, deploy):
    one = deploy(site, replicas=("r1",), cache=NO_CACHE)
    api = one.api()
    seen = wait_until(lambda: (lambda s: s.source == "replica" and s)(api.read(1)), 10, "a replica answers")
    assert seen.response.get("Lintas-Source") == "replica;name=r1"
    assert int(seen.age) >= 0 and tokens.decode(seen.token)
    source = one.source("r1")
    assert (source["kind"], source["state"], source["error"]) == ("replica", "up", None)
    assert source["position"] and 0 <= source["lag_s"] < 5 and source["round_trip_s"] < 5
    assert one.metric('lintas_db_pool_connections{pool="r1"') >= 1
    assert one.metric('lintas_replica_lag_seconds{replica="r1"}') < 5
    assert one.metric('lintas_read_source_total{source="replica",consistency="eventual"}') >= 1
    assert one.metric("lintas_read_staleness_seconds_count") >= 1


def test_a_critical_read_never_goes_to_a_replica(site, deploy):
    one = deploy(site, replicas=("r1",), cache=NO_CACHE, consistency={"tables": {"keyed": {"default": "critical"}}})
    api = one.api()
    wait_until(lambda: api.read(1).source == "replica", 10, "a replica answers")
    for _ in range(20):
        assert api.critical(1).source == "primary"
        assert api.read(1, Cache_Control="max-age=0").source == "primary"
        assert api.read("/keyed?limit=1").source == "primary", "the table's default"
    # The request's own word goes before the table's default.
    wait_until(lambda: api.read("/keyed?limit=1", Lintas_Consistency="eventual").source == "replica", 10,
               "eventual reads go to the replica")


def test_reads_go_to_the_primary_while_a_replica_is_away_and_come_back(site, deploy):
    one = deploy(site, replicas=("r2",), doors=("r2",), cache=NO_CACHE)
    api = one.api()
    wait_until(lambda: api.read(1).source == "replica", 10, "r2 answers")
    one.doors["r2"].refuse()
    one.doors["r2"].reset()
    assert {api.read(1).status for _ in range(50)} == {200}, "no client sees that a replica goes"
    wait_until(lambda: one.source("r2")["state"] == "down", 10, "r2 is down")
    assert api.read(1).source == "primary"
    assert one.source("r2")["error"]
    one.doors["r2"].passing()
    wait_until(lambda: api.read(1).source == "replica", 20, "r2 answers again")


def test_a_replica_that_lags_behind_the_bound_is_passed_by(make_site, deploy):
    site = make_site(replicas={"r1": {"delay": "3s"}})
    one = deploy(site, cache=NO_CACHE, consistency={"max_staleness": "1s", "replica_wait": "50ms"})
    api = one.api()
    wait_until(lambda: one.source("r1")["state"] == "lagging", 20, "r1 lags")
    for _ in range(20):
        assert api.read(1).source == "primary"
    # What a request allows, it may have; and it is told.
    seen = wait_until(lambda: (lambda s: s.source == "replica" and s)(api.read(1, Cache_Control="max-age=60")), 20,
                      "a minute is enough for r1")
    assert int(seen.age) >= 3


def test_nothing_is_fresh_enough_when_the_primary_is_away(make_site, deploy):
    site = make_site(replicas={"r1": {}})
    one = deploy(site, doors=("primary", "feed"), cache=NO_CACHE, consistency={"max_staleness": "2s"})
    api = one.api()
    wait_until(lambda: api.read(1).source == "replica", 10, "r1 answers")
    for door in one.doors.values():
        door.refuse()
        door.reset()

    def late():
        seen = api.read(1)
        assert seen.status in (200, 503), seen
        return seen.status == 503 and seen
    seen = wait_until(late, 20, "two seconds have passed since the primary was heard of")
    assert seen.code == "LNT001" and seen.response.get("Retry-After")
    assert "heard of" in seen.body["details"]
    old = api.read(1, Cache_Control="max-age=600")
    assert old.source == "replica" and int(old.age) >= 2
    for door in one.doors.values():
        door.passing()
    wait_until(lambda: api.read(1).status == 200, 20, "the primary is back")


def test_replicas_come_and_go_with_a_reload(site, deploy):
    one = deploy(site, replicas=("r1",), cache=NO_CACHE)
    api = one.api()
    wait_until(lambda: api.read(1).source == "replica", 10, "r1 answers")

    def reload(*names):
        one.daemon.write_config({"database": {"replicas": [
            {"name": name, "url": site[name].url(), "pool": 4} for name in names]}})
        one.daemon.signal(signal.SIGHUP)

    def sources():
        return {seen.response.get("Lintas-Source") for seen in (api.read(row) for row in range(20))}
    reload("r2")
    wait_until(lambda: sources() == {"replica;name=r2"}, 20, "only r2 answers")
    assert [source["name"] for source in one.status()["sources"]] == ["primary", "r2"]
    reload()
    wait_until(lambda: sources() == {"primary"}, 20, "the primary answers")
    reload("r1", "r2")
    wait_until(lambda: sources() & {"replica;name=r1", "replica;name=r2"}, 20, "replicas answer again")


# The feed ------------------------------------------------------------------------------------------------


def test_the_feed_is_seen_from_outside(site, deploy):
    one = deploy(site, replicas=())
    api = one.api()
    stamps = one.metric("lintas_feed_stamps_total")
    api.warm(3)
    token = api.write(3, 1)
    one.wait_feed(tokens.decode(token)[2])
    assert one.metric("lintas_feed_stamps_total") > stamps
    assert one.metric("lintas_feed_lag_seconds") < 5
    feed = one.status()["feed"]
    assert (feed["role"], feed["state"], feed["slot"]) == ("hub", "live", "lintas")
    assert feed["tables"] > 0 and feed["position"]
    status, out, err = run("status", "--admin", f"http://127.0.0.1:{one.daemon.admin}")
    assert status == 0, err
    assert "hub, live" in out and "cache memory" in out
    # A hit serves a new token as soon as the feed has passed it, without asking a database.
    api.warm(4)
    assert api.read(4, token).source == "memory"


def linked(site, directory, name, port, **more):
    """A primary-role process that others can subscribe to."""
    (directory / name).mkdir()
    return Deployment(site, directory / name, replicas=(), listen={"link": {"address": f"127.0.0.1:{port}"}}, **more)


def test_of_two_processes_one_is_the_hub_and_the_other_takes_over(make_site, tmp_path):
    site = make_site()
    ports = [free_port(), free_port()]
    first = linked(site, tmp_path, "first", ports[0])
    second = linked(site, tmp_path, "second", ports[1])
    try:
        roles = wait_until(lambda: (lambda r: "subscriber" in r and r)(
            [one.status()["feed"]["role"] for one in (first, second)]), 20, "there is a subscriber")
        assert roles == ["hub", "subscriber"]
        feed = second.status()["feed"]
        assert feed["state"] == "live" and feed["hub"] == f"127.0.0.1:{ports[0]}"
        assert first.status()["feed"]["subscribers"] == 1
        link = f"http://127.0.0.1:{ports[0]}/link/v1/"
        with urllib.request.urlopen(f"{link}status", timeout=5) as answer:
            assert isinstance(json.load(answer), dict)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{link}nonsense", timeout=5)
        assert refused.value.code == 404

        # Written through one process, read from the memory of the other, right and without a query.
        writer, reader = first.api(), second.api()
        for row in range(10):
            reader.warm(row)
        token = writer.write(5, 99)
        second.wait_feed(tokens.decode(token)[2])
        assert reader.read(5, token).n == 99
        wait_until(lambda: reader.read(6, token).source == "memory", 10, "memory knows that row 6 is fresh")

        breaks = second.metric("lintas_feed_epoch_breaks_total")
        first.daemon.kill()
        first.daemon.process = None
        wait_until(lambda: second.status()["feed"]["role"] == "hub", 20, "the subscriber takes the slot")
        wait_until(lambda: second.status()["feed"]["state"] == "live", 20, "the feed lives")
        assert second.metric("lintas_feed_epoch_breaks_total") == breaks, "it knew everything that was acknowledged"
        token = reader.write(7, 77)
        second.wait_feed(tokens.decode(token)[2])
        assert reader.read(6, token).source == "memory", "what was cached before is still known to be fresh"
    finally:
        for one in (first, second):
            one.stop()


def test_without_a_feed_the_daemon_says_so_and_caches_by_age(make_site, deploy):
    site = make_site()
    one = deploy(site, feed=False, replicas=(), consistency={"max_staleness": "1s"})
    api = one.api()
    api.warm(1)
    site.primary.execute("update api.counters set n = 5 where id = 1")
    wait_until(lambda: api.read(1).n == 5, 10, "a second has passed")
    assert "max_staleness" in one.daemon.log()
    assert any("max_staleness" in problem for problem in one.status()["feed"]["problems"])
