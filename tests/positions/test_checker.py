"""The checker itself: clean histories pass, and one planted violation of each kind is found, and named."""

import random
import time

import pytest
from support import token
from support.checker import VIOLATIONS, Checker
from support.history import (ACKED, ANSWER, ASYNC, GONE, REFUSED, UNKNOWN, WRITE, Answer, Log, Truth, Write,
                             answers_of, writes_of)

MEMORY, REPLICA, PRIMARY = 1, 3, 4


class Told:
    """A truth that a test made up: versions of [(row, value, END, timeline)], each commit 40 bytes long."""

    def __init__(self, versions, initial=None, history=(), timeline=1):
        self.list, self.initial = versions, initial or {1: 0, 2: 0}
        self.history, self.timeline = list(history), timeline

    def versions(self):
        for row, value, end, timeline in self.list:
            yield row, value, end - 40, end, timeline


# Row 1 goes 0, 1 (END 100), 2 (END 200), 3 (END 300), acknowledged at 10, 20 and 30 seconds.
VERSIONS = [(1, 1, 100, 1), (1, 2, 200, 1), (1, 3, 300, 1), (2, 1, 350, 1)]


def written(value, when, row=1, session=9, lsn=None, timeline=1, outcome=ACKED, flags=0):
    lsn = lsn if lsn is not None else value * 100
    return Write(session, row, value, timeline, lsn, outcome, flags, when - 0.1, when)


WRITES = [written(1, 10.0), written(2, 20.0), written(3, 30.0), written(1, 35.0, row=2, lsn=350)]


def answer(value, sent, **more):
    fields = {"session": 0, "row": 1, "timeline": 1, "token": 0, "bound": 5.0, "position_timeline": 1,
              "position": 400, "source": MEMORY, "age": 5, "status": 200, "received": sent + 0.001}
    return Answer(value=value, sent=sent, **{**fields, **more})


def kinds(answers, writes=WRITES, truth=None, last=400):
    return dict(Checker(truth or Told(VERSIONS), writes, last).check(answers).counts)


CLEAN = {
    "the newest value": answer(3, 31.0),
    "older, and the bound allows it": answer(2, 34.9, bound=5.0),
    "older, and Age says so": answer(2, 33.0, age=3),
    "a value that is not acknowledged yet": answer(2, 19.95),
    "exactly what the token asks for": answer(2, 40.0, token=299, bound=60.0, age=60),
    "a token between START and END of the next commit": answer(2, 40.0, token=260, bound=60.0, age=60),
    "critical, and nothing was acknowledged before": answer(2, 29.0, bound=0.0, source=PRIMARY, age=-1),
    "read on the primary without an Age": answer(3, 31.0, source=PRIMARY, age=-1),
    "what was there from the beginning": answer(0, 9.0),
    "a status that is no answer": answer(0, 99.0, status=503),
    "the position is the END itself": answer(3, 31.0, position=300),
}


@pytest.mark.parametrize("name", CLEAN)
def test_a_correct_answer_is_no_violation(name):
    assert kinds([CLEAN[name]]) == {}


PLANTED = {
    "invented": [answer(7, 31.0)],
    "token": [answer(2, 31.0, token=300, bound=60.0, age=60)],
    "bound": [answer(2, 36.0, age=60)],
    "critical": [answer(2, 30.1, bound=0.0, age=60)],
    "age": [answer(2, 33.5, age=3)],
    "age_missing": [answer(3, 31.0, age=-1)],
    "position": [answer(3, 31.0, position=299)],
    "position_back": [answer(3, 31.0, position=300, token=310)],
    "position_missing": [answer(3, 31.0, position=0)],
    "position_beyond": [answer(3, 31.0, position=401)],
    "monotonic": [answer(3, 29.95, session=4), answer(2, 29.97, session=4)],
    "own_write": [answer(2, 30.5, session=9)],
    "early": [answer(3, 20.0, received=20.001)],
}


@pytest.mark.parametrize("kind", PLANTED)
def test_each_kind_of_violation_is_found(kind):
    assert kinds(PLANTED[kind]) == {kind: 1}


def test_the_violations_of_writes_are_found():
    assert kinds([], [written(2, 20.0, lsn=199)]) == {"write_token": 1}
    assert kinds([], [written(9, 20.0)]) == {"write_lost": 1}
    refused = [written(8, 20.0, outcome=REFUSED)]
    assert kinds([answer(8, 31.0)], refused) == {"rolled_back": 1}


def test_every_kind_has_a_test():
    assert set(PLANTED) | {"write_token", "write_lost", "rolled_back", "lost_token"} == set(VIOLATIONS)


def test_a_write_of_unknown_outcome_may_have_happened_or_not():
    unknown = [written(3, 30.0, outcome=UNKNOWN), written(9, 31.0, outcome=UNKNOWN)]
    assert kinds([answer(2, 90.0), answer(3, 90.0)], unknown) == {}
    assert kinds([answer(9, 90.0)], unknown) == {"invented": 1}


