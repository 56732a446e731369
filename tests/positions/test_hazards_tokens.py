"""Hazards 15, 16, 32 and 34: tokens that can be reached, and only honest ones."""

import base64

import pytest
from support import jwt
from support import token as tokens
from support.site import Site
from support.wait import wait_until


@pytest.fixture(scope="module")
def site():
    with Site(replicas={"r1": {}}) as one:
        yield one


def test_hazard_15_token_on_an_idle_system(site, deploy):
    """Nothing follows the write: its token is reached by the replica all the same, and at once."""
    one = deploy(site, cache={"memory": {"size": 0}})
    api, writer = one.api(), one.api()
    for n in range(1, 51):
        token = writer.write(1, n)
        lsn = tokens.decode(token, tokens.KEY)[2]
        assert lsn <= site.primary.lsn("flush"), "a token that is not flushed may never be reached"
        site["r1"].wait_replayed(lsn, limit=5)
        seen = api.read(1, token)
        assert seen.n == n
    assert seen.source == "replica"
    # An answer's own token is reachable as well: hi of a read on the primary is an insert position.
    for _ in range(20):
        token = api.critical(1).token
        site["r1"].wait_replayed(tokens.decode(token)[2], limit=5)
        assert api.read(1, token).n == 50


def test_hazard_15_a_token_is_served_by_the_replica_while_the_primary_is_away(site, deploy):
    """The last write is on the replica; the primary cannot be asked."""
    one = deploy(site, doors=("primary",), feed=False, cache={"memory": {"size": 0}})
    token = one.api().write(2, 5)
    site["r1"].wait_replayed(tokens.decode(token)[2])
    one.doors["primary"].blackhole()
    api = one.api()
    assert [api.read(2, token).n for _ in range(5)] == [5] * 5
    one.doors["primary"].passing()


def test_hazard_16_synchronous_commit_off_on_the_role(make_site, deploy):
    """Acknowledged is durable, whatever the role or the login says."""
    site = make_site(wal_writer_delay="10s")
    site.primary.execute("alter role authenticator set synchronous_commit = 'off'")
    one = deploy(site, feed=False)
    hasty = one.api(jwt.bearer("hasty"))
    for n in range(1, 6):
        seen = hasty.put_n(3, n)
        assert seen.status == 204 and seen.lsn <= site.primary.lsn("flush")
        site.primary.crash()
        assert site.primary.value("select n from api.counters where id = 3") == n, "an acknowledged write is gone"
        wait_until(lambda n=n: hasty.read(3, seen.token).status == 200, 20, "the daemon is back")
        assert hasty.read(3, seen.token).n == n


FORGED = {
    "not base64": lambda good: "A" * 7 + "~",
    "empty": lambda good: "",
    "cut": lambda good: good[:-4],
    "longer": lambda good: good + "AAAA",
    "another version": lambda good: tokens.encode(*tokens.decode(good), version=3),
    "no signature": lambda good: tokens.encode(*tokens.decode(good), key=None),
    "the wrong key": lambda good: tokens.encode(*tokens.decode(good), key="another-key-of-the-tests"),
    "one bit of the LSN": lambda good: flipped(good, 20),
    "one bit of the signature": lambda good: flipped(good, 30),
    "another system": lambda good: tokens.encode(tokens.decode(good)[0] ^ 1, *tokens.decode(good)[1:]),
    "above everything written": lambda good: tokens.encode(*tokens.decode(good)[:2], 1 << 60),
    "another alphabet": lambda good: good + "=",
}


def flipped(good, at):
    raw = bytearray(base64.urlsafe_b64decode(good + "=" * (-len(good) % 4)))
    raw[at] ^= 1
    return base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode("ascii")


@pytest.mark.parametrize("kind", FORGED)
def test_hazard_32_forged_token(kind, site, deploy):
    """400 LNT008 on reads and writes, from every source, and never taken for "no requirement"."""
    one = deploy(site)
    api = one.api()
    good = api.write(4, 1)
    bad = FORGED[kind](good)
    api.warm(4)
    for answer in (api.read(4, None, Lintas_Position=bad), api.critical(4, None) if not bad else api.critical(4, bad),
                   api.read(4, None, Lintas_Position=f"{good}, {bad}"),
                   api.put_n(4, 9, Lintas_Position=bad)):
        if bad == "" and answer.status in (200, 204):
            continue  # an empty list asks for nothing
        assert (answer.status, answer.code) == (400, "LNT008"), (kind, answer)
        assert "lintas-position" in str(answer.body).lower()
    assert api.read(4, good).n in ((1, 9) if not bad else (1,))


def test_hazard_32_without_a_key_a_token_is_still_checked(site, deploy):
    """No consistency.position_key: unsigned tokens, of this system and not above what was written."""
    one = deploy(site, consistency={"position_key": None})
    api = one.api()
    good = api.write(5, 1)
    system_id, timeline, lsn = tokens.decode(good)
    assert len(good) == 28
    assert api.read(5, good).n == 1
    for bad in (tokens.encode(system_id ^ 1, timeline, lsn, None), tokens.encode(system_id, timeline, 1 << 60, None),
                tokens.encode(system_id, timeline, lsn)):
        assert api.read(5, bad).status == 400


def test_hazard_34_repeatable_read_on_the_role(make_site, deploy, judge):
    """A batch under one snapshot would have its LSN read after it: the isolation is set, not hoped for."""
    site = make_site(replicas={"r1": {}})
    for role in ("authenticator", "web_anon"):
        site.primary.execute(f"alter role {role} set default_transaction_isolation = 'repeatable read'")
    site.primary.execute("alter database postgres set default_transaction_isolation = 'repeatable read'")
    site.caught_up()
    one = deploy(site, cache={"memory": {"size": 0}})
    mix = {"session": 60, "eventual": 5, "write": 35}
    judge(one, seconds=4, rows=16, mix=mix).verdict(stop=False)
    judge(one, seconds=4, rows=16, mix=mix, headers=jwt.bearer("frozen")).verdict(stop=False)
