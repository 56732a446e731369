"""What is not there yet answers 400 PGRST127 and names the feature (DIALECT, first paragraph)."""

import pytest


@pytest.mark.parametrize("target, word", [
    ("/tasks?select=id,people(*)", "embed"),
    ("/tasks?select=id,person:people(name)", "embed"),
    ("/tasks?select=id,people!inner(name)", "embed"),
    ("/tasks?select=people()", "embed"),
    ("/people?select=id,tasks(*,people(*))", "embed"),
    ("/tasks?select=id,...people(name)", "spread"),
    ("/items?select=qty.sum()", "aggregate"),
    ("/items?select=count()", "aggregate"),
    ("/items?select=total:qty.sum()", "aggregate"),
    ("/items?select=qty.avg()::int", "aggregate"),
    ("/tasks?order=people(name).desc", "order"),
    ("/rpc/add?a=1&b=2", "rpc"),
    ("/rpc/mark", "rpc"),
])
def test_reads(api, target, word):
    response = api.get(target)
    assert (response.status, response.code) == (400, "PGRST127"), response
    body = response.json()
    assert word in f"{body['message']} {body['details']}".lower() or word in ("rpc",) and "function" in (
        f"{body['message']} {body['details']}").lower(), body


def test_rpc_by_post(api):
    response = api.post("/rpc/add", {"a": 1, "b": 2})
    assert (response.status, response.code) == (400, "PGRST127")
    assert api.request("HEAD", "/rpc/add").status == 400
    for method in ("PATCH", "PUT", "DELETE"):
        response = api.request(method, "/rpc/add", {})
        assert (response.status, response.code) == (405, "PGRST101"), response


def test_embeds_in_writes(api, sql):
    sql("select fixture.reset()")
    response = api.post("/tasks?select=id,people(name)", {"id": 9}, Prefer="return=representation")
    assert (response.status, response.code) == (400, "PGRST127")
    assert sql("select count(*) from api.tasks where id = 9") == [(0,)]


@pytest.mark.parametrize("target", ["/tasks?people.name=eq.x", "/tasks?people.order=id", "/tasks?people.limit=1",
                                    "/tasks?people.or=(id.eq.1)"])
def test_filters_of_embeds_that_are_not_selected(api, target):
    response = api.get(target)
    assert response.status == 400, response
    assert response.code in ("PGRST127", "PGRST108")


def test_the_root_is_not_silently_something_else(api):
    response = api.get("/")
    assert (response.status, response.code) in ((400, "PGRST127"), (404, "PGRST126")), response


@pytest.mark.parametrize("accept", ["application/vnd.pgrst.plan+json", "application/vnd.pgrst.plan+text; for=\"application/json\"",
                                    "application/geo+json", "application/openapi+json"])
def test_media_types_of_later_tiers(api, accept):
    response = api.get("/items", Accept=accept)
    assert response.status in (406, 400) and response.code in ("PGRST107", "PGRST127"), response


def test_idempotency_keys_are_not_silently_ignored(api, sql):
    """Replay comes with its part; until then the header must not look as if it worked."""
    sql("select fixture.reset()")
    response = api.post("/bulk", {"id": 1}, headers={"Idempotency-Key": "k-1"})
    assert response.status in (201, 400), response
    assert response.get("Idempotency-Replayed") is None
