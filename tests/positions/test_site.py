"""The site itself: what the hazards rely on, proven on PostgreSQL alone."""

import pathlib

import psycopg2
import pytest
from api import Later
from support.site import Site
from support.wait import wait_until

N = "select n from api.counters where id = 1"


def test_replicas_follow_pause_and_resume(site):
    site.primary.execute("update api.counters set n = n + 1 where id = 1")
    lsn = site.caught_up()
    assert site["r1"].lsn("replay") >= lsn and site["r1"].in_recovery()
    before = site["r1"].value(N)
    site["r1"].pause_replay()
    site.primary.execute("update api.counters set n = n + 1 where id = 1")
    site["r1"].wait_received(site.primary.lsn("flush"))
    assert site["r1"].value(N) == before
    site["r1"].resume_replay()
    site.caught_up()
    assert site["r1"].value(N) == before + 1


def test_a_gate_cuts_and_mends_a_link(site):
    link = site["r2"].link
    link.blackhole()
    site.primary.execute("update api.counters set n = n + 1 where id = 1")
    wanted, lsn = site.primary.value(N), site.primary.lsn("flush")
    site["r1"].wait_replayed(lsn)
    assert site["r2"].lsn("receive") < lsn
    link.passing()
    site["r2"].wait_replayed(lsn)
    assert site["r2"].value(N) == wanted


def test_a_synchronous_standby_holds_commits_back(site):
    site.synchronous(commit="remote_apply")
    site.standby.pause_replay()
    before = site.primary.value(N)
    pending = Later(site.primary.execute, "update api.counters set n = n + 1 where id = 1")
    wait_until(lambda: site.primary.value("select count(*) from pg_stat_activity where wait_event = 'SyncRep'"), 10,
               "the commit waits")
    assert site.primary.value(N) == before and not pending.done
    site.standby.resume_replay()
    pending.get()
    site.synchronous("")
    assert site.primary.value(N) == before + 1


def test_a_frozen_server_answers_later(site):
    site["r1"].freeze()
    connection = None
    with pytest.raises(psycopg2.OperationalError):
        connection = psycopg2.connect(host="127.0.0.1", port=site["r1"].port, dbname="postgres", user="postgres",
                                      connect_timeout=2)
    site["r1"].resume()
    assert connection is None and site["r1"].value("select 1") == 1


def test_crash_failover_and_repoint(make_site):
    site = make_site(standby=True, replicas={"r1": {"gate": True}, "slow": {"delay": "60s"}})
    system_id = site.primary.system_id()
    site.primary.execute("update api.counters set n = 5 where id = 1")
    site.primary.crash()
    assert site.primary.value(N) == 5
    # `slow` does not: a delayed replica reconnects when it has applied what it has.
    wait_until(lambda: set(site.primary.followers()) >= {"standby", "r1"}, 20, "the others follow again")
    site.standby.wait_replayed(site.primary.lsn("flush"))
    site["r1"].wait_replayed(site.primary.lsn("flush"))
    assert site["slow"].value(N) == 0
    timeline, switch = site.failover()
    assert (timeline, site.primary.timeline(), site.primary.history()) == (2, 2, [(1, switch)])
    site.repoint(site["r1"])
    site.primary.execute("update api.counters set n = 6 where id = 1")
    site["r1"].wait_replayed(site.primary.lsn("flush"))
    assert (site["r1"].value(N), site["r1"].timeline(), site["r1"].system_id()) == (6, 2, system_id)
    late = site.add_replica("late")
    assert late.value(N) == 6


def test_a_site_is_up_in_seconds_and_gone_afterwards():
    with Site(standby=True, replicas={"r1": {}}) as site:
        directories = [server.directory for server in site.servers]
        pids = [server.postmaster for server in site.servers]
        assert set(site.primary.followers()) == {"standby", "r1"}
    assert not any(directory.exists() for directory in directories)
    for pid in pids:
        wait_until(lambda pid=pid: not cmdline(pid), 5, "the server is gone")


def cmdline(pid):
    """Empty for a process that has ended, reaped or not."""
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
