"""The process: exit statuses, configuration, signals, draining, systemd (CONTRACT 1, 2)."""

import contextlib
import json
import os
import signal
import socket
import threading
import time

import pytest

from support import http
from support.daemon import Lintas, run
from support.gate import Gate
from support.http import head_of
from support.ports import free_port
from support.wait import wait_until

URL = "postgresql://authenticator:hush-hush-authenticator@127.0.0.1:1/postgres"


def written(tmp_path, text, name="lintas.yaml"):
    file = tmp_path / name
    file.write_text(text)
    return file


def check(file, *more, environment=None):
    return run("--check-config", "--role=primary", "--config", file, *more, environment=environment)


# Commands ----------------------------------------------------------------------------------------------------


def test_version_and_help():
    status, out, _ = run("--version")
    assert status == 0 and out.startswith("lintas ") and any(c.isdigit() for c in out)
    status, out, _ = run("--help")
    assert status == 0
    for word in ("--role", "--config", "--set", "--check-config", "status"):
        assert word in out


@pytest.mark.parametrize("arguments", [
    [], ["--nope"], ["--role=primary"], ["--role=king", "--config", "/dev/null"], ["--config"], ["dance"],
    ["--role=primary", "--config", "/nonexistent/file.yaml"], ["--role=primary", "--config", "/"],
    ["--role=primary", "--config", "/dev/null", "--set", "nonsense"],
    ["--role=primary", "--config", "/dev/null", "--set"],
])
def test_usage_errors_are_status_2(arguments):
    status, out, err = run(*arguments)
    assert status == 2, (status, out, err)
    assert err.strip()


def test_the_smallest_configuration(tmp_path):
    file = written(tmp_path, f"database: {{ primary: {{ url: '{URL}' }} }}\n")
    status, out, err = check(file)
    assert status == 0, err
    assert "hush-hush" not in out + err


def test_check_config_prints_what_loads_again(tmp_path):
    file = written(tmp_path, f"""
site: bandung
listen: {{ public: {{ address: "127.0.0.1:1234" }} }}
limits: {{ request_timeout: 750ms, body_bytes: 3MiB, drain: 2m }}
api:
  schemas: [a, b]
  anon_role: nobody
  jwt: {{ secret: "sssssssssssssssssssssssssssssssssssssss" }}
database: {{ primary: {{ url: "{URL}", pool: 3 }} }}
log: {{ level: warn, format: text }}
""")
    status, out, err = check(file)
    assert status == 0, err
    assert "hush-hush" not in out and "ssssss" not in out
    for text in ("bandung", "127.0.0.1:1234", "nobody"):
        assert text in out
    again = written(tmp_path, out, "again.yaml")
    status, second, err = check(again)
    assert status == 0, err
    assert second == out


def test_every_problem_is_reported_with_its_line(tmp_path):
    file = written(tmp_path, """site: x
threads: many
nonsense: 1
listen:
  public: { address: "nowhere" }
  secret_port: 5
limits:
  body_bytes: 3 apples
  request_timeout: soon
  connections: -5
api:
  schemas: [pg_catalog]
  tx_end: maybe
  max_rows: many
  jwt: { secret: short }
log: { level: loud }
""")
    status, _, err = check(file)
    assert status == 2
    for line, key in ((2, "threads"), (3, "nonsense"), (5, "listen.public.address"), (6, "listen.secret_port"),
                      (8, "limits.body_bytes"), (9, "limits.request_timeout"), (10, "limits.connections"),
                      (12, "api.schemas"), (13, "api.tx_end"), (14, "api.max_rows"), (15, "api.jwt.secret"),
                      (16, "log.level")):
        assert any(problem.startswith(f"{file}:{line}: {key}") for problem in err.splitlines()), (line, key, err)
    assert "database.primary.url" in err
    status, _, again = run("--role=primary", "--config", file)
    assert status == 2 and again == err, "starting says the same as checking"


@pytest.mark.parametrize("text", ["a: [", "- 1\n- 2\n", "\t\tx: 1", "a: 1\na: 2\n", "just text", "{{{{", "a: &x [*x]"])
def test_a_file_that_is_not_a_mapping(tmp_path, text):
    status, _, err = check(written(tmp_path, text))
    assert status == 2 and "lintas.yaml" in err


@pytest.mark.parametrize("key", ["cache.redis.nodes", "link.connections", "vault.addresses", "standby_for"])
def test_keys_of_parts_that_do_not_exist_are_unknown(tmp_path, key):
    status, _, err = check(written(tmp_path, f"database: {{ primary: {{ url: '{URL}' }} }}\n"), "--set", f"{key}=1")
    assert status == 2 and key.split(".")[0] in err


