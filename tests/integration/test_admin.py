"""The admin listener (CONTRACT 4, 6)."""

import json
import math
import re

import pytest

from support.gate import Gate
from support.wait import wait_until


@pytest.fixture
def admin(lintas):
    client = lintas.admin_client()
    yield client
    client.close()


def test_live_and_ready(admin):
    assert admin.get("/live").status == 200
    assert admin.get("/ready").status == 200
    assert admin.head("/live").status == 200


def test_other_paths_and_methods(admin):
    assert admin.get("/nope").status == 404
    assert admin.get("/").status == 404
    assert admin.post("/live").status == 405
    assert admin.get("/reload").status == 405
    assert admin.get("/drain").status == 405
    assert admin.get("/items").status == 404, "tables are not served here"


def test_the_admin_paths_are_not_public(api):
    for path in ("/live", "/ready", "/metrics", "/status"):
        assert api.get(path).status == 404
    for path in ("/reload", "/drain"):
        assert api.post(path, {}).status == 404


def test_ready_says_what_fails(start, pg):
    with Gate(pg.port) as gate:
        daemon = start(url=pg.url(gate.port))
        gate.refuse()
        gate.reset()
        wait_until(lambda: daemon.admin_client().get("/ready").status == 503, 20, "/ready notices")
        lines = daemon.admin_client().get("/ready").text.splitlines()
        assert lines
        for line in lines:
            assert isinstance(json.loads(line), dict)
        assert "hush-hush" not in "".join(lines)
        gate.passing()
        daemon.wait("/ready", 40)
        daemon.stop()


SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\})? '
                    r'(-?(?:[0-9.]+(?:[eE][-+]?[0-9]+)?|\+?Inf|NaN))$')


def parse(text):
    """The text format 0.0.4, strictly: {family: (type, {labels: value})}."""
    assert text.endswith("\n")
    families, current, seen = {}, None, set()
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            assert name not in families, f"{name} twice"
            current, families[name] = name, ["untyped", {}]
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert kind in ("counter", "gauge", "histogram", "summary", "untyped")
            if name != current:
                assert name not in families, f"{name} twice"
                current, families[name] = name, ["untyped", {}]
            assert not families[name][1], f"TYPE of {name} after its samples"
            families[name][0] = kind
        else:
            match = SAMPLE.match(line)
            assert match, f"not a sample: {line!r}"
            name, labels, value = match.groups()
            family = re.sub(r"_(bucket|sum|count)$", "", name) if families[current][0] == "histogram" else name
            assert family == current, f"{name} outside its family {current}"
            assert (name, labels) not in seen, f"twice: {line}"
            seen.add((name, labels))
            families[current][1][name + (labels or "")] = float(value.replace("Inf", "inf"))
    return families


def test_metrics_are_well_formed(admin, api):
    api.get("/items")
    api.get("/nope")
    api.post("/bulk", "{", Content_Type="application/json")
    response = admin.get("/metrics")
    assert response.status == 200
    assert response.get("Content-Type").startswith("text/plain; version=0.0.4")
    families = parse(response.text)
    expected = {
        "lintas_http_requests_total": "counter", "lintas_http_request_seconds": "histogram",
        "lintas_http_in_flight": "gauge", "lintas_http_shed_total": "counter",
        "lintas_read_source_total": "counter", "lintas_db_pool_connections": "gauge",
        "lintas_db_query_seconds": "histogram", "lintas_build_info": "gauge"}
    for name, kind in expected.items():
        assert name in families, name
        assert families[name][0] == kind, name
    for name, (kind, samples) in families.items():
        assert name.startswith(("lintas_", "process_")), name  # process_*: what every Prometheus client exports
        if kind == "counter":
            assert name.endswith("_total") and all(v >= 0 for v in samples.values())
        if kind == "histogram":
            check_histogram(name, samples)


def check_histogram(name, samples):
    series = {}
    for key, value in samples.items():
        if key.startswith(name + "_bucket"):
            bound = re.search(r'le="([^"]*)"', key).group(1)
            rest = re.sub(r',?le="[^"]*"', "", key.removeprefix(name + "_bucket")).replace("{}", "").replace("{,", "{")
            series.setdefault(rest, []).append((math.inf if bound == "+Inf" else float(bound), value))
    for rest, buckets in series.items():
        values = [v for _, v in sorted(buckets)]
        assert sorted(buckets)[-1][0] == math.inf, f"{name}{rest} has no +Inf"
        assert values == sorted(values), f"{name}{rest} is not cumulative"
        assert samples[f"{name}_count{rest}"] == values[-1]
        assert f"{name}_sum{rest}" in samples