def test_a_phantom_of_an_asynchronous_commit_is_a_remark():
    checker = Checker(Told(VERSIONS), [written(9, 31.0, flags=ASYNC)], 400)
    report = checker.check([answer(9, 31.5)])
    assert report.violations == 0 and report.remarks == {"phantom": 1, "async_lost": 1}


def test_what_the_primary_does_not_show_yet_is_a_remark_until_it_was_acknowledged_or_seen():
    early = answer(2, 29.5, token=300, source=PRIMARY, age=-1)
    assert dict(Checker(Told(VERSIONS), WRITES, 400).check([early]).remarks) == {"token_unseen": 1}
    assert kinds([early]) == {}
    assert kinds([answer(3, 29.95, session=4), answer(2, 29.97, session=4, token=300, source=PRIMARY, age=-1)]) == {
        "monotonic": 1}
    assert kinds([answer(2, 30.5, token=300, source=PRIMARY, age=60)]) == {"token": 1}


def test_not_found_is_a_version_too():
    truth = Told([(1, GONE, 100, 1), (1, 5, 200, 1), (1, GONE, 300, 1), (1, 6, 400, 1)])
    writes = [written(GONE, 10.0, lsn=100), written(5, 20.0, lsn=200), written(GONE, 30.0, lsn=300),
              written(6, 40.0, lsn=400)]
    assert kinds([answer(GONE, 15.0, position=100, age=0)], writes, truth) == {}
    assert kinds([answer(GONE, 32.0, position=300, token=299, age=0)], writes, truth) == {}
    assert kinds([answer(GONE, 30.5, position=250, token=200, age=60, bound=60.0)], writes, truth) == {"token": 1}
    assert kinds([answer(5, 30.5, token=300, age=60, bound=60.0)], writes, truth) == {"token": 1}
    assert kinds([answer(GONE, 45.0, age=3, bound=60.0)], writes, truth) == {"age": 1}


def test_a_row_that_never_was_is_not_found_rightly():
    assert kinds([answer(GONE, 20.0, row=99)]) == {}
    assert kinds([answer(4, 20.0, row=99)]) == {"invented": 1}


def test_a_deletion_that_finds_nothing_makes_no_version():
    truth = Told([(1, GONE, 100, 1)])
    writes = [written(GONE, 10.0, lsn=100), written(GONE, 50.0, lsn=150)]
    assert kinds([answer(GONE, 20.0, position=100)], writes, truth) == {}


class TestFailover:
    """Timeline 1 ended at 200: value 3 (END 300 there) was lost, value 4 (END 320) is of timeline 2."""

    truth = Told([(1, 1, 100, 1), (1, 2, 200, 1), (1, 3, 300, 1), (1, 4, 320, 2)], history=[(1, 200)], timeline=2)
    writes = [written(1, 10.0), written(2, 20.0), written(3, 30.0), written(4, 40.0, lsn=320, timeline=2)]

    def kinds(self, *answers):
        return kinds(answers, self.writes, self.truth)

    def test_what_was_lost_is_not_missed(self):
        assert self.kinds(answer(2, 39.0, position_timeline=2, position=250)) == {}

    def test_what_was_lost_was_right_before(self):
        assert self.kinds(answer(3, 30.5, position=300)) == {}

    def test_a_deletion_of_the_new_timeline_is_none_of_the_old_one(self):
        truth = Told([(1, GONE, 250, 1), (1, 4, 320, 2), (1, GONE, 330, 2)], history=[(1, 200)], timeline=2)
        writes = [written(GONE, 25.0, lsn=250), written(4, 40.0, lsn=320, timeline=2),
                  written(GONE, 50.0, lsn=330, timeline=2)]
        assert kinds([answer(GONE, 26.0, position=250)], writes, truth) == {}

    def test_what_was_lost_is_wrong_afterwards(self):
        assert self.kinds(answer(3, 39.0, position_timeline=2, position=320)) == {"invented": 1}

    def test_a_lost_token_is_never_satisfied(self):
        assert self.kinds(answer(4, 41.0, token=300, position_timeline=2)) == {"lost_token": 1}
        assert self.kinds(answer(4, 41.0, token=200, position_timeline=2)) == {}

    def test_a_token_of_the_new_timeline_is_not_covered_by_the_old_one(self):
        assert self.kinds(answer(3, 41.0, timeline=2, token=310, age=60, bound=60.0)) == {"token": 1}
        assert self.kinds(answer(3, 41.0, timeline=2, token=200, age=60, bound=60.0)) == {}

    def test_a_session_may_lose_what_the_failover_lost_and_no_more(self):
        lost = answer(3, 30.5, session=4, position=300)
        assert self.kinds(lost, answer(2, 39.0, session=4, position_timeline=2)) == {}
        assert self.kinds(lost, answer(1, 39.0, session=4, position_timeline=2, age=60, bound=60.0)) == {"monotonic": 1}