@pytest.mark.parametrize("setting", ["api.tx_end=rollback", "api.tx_end=rollback_allow_override"])
def test_rollback_needs_testing(tmp_path, setting):
    file = written(tmp_path, f"database: {{ primary: {{ url: '{URL}' }} }}\n")
    assert check(file, "--set", setting)[0] == 2
    assert check(file, "--set", setting, "--set", "api.testing=true")[0] == 0


def test_set_goes_before_environment_goes_before_file(tmp_path):
    file = written(tmp_path, f"site: file\nthreads: 1\ndatabase: {{ primary: {{ url: '{URL}', pool: 1 }} }}\n")
    environment = {"LINTAS__SITE": "environment", "LINTAS__DATABASE__PRIMARY__POOL": "22"}
    status, out, err = check(file, "--set", "site=argument", environment=environment)
    assert status == 0, err
    assert "argument" in out and "22" in out
    _, out, _ = check(file, environment=environment)
    assert "environment" in out
    assert check(file, environment={"LINTAS__DATABASE__PRIMARY__POOL": "zero"})[0] == 2
    assert check(file, environment={"LINTAS__NO__SUCH": "1"})[0] == 2


def test_values_from_files_and_the_environment(tmp_path):
    (tmp_path / "url").write_text(URL + "\n")
    file = written(tmp_path, f"""
site: ${{env:MY_SITE}}
api: {{ jwt: {{ secret: "${{env:MY_SECRET}}" }} }}
database: {{ primary: {{ url: "${{file:{tmp_path}/url}}" }} }}
""")
    status, out, err = check(file, environment={"MY_SITE": "semarang", "MY_SECRET": "q" * 40})
    assert status == 0, err
    assert "semarang" in out and "q" * 20 not in out and "hush-hush" not in out
    status, _, err = check(file, environment={"MY_SECRET": "q" * 40})
    assert status == 2 and "MY_SITE" in err
    (tmp_path / "url").unlink()
    status, _, err = check(file, environment={"MY_SITE": "s", "MY_SECRET": "q" * 40})
    assert status == 2 and f"{tmp_path}/url" in err


# Life ---------------------------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_status_1(pg, start, tmp_path):
    first = start()
    config = dict(first.config)
    second = Lintas(config, tmp_path)
    second.config["listen"]["admin"] = {"address": f"127.0.0.1:{free_port()}"}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        second.config["listen"]["public"] = {"address": f"127.0.0.1:{taken.getsockname()[1]}"}
        second.write_config()
        second.start(until=None)
        assert second.wait_exit(20) == 1
        assert str(taken.getsockname()[1]) in second.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_with_status_0(start, number):
    daemon = start()
    daemon.signal(number)
    assert daemon.wait_exit(15) == 0


def test_port_zero_asks_the_kernel(pg, start):
    daemon = start({"listen": {"public": {"address": "127.0.0.1:0"}}})
    assert daemon.running


def slow_get(daemon, nap=3):
    one = daemon.connect()
    one.send(head_of("GET", f"/naps?select=nap&id=eq.{nap}"))
    return one


def asleep(pg, count=1):
    wait_until(lambda: pg.value("select count(*) from pg_stat_activity where wait_event = 'PgSleep'") >= count, 10,
               "a request is asleep in the database")


def refuses(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
        return False
    except OSError:
        return True


def test_draining_finishes_what_is_in_flight(start, pg):
    daemon = start()
    idle = daemon.connect()
    idle.send(b"GET /items?id=eq.1 HTTP/1.1\r\nHost: t\r\n\r\n")
    idle.read()
    busy = slow_get(daemon)
    asleep(pg)
    daemon.signal(signal.SIGTERM)
    wait_until(lambda: refuses(daemon.public), 5, "new connections are refused")
    assert idle.closed_by_peer(5), "idle connections are closed"
    response = busy.read()
    assert response.json() == [{"nap": "slept 1"}]
    assert (response.get("Connection") or "").lower() == "close"
    assert daemon.wait_exit(10) == 0


def test_a_drain_that_takes_too_long_is_status_3(start, pg):
    daemon = start({"limits": {"drain": "1s", "request_timeout": "60s"}})
    busy = slow_get(daemon, 5)
    asleep(pg)
    daemon.signal(signal.SIGTERM)
    began = time.monotonic()
    assert daemon.wait_exit(15) == 3
    assert time.monotonic() - began < 8
    assert "1" in daemon.log().splitlines()[-1] or "cancelled" in daemon.log()
    busy.close()
    daemon.process = None
    wait_until(lambda: pg.value("select count(*) from pg_stat_activity where wait_event = 'PgSleep'") == 0, 10,
               "its query was cancelled")


def test_draining_twice_is_draining_once(start, pg):
    daemon = start()
    busy = slow_get(daemon)
    asleep(pg)
    daemon.signal(signal.SIGTERM)
    daemon.signal(signal.SIGTERM)
    daemon.signal(signal.SIGINT)
    with contextlib.suppress(http.Closed, ConnectionError):
        busy.read()
    assert daemon.wait_exit(15) in (0, 3)
    daemon.process = None


def test_sighup_takes_a_new_configuration(start):
    daemon = start()
    client = daemon.client()
    assert len(client.get("/items").json()) == 15
    daemon.write_config({"api": {"max_rows": 3}})
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: len(client.get("/items").json()) == 3, 10, "max_rows took effect")


