"""Windows, counts, 206 and 416 (DIALECT 1.4, 1.5)."""

import pytest

pytestmark = pytest.mark.usefixtures("reset_once")


@pytest.fixture(scope="module")
def reset_once(sql):
    sql("select fixture.reset()")
    sql("analyze")


@pytest.mark.parametrize("target, headers, status, content_range, count", [
    ("/items", {}, 200, "0-14/*", 15),
    ("/items", {"Prefer": "count=exact"}, 200, "0-14/15", 15),
    ("/items?limit=5", {}, 200, "0-4/*", 5),
    ("/items?limit=5", {"Prefer": "count=exact"}, 206, "0-4/15", 5),
    ("/items?offset=10", {"Prefer": "count=exact"}, 206, "10-14/15", 5),
    ("/items?offset=15", {"Prefer": "count=exact"}, 206, "*/15", 0),
    ("/items?offset=15", {}, 200, "*/*", 0),
    ("/items?limit=0", {"Prefer": "count=exact"}, 206, "*/15", 0),
    ("/items?id=gt.100", {"Prefer": "count=exact"}, 200, "*/0", 0),
    ("/items?id=lte.3&limit=2", {"Prefer": "count=exact"}, 206, "0-1/3", 2),
    ("/items", {"Range": "0-4"}, 200, "0-4/*", 5),
    ("/items", {"Range": "0-4", "Prefer": "count=exact"}, 206, "0-4/15", 5),
    ("/items", {"Range": "10-"}, 200, "10-14/*", 5),
    ("/items", {"Range": "0-"}, 200, "0-14/*", 15),
    ("/items", {"Range": "5-5"}, 200, "5-5/*", 1),
    ("/items", {"Range": "0-99", "Prefer": "count=exact"}, 200, "0-14/15", 15),
    ("/items", {"Range": "0-4", "Range-Unit": "anything"}, 200, "0-4/*", 5),
    ("/items", {"Range": "items=0-4"}, 200, "0-14/*", 15),
    ("/items", {"Range": "bytes=0-4"}, 200, "0-14/*", 15),
    ("/items", {"Range": "nonsense"}, 200, "0-14/*", 15),
    ("/items?limit=3", {"Range": "2-9"}, 200, "2-2/*", 1),
    ("/items?offset=4&limit=5", {"Range": "0-5"}, 200, "4-5/*", 2),
    ("/items", {"Prefer": "count=planned"}, 200, "0-14/15", 15),
    ("/items?limit=2", {"Prefer": "count=planned"}, 206, "0-1/15", 2),
    ("/items", {"Prefer": "count=estimated"}, 200, "0-14/15", 15),
])
def test_window(api, target, headers, status, content_range, count):
    response = api.get(target, headers=headers)
    assert response.status == status, response
    assert response.get("Content-Range") == content_range
    assert len(response.json()) == count
    head = api.head(target, headers={k: v for k, v in headers.items() if k != "Range"})
    if "Range" not in headers:
        assert (head.status, head.get("Content-Range")) == (status, content_range)


def test_a_head_ignores_range(api):
    assert api.head("/items", Range="0-1").get("Content-Range") == "0-14/*"


@pytest.mark.parametrize("offset", [16, 100])
def test_an_offset_beyond_a_known_total_is_416(api, offset):
    response = api.get(f"/items?offset={offset}", Prefer="count=exact")
    assert (response.status, response.code) == (416, "PGRST103"), response
    body = response.json()
    assert body["message"] == "Requested range not satisfiable"
    assert body["details"] == f"An offset of {offset} was requested, but there are only 15 rows."
    assert response.get("Content-Range") == "*/15"


@pytest.mark.parametrize("target, headers, text", [
    ("/items?limit=-1", {}, "Limit should be greater than or equal to zero."),
    ("/items", {"Range": "5-1"},
     "The lower boundary must be lower than or equal to the upper boundary in the Range header."),
])
def test_a_window_that_cannot_be(api, target, headers, text):
    response = api.get(target, headers=headers)
    assert (response.status, response.code) == (416, "PGRST103"), response
    assert text in (response.json()["details"] or "") + response.json()["message"]


def test_estimated_with_max_rows(start):
    client = start({"api": {"max_rows": 10}}).client()
    response = client.get("/items", Prefer="count=estimated")
    assert response.status == 206
    assert response.get("Content-Range") == "0-9/15"
    response = client.get("/items?id=lte.4", Prefer="count=estimated")
    assert (response.status, response.get("Content-Range")) == (200, "0-3/4")


def test_a_count_with_filters_that_bind_parameters(api):
    response = api.get("/items?or=(id.eq.1,name.like.item 1*)&limit=1".replace(" ", "%20"), Prefer="count=exact")
    assert response.get("Content-Range") == "0-0/7"


@pytest.mark.parametrize("limit", ["99999999999999999999", "9223372036854775807"])
def test_numbers_at_the_edge(api, limit):
    response = api.get(f"/items?limit={limit}")
    assert response.status == 200, response
    assert len(response.json()) == 15
    response = api.get(f"/items?offset={limit}&limit={limit}")
    assert response.status in (200, 416), response