def long_history(rng, count, tmp_path):
    """`count` right answers from one simulated server, as files."""
    rows, versions, writes = 500, [], []
    value, lsn, clock = dict.fromkeys(range(rows), 0), 1000, 100.0
    current = {row: [(0, 0, 0.0)] for row in range(rows)}  # (value, END, acknowledged)
    answers = Log(tmp_path / "answers", ANSWER)
    for number in range(count):
        clock += 0.0001
        if number % 20 == 0:
            row = rng.randrange(rows)
            value[row] += 1
            lsn += 80
            versions.append((row, value[row], lsn, 1))
            writes.append(Write(row + 1, row, value[row], 1, lsn, ACKED, 0, clock - 0.00005, clock))
            current[row].append((value[row], lsn, clock))
        row = rng.randrange(rows)
        back = -1
        if rng.random() < 0.3 and len(current[row]) > 1 and clock - current[row][-1][2] < 5:
            back = -2
        found, end, _ = current[row][back]
        answers.add(0, row, found, 1, end, 5.0, 1, lsn, MEMORY, 5, 200, clock, clock + 0.0001)
    answers.close()
    log = Log(tmp_path / "writes", WRITE)
    for write in writes:
        log.add(*write)
    log.close()
    return Told(versions, dict.fromkeys(range(rows), 0)), lsn


def test_a_million_answers_take_seconds(tmp_path):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    truth, last = long_history(random.Random(seed), 1_000_000, tmp_path)
    began = time.process_time()
    report = Checker(truth, writes_of([tmp_path / "writes"]), last).check(answers_of([tmp_path / "answers"]))
    spent = time.process_time() - began
    report.assert_clean(at_least=1_000_000)
    print(f"{spent:.1f} s of CPU time")
    assert spent < 15


def test_a_token_is_what_the_contract_says():
    text = token.encode(7711016157146139528, 3, 0x16B374D848, key=None)
    assert len(text) == 28 and token.decode(text) == (7711016157146139528, 3, 0x16B374D848)
    signed = token.encode(1, 2, 3)
    assert token.decode(signed, token.KEY) == (1, 2, 3) and len(signed) == 44
    with pytest.raises(ValueError):
        token.decode(signed, "another key of the tests")
    with pytest.raises(ValueError):
        token.decode(signed[:-4])


class TestTruth:
    """The feed log of a real server."""

    def test_it_knows_every_commit_and_no_other(self, site):
        primary = site.primary
        truth = Truth(primary, slot="truth_a")
        assert truth.initial[7] == 0 and len(truth.initial) == 2000
        before = primary.lsn("insert")
        primary.execute("update api.counters set n = n + 1 where id = 7")
        end = primary.lsn("insert")
        primary.execute("begin; update api.counters set n = 999 where id = 7; rollback")
        primary.execute("begin; update api.counters set n = 5 where id = 8; savepoint a;"
                        " update api.counters set n = 6 where id = 9; rollback to a;"
                        " update api.counters set n = 6 where id = 8; commit")
        primary.execute("delete from api.counters where id = 10; insert into api.counters values (10, 4)")
        connection = primary.connect()
        with connection.cursor() as cursor:
            cursor.execute("begin")
            cursor.execute("update api.counters set n = 77 where id = 11; prepare transaction 'p'")
            cursor.execute("commit prepared 'p'")
        connection.close()
        primary.execute("update api.counters set id = 5000 where id = 12")
        versions = list(truth.drain().versions())
        assert [(row, value) for row, value, *_ in versions] == [
            (7, 1), (8, 6), (10, 4), (11, 77), (12, GONE), (5000, 0)]
        assert before < versions[0][2] < versions[0][3] <= end
        assert all(a[3] <= b[2] for a, b in zip(versions[:4], versions[1:5]))
        primary.execute("truncate api.counters")
        gone = list(truth.drain().versions())[len(versions):]
        assert {row for row, *_ in gone} >= set(range(2000)) and {value for _, value, *_ in gone} == {GONE}
        truth.drop()

    def test_it_survives_a_crash_and_goes_on_after_a_failover(self, make_site):
        site = make_site(standby=True)
        truth = Truth(site.primary)
        site.primary.execute("update api.counters set n = 1 where id = 1")
        site.caught_up()
        site.primary.crash()
        site.primary.execute("update api.counters set n = 2 where id = 1")
        site.caught_up()
        truth.drain()
        timeline, switch = site.failover()
        truth.follow(site.primary)
        site.primary.execute("update api.counters set n = 3 where id = 1")
        truth.drain()
        assert truth.history == [(1, switch)] and truth.timeline == timeline == 2
        assert [(row, value, on) for row, value, _, _, on in truth.versions()] == [(1, 1, 1), (1, 2, 1), (1, 3, 2)]
