"""JWT, roles, row-level security and the settings of a transaction (DIALECT 3.2)."""

import base64
import concurrent.futures
import hashlib
import json
import time

import pytest

from support.jwt import SECRET, Key, bearer, b64, compact, hs256, symmetric_jwk, token

pytestmark = pytest.mark.usefixtures("reset_once")


@pytest.fixture(scope="module")
def reset_once(sql):
    sql("select fixture.reset()")


def inside(client, **headers):
    response = client.get("/inside", Accept="application/vnd.pgrst.object+json", **headers)
    assert response.status == 200, response
    return response.json()


def role_of(client, authorization=None):
    return inside(client, **({"Authorization": authorization} if authorization else {}))["role"]


# Tokens ----------------------------------------------------------------------------------------------------


def test_no_token_is_the_anonymous_role(api):
    assert role_of(api) == "web_anon"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_a_token_is_its_role(api, scheme):
    assert role_of(api, f"{scheme} {token('app_user')}") == "app_user"


def in_seconds(claims, **dates):
    """Dates relative to now, when the test runs; 30 s of skew are allowed."""
    return claims | {name: time.time() + seconds if isinstance(seconds, float) else int(time.time()) + seconds
                     for name, seconds in dates.items()}


@pytest.mark.parametrize("dates", [{}, {"exp": 600}, {"exp": -10}, {"nbf": 10}, {"iat": 10}, {"exp": 600.5}])
def test_good_dates(api, dates):
    assert role_of(api, f"Bearer {hs256(in_seconds({'role': 'alice'}, **dates))}") == "alice"


@pytest.mark.parametrize("dates", [{"exp": -3600}, {"exp": -40}, {"nbf": 3600}, {"nbf": 40}, {"iat": 3600}])
def test_bad_dates_are_pgrst303(api, dates):
    refused_claims(api, hs256(in_seconds({"role": "alice"}, **dates)))


@pytest.mark.parametrize("claims, role", [
    ({"role": "alice"}, "alice"),
    ({"role": "alice", "aud": "anyone"}, "alice"),
    ({}, "web_anon"),
    ({"sub": "x"}, "web_anon"),
])
def test_good_claims(api, claims, role):
    assert role_of(api, f"Bearer {hs256(claims)}") == role


def refused_claims(api, text):
    response = api.get("/items", Authorization=f"Bearer {text}")
    assert (response.status, response.code) == (401, "PGRST303"), response
    assert 'error="invalid_token"' in response.get("WWW-Authenticate")


@pytest.mark.parametrize("claims", [
    {"role": "alice", "exp": "soon"}, {"role": "alice", "nbf": {}}, {"role": "alice", "iat": "x"},
    b"not json", b"[]", b'"role"', b"", b'{"role":"alice"',
])
def test_claims_that_are_none_are_pgrst303(api, claims):
    refused_claims(api, hs256(claims))


def test_a_longer_hash_of_the_same_secret_is_no_hole(api):
    """HS384 with the shared secret: signed by who may sign, so either answer is safe; a forged one is not."""
    good = hs256({"role": "alice"}, header={"alg": "HS384"}, digest=hashlib.sha384)
    assert api.get("/items", Authorization=f"Bearer {good}").status in (200, 401)
    mixed = hs256({"role": "alice"}, header={"alg": "HS384"}, digest=hashlib.sha256)
    assert api.get("/items", Authorization=f"Bearer {mixed}").status == 401


GOOD = token("alice")


@pytest.mark.parametrize("text", [
    "", "x", "a.b", "a.b.c", "a.b.c.d", GOOD + "x", GOOD[:-2], GOOD + ".x", GOOD.replace(".", "..", 1),
    hs256({"role": "alice"}, "another-secret-that-is-longer-than-32-bytes"),
    hs256({"role": "alice"}, header={"alg": "none"}),
    f"{b64(compact({'alg': 'none'}))}.{b64(compact({'role': 'alice'}))}.",
    f"{b64(compact({'alg': 'None', 'typ': 'JWT'}))}.{b64(compact({'role': 'alice'}))}.",
    hs256({"role": "alice"}, header={"typ": "JWT"}),
    hs256({"role": "alice"}, header={"alg": "RS256"}),
    hs256({"role": "alice"}, header={"alg": 256}),
    "é" * 40, "." * 5000,
    GOOD.split(".")[0] + "." + b64(compact({"role": "bob"})) + "." + GOOD.split(".")[2],
])
def test_an_undecodable_token_is_pgrst301(api, text):
    response = api.get("/items", Authorization=f"Bearer {text}")
    assert response.status == 401, response
    assert response.code == "PGRST301"
    challenge = response.get("WWW-Authenticate")
    assert challenge.startswith('Bearer error="invalid_token", error_description="'), challenge


