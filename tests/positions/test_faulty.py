"""Hazards 1, 2, 3 and plain cache-aside: servers that break one rule, and a checker that catches each of them."""

import random

import pytest
from model import VARIANTS, running
from support.history import Truth
from support.load import Load, resume_from

ROUNDS = 6
ROUND_S = 3.0
FRESHNESS = {"token", "own_write", "monotonic", "bound", "critical", "age"}

MIX = {"session": 50, "eventual": 5, "bounded": 5, "critical": 3, "range": 5, "write": 32}

# variant → (the site it needs, how the model reads it)
PLACES = {
    "lsn_in_statement": {"replica": True, "cached": False},
    "lsn_after_snapshot": {"replica": True, "cached": False},
    # A delayed replica parks at the START of a commit; few writes, so that it parks there for long.
    "start_for_end": {"replica": True, "delay": "100ms", "rows": 8,
                      "mix": {"session": 80, "eventual": 17, "write": 3}},
    "flush_without_snapshot": {"standby_delay": 0.01},
    "cache_aside": {"replica": True},
    "primary_at_once": {"standby_delay": 0.01, "replica": True, "mix": {"session": 50, "critical": 25, "write": 25}},
    "position_is_as_of": {"replica": True},
}


@pytest.fixture
def play(make_site, tmp_path):
    """play(variant, place, until_caught) runs rounds of load against a model; returns the last report."""
    def run(variant, replica=False, cached=True, delay=None, standby_delay=None, rounds=ROUNDS, rows=32,
            mix=None):
        site = make_site(standby=standby_delay is not None, standby_gate=True,
                         replicas={"r1": {"delay": delay}} if replica else {})
        if standby_delay is not None:
            site.synchronous()
            site.standby.link.delay(standby_delay)
        truth = Truth(site.primary)
        seed = random.randrange(1 << 32)
        with running(variant, site.primary.superuser_url(), site["r1"].superuser_url() if replica else None,
                     cached) as port:
            for number in range(rounds):
                load = Load(port, directory=tmp_path / f"{variant}-{number}", seed=seed + number, sessions=16, rows=rows,
                            seconds=ROUND_S, mix=mix or MIX, **resume_from(truth))
                load.start().join()
                report = load.report(truth.drain(), site.primary.lsn("insert"))
                print(f"{variant}, round {number}: {report}")
                assert report.checked > 200, "the load did not get through"
                if report.violations and variant != "correct":
                    break
        return report
    return run


@pytest.mark.parametrize("variant", PLACES)
def test_the_checker_catches(variant, play):
    print(VARIANTS[variant])
    report = play(variant, **PLACES[variant])
    assert set(report.counts) & FRESHNESS, f"{variant} was not caught in {ROUNDS} rounds: {report}"


@pytest.mark.parametrize("variant", PLACES)
def test_the_checker_finds_nothing_where_every_rule_is_kept_in_the_place_of(variant, play):
    play("correct", rounds=1, **PLACES[variant]).assert_clean(at_least=300)