def test_label_values_come_from_closed_sets(admin, api):
    api.request("BREW", "/some-path-that-nobody-knows")
    api.get("/another-unknown-path")
    text = admin.get("/metrics").text
    assert "unknown-path" not in text and "BREW" not in text
    allowed = {"route": {"table", "rpc", "root", "queue", "other"},
               "source": {"memory", "redis", "replica", "primary", "link", "none"},
               "consistency": {"eventual", "bounded", "session", "critical"},
               "state": {"idle", "busy", "connecting"}}
    for label, values in allowed.items():
        for found in re.findall(rf'[{{,]{label}="([^"]*)"', text):
            assert found in values, f"{label}={found}"


def counted(metrics, **labels):
    return sum(v for k, v in metrics.items() if k.startswith("lintas_http_requests_total{")
               and all(f'{n}="{w}"' in k for n, w in labels.items()))


def test_requests_are_counted_once(lintas, api):
    def count(**labels):
        return counted(lintas.metrics(), **labels)
    before = count(method="GET", route="table", status="200"), count(status="404"), count(method="POST")
    for _ in range(5):
        assert api.get("/items?limit=1").status == 200
    api.get("/nope")
    api.post("/bulk", "{", Content_Type="application/json")
    wait_until(lambda: count(method="GET", route="table", status="200") == before[0] + 5, 3, "five reads were counted")
    assert count(status="404") == before[1] + 1
    assert count(method="POST") == before[2] + 1


def test_reads_are_counted_by_source(lintas, api):
    def count():
        return sum(v for k, v in lintas.metrics().items()
                   if k.startswith("lintas_read_source_total{") and 'source="primary"' in k)
    before = count()
    api.get("/items?limit=1")
    wait_until(lambda: count() == before + 1, 3, "the read was counted")


def test_the_pool_is_visible(lintas):
    states = {k: v for k, v in lintas.metrics().items() if k.startswith("lintas_db_pool_connections{")}
    assert states and 1 <= sum(states.values()) <= 8, states


def test_build_info(lintas):
    info = [k for k in lintas.metrics() if k.startswith("lintas_build_info{")]
    assert len(info) == 1 and 'role="primary"' in info[0] and 'version="' in info[0]


def test_status(admin):
    response = admin.get("/status")
    assert response.status == 200
    assert response.get("Content-Type").startswith("application/json")
    body = response.json()
    assert body["role"] == "primary" and body["site"] == "jakarta" and body["version"]
    assert any("uptime" in key for key in body)
    primary = next(s for s in body["sources"] if s["kind"] == "primary")
    assert primary["state"] == "up" and primary["name"]
    assert "hush-hush" not in response.text and "a-secret-of-the-tests" not in response.text


def test_status_shows_a_database_that_is_down(start, pg):
    with Gate(pg.port) as gate:
        daemon = start(url=pg.url(gate.port))
        gate.refuse()
        gate.reset()
        wait_until(lambda: daemon.admin_client().get("/status").json()["sources"][0]["state"] == "down", 20, "down")
        gate.passing()
        wait_until(lambda: daemon.admin_client().get("/status").json()["sources"][0]["state"] == "up", 40, "up again")
        daemon.stop()


def test_reload(start):
    daemon = start()
    daemon.write_config({"api": {"max_rows": 4}})
    assert daemon.admin_client().post("/reload").status in (200, 202, 204)
    wait_until(lambda: len(daemon.client().get("/items").json()) == 4, 10, "the new configuration")
    daemon.file.write_text("nonsense: 1")
    response = daemon.admin_client().post("/reload")
    assert response.status in (200, 202, 204, 400, 409, 422, 500)
    assert len(daemon.client().get("/items").json()) == 4


def test_drain_is_sigterm_without_the_exit(start):
    from test_daemon import refuses
    daemon = start()
    assert daemon.admin_client().post("/drain").status in (200, 202, 204)
    wait_until(lambda: refuses(daemon.public), 10, "the public listener is closed")
    assert daemon.admin_client().get("/live").status == 200
    assert daemon.admin_client().get("/ready").status == 503
    assert daemon.running