@pytest.mark.parametrize("value", ["Basic dXNlcjpwYXNz", "Digest x"])
def test_another_scheme_is_no_token(api, value):
    assert role_of(api, value) == "web_anon"


def test_the_token_is_looked_at_before_anything_else(api):
    response = api.get("/nope?id=zz", Authorization="Bearer x", Accept_Profile="nope")
    assert (response.status, response.code) == (401, "PGRST301")


def test_a_role_that_does_not_exist_is_401(api):
    response = api.get("/items", headers=bearer("nobody_at_all"))
    assert (response.status, response.code) == (401, "22023"), response


def test_a_role_the_login_may_not_become(api):
    response = api.get("/items", headers=bearer("stranger"))
    assert response.status in (401, 403), response
    assert response.code == "42501"
    response = api.get("/items", headers=bearer("postgres"))
    assert response.status in (401, 403), response


@pytest.mark.parametrize("role", [7, None, True, ["alice"], {"a": 1}, ""])
def test_a_role_claim_that_is_not_a_name(api, role):
    response = api.get("/inside?select=role", headers={"Authorization": f"Bearer {hs256({'role': role})}"})
    assert response.status in (200, 401), response
    if response.status == 200:
        assert response.json() == [{"role": "web_anon"}]


def test_a_role_cannot_carry_sql(api):
    for role in ('alice"; reset role; --', "alice'", "alice\0", "postgres"):
        response = api.get("/inside?select=role", headers={"Authorization": f"Bearer {hs256({'role': role})}"})
        assert response.status in (401, 403, 400), response


def test_without_an_anonymous_role_a_role_is_required(start):
    client = start({"api": {"anon_role": None}}).client()
    response = client.get("/items?limit=1", headers={"Authorization": f"Bearer {hs256({'sub': 'x'})}"})
    # CONTRACT 2: without anon_role requests run as the connection's own user.
    assert response.status in (200, 401, 403), response
    assert role_of(client, f"Bearer {token('alice')}") == "alice"


def test_without_a_secret_a_token_is_a_configuration_error(start):
    client = start({"api": {"jwt": None}}).client()
    response = client.get("/items", headers=bearer("alice"))
    assert (response.status, response.code) == (500, "PGRST300")
    assert client.get("/items?limit=1").status == 200


def test_audience(start):
    client = start({"api": {"jwt": {"audience": "lintas"}}}).client()
    for audience in ("lintas", ["x", "lintas"], [], None):
        assert role_of(client, f"Bearer {hs256({'role': 'alice', 'aud': audience})}") == "alice", audience
    assert role_of(client, f"Bearer {hs256({'role': 'alice'})}") == "alice"
    for audience in ("other", ["x"], 7, {"a": 1}, [7]):
        response = client.get("/items", headers={"Authorization": f"Bearer {hs256({'role': 'alice', 'aud': audience})}"})
        assert (response.status, response.code) == (401, "PGRST303"), audience


def test_role_claim_path(start):
    client = start({"api": {"jwt": {"role_claim": ".app.roles[0]"}}}).client()
    assert role_of(client, f"Bearer {hs256({'app': {'roles': ['bob', 'alice']}, 'role': 'alice'})}") == "bob"
    assert role_of(client, f"Bearer {hs256({'role': 'alice'})}") == "web_anon"


def test_a_base64_secret(start):
    raw = b"\x00\x01binary-secret-that-has-more-than-32-bytes\xff"
    config = {"secret": base64.b64encode(raw).decode(), "secret_is_base64": True}
    client = start({"api": {"jwt": config}}).client()
    assert role_of(client, f"Bearer {hs256({'role': 'alice'}, raw)}") == "alice"


