"""The soak: load on two daemons while everything around them is paused, killed and cut off; no answer is wrong.

SOAK_SECONDS (120) is how long; 600 is what a release is held to. SOAK_SEED repeats the choices of a run.
"""

import os
import random
import threading

from support.wait import wait_until

SECONDS = float(os.environ.get("SOAK_SECONDS", "120"))
SEED = int(os.environ.get("SOAK_SEED", "0")) or random.randrange(1 << 32)
PER_SECOND = 1_000_000 / 600  # checked answers a run must reach


class Chaos:
    """One disturbance at a time, each undone before the next; the load goes on between them."""

    def __init__(self, site, hub, judge):
        self.site, self.hub, self.judge = site, hub, judge
        self.rng = random.Random(SEED)
        self.done = []

    def go_on(self, answers):
        """Waits for so many answers: the only clock of this test."""
        goal = self.judge.load.total() + answers
        wait_until(lambda: self.judge.load.total() >= goal or not self.judge.load.running(), 60, "the load goes on",
                   every=0.05)

    def step(self):
        name = self.rng.choice([one for one in dir(self) if one.startswith("do_")])
        self.done.append(name[3:])
        getattr(self, name)(self.rng.randrange(200, 2000))
        self.go_on(self.rng.randrange(1000, 5000))
        self.judge.truth.drain()

    def do_pause_replay(self, answers):
        self.site["r1"].pause_replay()
        self.go_on(answers)
        self.site["r1"].resume_replay()

    def do_freeze_replica(self, answers):
        self.site["slow"].freeze()
        self.go_on(answers)
        self.site["slow"].resume()

    def do_restart_replica(self, answers):
        self.site["r1"].restart(self.rng.choice(["fast", "immediate"]))

    def do_cut_replication(self, answers):
        self.site["slow"].link.blackhole()
        self.go_on(answers)
        self.site["slow"].link.passing()

    def do_pause_standby(self, answers):
        self.site.standby.pause_replay()
        waiting = "select count(*) from pg_stat_activity where wait_event = 'SyncRep'"
        wait_until(lambda: self.site.primary.value(waiting) > 0, 20, "commits wait")
        self.site.standby.resume_replay()

    def do_kill_backends(self, answers):
        self.site.primary.terminate_backends()
        self.site["r1"].terminate_backends()

    def do_kill_feed(self, answers):
        self.site.primary.execute("select pg_terminate_backend(active_pid) from pg_replication_slots"
                                  " where slot_name = 'lintas' and active")

    def do_silence_feed(self, answers):
        self.hub.doors["feed"].blackhole()
        self.go_on(answers)
        self.hub.doors["feed"].passing()

    def do_crash_primary(self, answers):
        self.site.primary.crash()
        self.site.synchronous(commit="remote_apply")

    def do_vacuum(self, answers):
        self.site.primary.execute("vacuum api.counters")

    def do_ddl(self, answers):
        self.site.primary.execute("create or replace view api.shaped as select id, n + 1 as n from api.shapes")

    def do_truncate_elsewhere(self, answers):
        self.site.primary.execute("truncate api.parents cascade")


def test_soak(make_site, deploy, judge):
    print(f"soak: seed {SEED}, {SECONDS:.0f} s")
    site = make_site(standby=True, replicas={"r1": {}, "slow": {"delay": "500ms", "gate": True}})
    site.synchronous(commit="remote_apply")
    link = {"listen": {"link": {"address": "127.0.0.1:0"}}}
    one = deploy(site, doors=("feed",), **link)
    two = deploy(site, doors=("feed",), **link)
    begun = judge(one, two, seed=SEED, seconds=SECONDS, processes=2, sessions=24, rows=1000)
    chaos = Chaos(site, one, begun)
    limit = threading.Timer(SECONDS + 120, lambda: [process.kill() for process in begun.load.processes])
    limit.start()
    while begun.load.running():
        chaos.step()
    limit.cancel()
    print(f"disturbances: {chaos.done}")
    report = begun.verdict(at_least=int(SECONDS * PER_SECOND), stop=False)
    assert all(report.by_source[source] for source in (1, 3, 4)), report
    for daemon in (one, two):
        api = daemon.api()
        api.warm(1)
        assert api.read(1, daemon.token()).status == 200
    site.synchronous("")