def test_sighup_keeps_the_old_one_when_the_new_one_is_not_valid(start):
    daemon = start()
    before = daemon.log()
    daemon.file.write_text("nonsense: [")
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: '"error"' in daemon.log()[len(before):] or "error" in daemon.log()[len(before):], 10,
               "an error in the log")
    assert daemon.client().get("/items?limit=1").status == 200
    assert daemon.running
    daemon.file.unlink()
    daemon.signal(signal.SIGHUP)
    assert daemon.client().get("/items?limit=1").status == 200
    daemon.write_config({"api": {"max_rows": 2}})
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: len(daemon.client().get("/items").json()) == 2, 10, "and then a good one is taken")


def test_it_never_stops_serving_for_a_reload(start):
    daemon = start()
    stop, wrong = threading.Event(), []

    def hammer():
        client = daemon.client()
        while not stop.is_set():
            response = client.get("/items?id=eq.1")
            if response.status != 200:
                wrong.append(response)
    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for rows in range(10, 20):
        daemon.write_config({"api": {"max_rows": rows}})
        daemon.signal(signal.SIGHUP)
        limit = min(rows, 15)
        wait_until(lambda: len(daemon.client().get("/items").json()) == limit, 10, f"max_rows {rows}")
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []


class Notifications:
    """The socket that systemd would listen on."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.seen = []

    def wait_for(self, text, limit=15):
        self.socket.settimeout(0.1)

        def arrived():
            with contextlib.suppress(TimeoutError):
                self.seen.append(self.socket.recv(4096).decode())
            return any(text in message for message in self.seen)
        wait_until(arrived, limit, f"{text} (so far {self.seen})")


def test_sd_notify(start, tmp_path):
    notifications = Notifications(tmp_path / "notify")
    daemon = start(environment={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"})
    notifications.wait_for("READY=1")
    notifications.wait_for("WATCHDOG=1")
    notifications.seen.clear()
    daemon.signal(signal.SIGHUP)
    notifications.wait_for("RELOADING=1")
    notifications.wait_for("READY=1")
    daemon.signal(signal.SIGTERM)
    notifications.wait_for("STOPPING=1")
    assert daemon.wait_exit(15) == 0


def test_it_starts_without_its_database_and_comes_up_when_it_does(start, pg):
    with Gate(pg.port) as gate:
        gate.refuse()
        daemon = start(url=pg.url(gate.port), until="/live")
        admin = daemon.admin_client()
        assert admin.get("/live").status == 200
        response = admin.get("/ready")
        assert response.status == 503
        for line in response.text.splitlines():
            json.loads(line)
        response = daemon.client().get("/items?limit=1")
        assert response.status == 503 and response.code in ("PGRST000", "PGRST002")
        assert response.get("Retry-After")
        assert daemon.client().options("/items").status in (200, 503)
        gate.passing()
        daemon.wait("/ready", 40)
        assert daemon.client().get("/items?limit=1").status == 200
        daemon.stop()


def test_a_wrong_password_is_not_the_end(start, pg):
    sql = pg.execute
    sql("create role late_login login noinherit password 'first-password'; grant web_anon to late_login")
    try:
        daemon = start(url=pg.url(user="late_login", password="second-password"), until="/live")
        assert daemon.admin_client().get("/ready").status == 503
        assert daemon.client().get("/items").status == 503
        sql("alter role late_login password 'second-password'")
        daemon.wait("/ready", 40)
        assert "second-password" not in daemon.log()
        daemon.stop()
    finally:
        sql("drop role late_login")


def test_secrets_are_not_in_the_process_arguments_or_core_files(start):
    daemon = start(arguments=["--set", "site=surabaya"])
    command = open(f"/proc/{daemon.process.pid}/cmdline", "rb").read()
    assert b"hush-hush" not in command
    assert daemon.admin_client().get("/status").json()["site"] == "surabaya"
    # PR_SET_DUMPABLE off makes the files of /proc belong to root.
    if os.geteuid() != 0:
        assert os.stat(f"/proc/{daemon.process.pid}/environ").st_uid == 0


def test_status_command(start):
    daemon = start()
    status, out, err = run("status", "--admin", f"http://127.0.0.1:{daemon.admin}")
    assert status == 0, err
    assert "primary" in out and "jakarta" in out
    status, out, _ = run("status", "--admin", f"http://127.0.0.1:{daemon.admin}", "--json")
    assert status == 0 and json.loads(out)["role"] == "primary"
    status, _, err = run("status", "--admin", f"http://127.0.0.1:{free_port()}")
    assert status == 1 and err.strip()