def test_key_sets(start, tmp_path):
    rsa, ec = Key(tmp_path / "rsa.pem", "RS256", "r"), Key(tmp_path / "ec.pem", "ES256", "e")
    stranger = Key(tmp_path / "other.pem", "RS256", "r")
    keys = {"keys": [rsa.jwk(), ec.jwk(), symmetric_jwk("a-symmetric-key-of-more-than-32-bytes", "s")]}
    (tmp_path / "jwks.json").write_text(json.dumps(keys))
    client = start({"api": {"jwt": {"secret": None, "jwks": str(tmp_path / "jwks.json")}}}).client()
    assert role_of(client, f"Bearer {rsa.sign({'role': 'alice'})}") == "alice"
    assert role_of(client, f"Bearer {ec.sign({'role': 'bob'})}") == "bob"
    symmetric = hs256({"role": "alice"}, "a-symmetric-key-of-more-than-32-bytes", {"alg": "HS256", "kid": "s"})
    assert role_of(client, f"Bearer {symmetric}") == "alice"
    wrong_kid = Key.__new__(Key)
    wrong_kid.path, wrong_kid.algorithm, wrong_kid.kid = rsa.path, "RS256", "unknown"
    # The public key's text as an HMAC secret: the classic confusion of algorithms.
    confused = hs256({"role": "alice"}, rsa.path.read_bytes(), {"alg": "HS256", "kid": "r"})
    for bad in (stranger.sign({"role": "alice"}), wrong_kid.sign({"role": "alice"}), confused, token("alice")):
        response = client.get("/items", Authorization=f"Bearer {bad}")
        assert (response.status, response.code) == (401, "PGRST301"), response


# Privileges ------------------------------------------------------------------------------------------------


def test_a_missing_privilege_is_401_for_strangers_and_403_for_users(api):
    response = api.get("/private")
    assert (response.status, response.code) == (401, "42501")
    assert response.get("WWW-Authenticate") == "Bearer"
    assert api.get("/private", headers=bearer("alice")).status == 403
    assert api.get("/private", headers=bearer("app_user")).json() == [{"id": 1, "body": "for app_user"}]
    assert api.post("/read_only", {"id": 2}).status == 401
    assert api.delete("/read_only", headers=bearer("alice")).status == 403


def test_rows_of_another_role_are_never_seen(api):
    bodies = lambda role: [r["body"] for r in api.get("/notes?order=id", headers=bearer(role)).json()]
    assert bodies("alice") == ["of alice 1", "of alice 2"]
    assert bodies("bob") == ["of bob"]
    assert [r["body"] for r in api.get("/notes").json()] == ["of anon"]
    assert api.patch("/notes", {"body": "stolen"}, headers=bearer("bob")).get("Content-Range") == "0-0/*"
    assert bodies("alice") == ["of alice 1", "of alice 2"]
    response = api.post("/notes", {"owner": "alice", "body": "forged"}, headers=bearer("bob"))
    assert (response.status, response.code) == (403, "42501")


def test_policies_read_the_claims(api):
    letters = lambda **claims: {r["id"] for r in api.get("/letters?select=id", headers=bearer(**claims)).json()}
    assert letters(role="app_user", sub="even") == set(range(2, 21, 2))
    assert letters(role="app_user", sub="odd") == set(range(1, 21, 2))
    assert letters(role="app_user", sub="x") == set()
    assert letters(role="app_user") == set()
    assert api.get("/letters").json() == []


# What a transaction sees -----------------------------------------------------------------------------------


def test_settings_of_a_read(api):
    seen = inside(api, Authorization=f"Bearer {token('alice', sub='s', deep={'a': [1]})}", X_Custom="Value",
                  Cookie="a=1; b=two")
    assert seen["role"] == "alice"
    assert seen["login"] == "authenticator"
    claims = json.loads(seen["claims"])
    assert claims["sub"] == "s" and claims["deep"] == {"a": [1]} and claims["role"] == "alice"
    assert seen["method"] == "GET"
    assert seen["path"] == "/inside"
    headers = json.loads(seen["headers"])
    assert headers["x-custom"] == "Value"
    assert "cookie" not in headers
    assert json.loads(seen["cookies"]) == {"a": "1", "b": "two"}
    assert seen["read_only"] == "on"
    assert seen["isolation"] == "read committed"
    assert [part.strip().strip('"') for part in seen["search_path"].split(",")] == ["api", "public"]


