"""A daemon on a site, and a client that sees what positions are about: value, source, age, token."""

import contextlib
import json
import threading

from support import token as tokens
from support.daemon import Lintas, merge, run
from support.gate import Gate
from support.jwt import SECRET
from support.wait import wait_until

ROW = "/counters?select=n&id=eq."


class Seen:
    """One answer."""

    def __init__(self, response):
        self.response = response
        self.status = response.status
        self.body = json.loads(response.body) if response.body else None
        self.source = (response.get("Lintas-Source") or "").split(";")[0].split(",")[0]
        self.age = response.get("Age")
        self.token = response.get("Lintas-Position")

    @property
    def rows(self):
        assert self.status in (200, 206), repr(self.response)
        return self.body

    @property
    def n(self):
        """Of the only row; None when there is none."""
        assert len(self.rows) <= 1, self.body
        return self.rows[0]["n"] if self.rows else None

    @property
    def code(self):
        return self.body.get("code") if isinstance(self.body, dict) else None

    @property
    def lsn(self):
        return tokens.decode(self.token)[2]

    def __repr__(self):
        return f"<{self.status} {self.source} age={self.age} {self.body}>"


class Api:
    """Requests to one daemon; `role` and claims make a JSON Web Token."""

    def __init__(self, daemon, headers=(), timeout=30.0):
        self.client = daemon.client(headers=dict(headers), timeout=timeout)

    def close(self):
        self.client.close()

    def read(self, target, token=None, **headers):
        """`target` is a path, or the id of a counter."""
        target = f"{ROW}{target}" if isinstance(target, int) else target
        if token:
            headers["Lintas_Position"] = token
        return Seen(self.client.get(target, **headers))

    def critical(self, target, token=None):
        return self.read(target, token, Lintas_Consistency="critical")

    def put_n(self, row, n, table="counters", **headers):
        """Sets a counter."""
        return Seen(self.client.patch(f"/{table}?id=eq.{row}", {"n": n}, **headers))

    def write(self, row, n, **more):
        """As put_n, which has to succeed; the token."""
        seen = self.put_n(row, n, **more)
        assert seen.status in (200, 204), repr(seen)
        return seen.token

    def warm(self, target, limit=15, **headers):
        """Reads until memory answers; that answer."""
        return wait_until(lambda: (lambda seen: seen.source == "memory" and seen)(self.read(target, **headers)), limit,
                          f"memory answers {target}")


class Later:
    """A call in a thread of its own, for writes that have to wait for something."""

    def __init__(self, call, *arguments):
        self.result = self.problem = None

        def work():
            try:
                self.result = call(*arguments)
            except Exception as problem:  # pylint: disable=broad-except
                self.problem = problem
        self.thread = threading.Thread(target=work, daemon=True)
        self.thread.start()

    @property
    def done(self):
        return not self.thread.is_alive()

    def get(self, limit=30):
        self.thread.join(limit)
        assert self.done, f"still running after {limit} s"
        if self.problem:
            raise self.problem
        return self.result


class Deployment:
    """A daemon that serves a site. Doors are Gates in front of the servers it talks to: door("primary"),
    door("feed"), door("r1") exist when named in `doors`."""

    def __init__(self, site, directory, replicas=None, feed=True, doors=(), **config):
        self.site, self.directory = site, directory
        self.doors, self.clients = {}, []
        names = [one.name for one in site.servers if one.upstream is not None and one.name != "standby"]
        names = names if replicas is None else list(replicas)
        for name in doors:
            server = site.primary if name in ("primary", "feed") else site[name]
            self.doors[name] = Gate(server.port)
        database = {"primary": {"url": site.primary.url(self._port("primary")), "pool": 8}}
        if names:
            database["replicas"] = [{"name": name, "url": site[name].url(self._port(name)), "pool": 4}
                                    for name in names]
        if feed:
            database["feed"] = {"url": site.primary.feed_url(self._port("feed")), "publication": "lintas",
                                "slot": "lintas"}
        self.config = merge({
            "site": "jakarta", "threads": 2,
            "api": {"schemas": ["api"], "anon_role": "web_anon", "jwt": {"secret": SECRET}},
            "database": database,
            "cache": {"memory": {"size": "64MiB"}},
            "consistency": {"position_key": tokens.KEY, "max_staleness": "5s"},
            "limits": {"drain": "10s", "request_timeout": "20s"},
        }, config)
        self.daemon = Lintas(self.config, directory)
        if not hasattr(site, "migrated"):
            self.migrate()
            site.migrated = True
        self.daemon.start()
        if feed:
            self.wait_feed()
        for name in names:
            self.wait_replica(name)

    def _port(self, name):
        return self.doors[name].port if name in self.doors else None

    def migrate(self):
        for role in ("authenticator", "feeder"):
            status, out, err = run("migrate", "--config", self.daemon.file, "--url", self.site.primary.superuser_url(),
                                   "--grant-to", role)
            assert status == 0, f"migrate: {status}\n{out}\n{err}"

    def api(self, headers=(), **more):
        self.clients.append(Api(self.daemon, headers, **more))
        return self.clients[-1]

    def token(self, lsn=None, timeline=None):
        """A token for a position of the primary, its flush position by default: what a write just now would get."""
        system_id, now_on, _ = self.site.primary.identify()
        return tokens.encode(int(system_id), timeline or int(now_on), lsn or self.site.primary.lsn("flush"))

    def metric(self, name):
        """The sum of all samples of one family; labels may be part of the name."""
        return sum(value for key, value in self.daemon.metrics().items()
                   if key == name or key.startswith(name + "{") or key.startswith(name + ","))

    def status(self):
        client = self.daemon.admin_client()
        try:
            return client.get("/status").json()
        finally:
            client.close()

    def source(self, name):
        """What /status says of one source."""
        return next(one for one in self.status()["sources"] if one["name"] == name)

    def wait_feed(self, lsn=None, limit=20):
        """Every commit up to now has been stamped."""
        lsn = lsn or self.site.primary.lsn("flush")
        wait_until(lambda: self.metric("lintas_feed_position_bytes") >= lsn, limit, "the feed has arrived here")

    def wait_replica(self, name, lsn=None, limit=20):
        lsn = lsn or self.site[name].lsn("replay")
        wait_until(lambda: self.metric(f'lintas_replica_position_bytes{{replica="{name}"}}') >= lsn, limit,
                   f"{name} is seen there")

    def stop(self):
        for client in self.clients:
            client.close()
        try:
            self.daemon.stop()
        finally:
            self.daemon.kill() if self.daemon.process else None
            for door in self.doors.values():
                with contextlib.suppress(OSError):
                    door.close()
