"""OPTIONS, Allow and CORS (DIALECT 1.12)."""

import pytest


@pytest.mark.parametrize("target, allow", [
    ("/", "OPTIONS,GET,HEAD"),
    ("/items", "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"),
    ("/no_key", "OPTIONS,GET,HEAD,POST,PATCH,DELETE"),
    ("/age_groups", "OPTIONS,GET,HEAD"),
    ("/people_door", "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"),
    ("/private", "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"),
    ("/rpc/add", "OPTIONS,GET,HEAD,POST"),
    ("/rpc/mark", "OPTIONS,POST"),
])
def test_allow(api, target, allow):
    response = api.options(target)
    assert response.status == 200, response
    if target == "/people_door":  # its primary key is known only through the view's definition
        assert response.get("Allow") in (allow, allow.replace(",PUT", ""))
    else:
        assert response.get("Allow") == allow
    assert response.get("Access-Control-Allow-Origin") == "*"
    assert response.get("Content-Length") == "0"


def test_options_of_nothing(api):
    assert api.options("/nope").status == 404
    assert api.options("/rpc/nope").status == 404
    assert api.options("/only_here").status == 404
    assert api.options("/only_here", Accept_Profile="other").status == 200


PREFLIGHT = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "Foo,Bar"}


@pytest.mark.parametrize("target", ["/items", "/nope", "/"])
def test_preflight(api, target):
    response = api.options(target, headers=PREFLIGHT)
    assert response.status == 200, response
    assert response.get("Access-Control-Allow-Origin") == "*"
    assert response.get("Access-Control-Allow-Methods") == "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD"
    assert response.get("Access-Control-Allow-Headers") == (
        "Authorization, Foo, Bar, Accept, Accept-Language, Content-Language")
    assert response.get("Access-Control-Max-Age") == "86400"
    assert response.get("Access-Control-Allow-Credentials") is None


def test_a_preflight_takes_no_header_injection(api):
    response = api.options("/items", headers=PREFLIGHT | {"Access-Control-Request-Headers": "a" * 3000})
    assert response.status in (200, 400)


def test_a_normal_response_exposes_its_headers(api):
    response = api.get("/items?limit=1", Origin="https://app.example")
    assert response.get("Access-Control-Allow-Origin") == "*"
    exposed = [name.strip() for name in response.get("Access-Control-Expose-Headers").split(",")]
    for name in ("Content-Encoding", "Content-Location", "Content-Range", "Content-Type", "Date", "Location", "Server",
                 "Transfer-Encoding", "Range-Unit", "Lintas-Position", "Lintas-Source", "Age", "Cache-Status", "ETag",
                 "Idempotency-Replayed", "Retry-After"):
        assert name in exposed, name


def test_errors_can_be_read_by_browsers(api):
    for target in ("/nope", "/items?id=zz"):
        assert api.get(target, Origin="https://a").get("Access-Control-Allow-Origin") == "*"
    assert api.get("/items", Origin="https://a", Authorization="Bearer x").get("Access-Control-Allow-Origin") == "*"


def test_configured_origins(start):
    client = start({"api": {"cors_origins": ["https://good.example", "https://fine.example"]}}).client()
    response = client.get("/items?limit=1", Origin="https://fine.example")
    assert response.get("Access-Control-Allow-Origin") == "https://fine.example"
    assert response.get("Access-Control-Allow-Credentials") == "true"
    for bad in ("https://bad.example", "https://good.example.bad", "null", "https://GOOD.example:1"):
        response = client.get("/items?limit=1", Origin=bad)
        assert response.status == 200
        assert response.get("Access-Control-Allow-Origin") is None
        assert response.get("Access-Control-Allow-Credentials") is None
    response = client.options("/items", headers=PREFLIGHT | {"Origin": "https://good.example"})
    assert response.get("Access-Control-Allow-Origin") == "https://good.example"
    assert client.options("/items", headers=PREFLIGHT).get("Access-Control-Allow-Origin") is None