def test_the_claims_of_a_stranger(api):
    assert json.loads(inside(api)["claims"]) == {"role": "web_anon"}
    assert json.loads(inside(api)["cookies"]) == {}


def test_settings_of_a_write(api):
    response = api.post("/written", {"id": 1}, Prefer="return=representation", headers=bearer("bob", sub="b"),
                        X_Custom="w", Accept="application/vnd.pgrst.object+json")
    assert response.status == 201, response
    seen = response.json()
    assert seen["role"] == "bob" and seen["method"] == "POST" and seen["path"] == "/written"
    assert json.loads(seen["claims"])["sub"] == "b"
    assert json.loads(seen["headers"])["x-custom"] == "w"
    assert seen["read_only"] == "off"


def test_the_settings_of_a_role_come_with_it(api):
    assert inside(api, **bearer("impatient"))["statement_timeout"] == "300ms"
    response = api.get("/naps?select=nap&id=eq.4", headers=bearer("impatient"))
    assert (response.status, response.code) == (500, "57014"), response
    assert inside(api)["statement_timeout"] != "300ms"
    assert inside(api, **bearer("careful"))["isolation"] == "serializable"
    assert inside(api)["isolation"] == "read committed"


def test_a_read_cannot_write(api):
    response = api.get("/mirrors?id=eq.1&select=shine")
    assert response.status == 200
    assert inside(api)["read_only"] == "on"


def test_pre_request(start):
    client = start({"api": {"pre_request": "internal.check_request"}}).client()
    response = client.get("/items?limit=1")
    assert (response.status, response.get("X-Checked")) == (200, "yes")
    response = client.get("/items", X_Deny="1")
    assert (response.status, response.json()["message"]) == (403, "denied by check_request")
    assert role_of(client) == "web_anon"
    assert inside(client, X_Become="alice")["role"] == "alice"
    assert role_of(client) == "web_anon"
    assert client.patch("/items?id=eq.1", {"qty": 10}, X_Deny="1").status == 403
    assert client.patch("/items?id=eq.1", {"qty": 10}).get("X-Checked") == "yes"


def test_nothing_leaks_between_requests_that_share_connections(start):
    """Many clients with different roles, claims and headers at once on very few connections."""
    daemon = start({"database": {"primary": {"pool": 2}}, "threads": 1})
    names = ["alice", "bob", "app_user", "web_anon", "careful", "impatient"]

    def hammer(worker):
        client = daemon.client()
        wrong = []
        for round_ in range(60):
            mark = f"{worker}-{round_}"
            role = names[(worker * 7 + round_) % len(names)]
            headers = {"X-Mark": mark, "Cookie": f"mark={mark}"}
            if role != "web_anon":
                headers |= bearer(role, sub=mark)
            if round_ % 10 == 9:  # errors in the same batch must not disturb the others
                response = client.get("/items?id=eq.nonsense", headers=headers)
                if (response.status, response.code) != (400, "22P02"):
                    wrong.append(response)
                continue
            if round_ % 7 == 6:
                response = client.patch("/notes?id=gt.0&select=owner", {"body": mark}, headers=headers,
                                        Prefer="return=representation")
                if response.status != 200 or {r["owner"] for r in response.json()} - {role}:
                    wrong.append((role, response))
                continue
            response = client.get("/inside", headers=headers)
            if response.status != 200:
                wrong.append(response)
                continue
            seen = response.json()[0]
            claims, sent, cookies = (json.loads(seen[k]) for k in ("claims", "headers", "cookies"))
            expected = {"role": role, "sub": mark} if role != "web_anon" else {"role": role}
            claims.pop("exp", None)
            if (seen["role"], claims, sent.get("x-mark"), cookies) != (role, expected, mark, {"mark": mark}):
                wrong.append((role, mark, seen))
            if (seen["isolation"] == "serializable") != (role == "careful"):
                wrong.append((role, seen["isolation"]))
            if (seen["statement_timeout"] == "300ms") != (role == "impatient"):
                wrong.append((role, seen["statement_timeout"]))
            owners = {r["owner"] for r in client.get("/notes", headers=headers).json()}
            if owners - {role}:
                wrong.append((role, owners))
        client.close()
        return wrong

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for wrong in pool.map(hammer, range(16)):
            assert wrong == []


def test_the_secret_is_at_least_32_bytes():
    assert len(SECRET) >= 32
