"""A site of real PostgreSQL servers: a primary, perhaps a synchronous standby, replicas, and the links between them."""

import atexit
import concurrent.futures
import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading

import psycopg2
import psycopg2.extras

from .gate import Gate
from .ports import free_port
from .postgres import HBA, Postgres
from .wait import wait_until

SCHEMA = pathlib.Path(__file__).resolve().parents[1] / "positions" / "schema.sql"
FEED_LOGIN = "feeder"
FEED_PASSWORD = "hush-hush-feeder"  # as in positions/schema.sql

# The same on every server, so that any of them can become the primary.
COMMON = {
    "listen_addresses": "127.0.0.1",
    "wal_level": "logical",
    "max_wal_senders": 16,
    "max_replication_slots": 16,
    "max_slot_wal_keep_size": "1GB",
    "wal_keep_size": "256MB",          # a link that was cut for a while does not cost a new base backup
    "max_prepared_transactions": 20,
    "max_connections": 200,
    "hot_standby": "on",
    "fsync": "off",
    "synchronous_commit": "on",
    "full_page_writes": "off",
    "autovacuum": "off",
    "checkpoint_timeout": "30min",
    "wal_retrieve_retry_interval": "50ms",
    "wal_receiver_status_interval": "1s",
    "timezone": "UTC",
    "lc_messages": "C",
    "log_line_prefix": "%m [%p] %u ",
    "log_statement": "none",
}

REPLICATION_HBA = """
local replication postgres trust
host  replication postgres 127.0.0.1/32 trust
host  replication all      127.0.0.1/32 scram-sha-256
"""


def lsn_text(value):
    return f"{value >> 32:X}/{value & 0xFFFFFFFF:08X}"


def lsn_number(text):
    high, low = text.split("/")
    return int(high, 16) << 32 | int(low, 16)


class Server(Postgres):
    """One server of a site. Its directory is a copy of a stopped one or a base backup, never a fresh initdb."""

    def __init__(self, name, settings):  # pylint: disable=super-init-not-called
        self.name = name
        self.root = os.geteuid() == 0
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"lintas-{name}-"))
        self.data = self.directory / "data"
        self.port = free_port()
        self.settings = {**COMMON, **settings}
        self.link = None        # the Gate in front of its upstream, if it has one
        self.upstream = None
        if self.root:
            entry = pwd.getpwnam("postgres")
            os.chown(self.directory, entry.pw_uid, entry.pw_gid)
        ALIVE.add(self)

    def initialise(self):
        self._run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write("include_if_exists 'site.conf'\n")
        (self.data / "pg_hba.conf").write_text(HBA + REPLICATION_HBA, encoding="utf-8")

    def copy_of(self, data):
        subprocess.run(["cp", "-a", str(data), str(self.data)], check=True)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def base_backup_of(self, other):
        self._run("pg_basebackup", "-h", "127.0.0.1", "-p", other.port, "-U", "postgres", "-D", self.data,
                  "-c", "fast", "-X", "stream")

    def write_settings(self):
        lines = [f"{key} = '{str(value)}'" for key, value in self.settings.items() if value is not None]
        lines += [f"port = {self.port}", f"unix_socket_directories = '{self.directory}'"]
        (self.data / "site.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def start(self):
        self.write_settings()
        super().start()

    def set(self, **settings):
        """Changes settings that need no restart; None takes one away."""
        self.settings.update(settings)
        self.write_settings()
        self.execute("select pg_reload_conf()")

    def follow(self, upstream, gate=False):
        """Replicates from `upstream` from now on, or from the next start on; through a Gate when asked."""
        self.upstream = upstream
        if gate and self.link is None:
            self.link = Gate(upstream.port)
        elif self.link is not None:
            self.link.upstream = upstream.port
            self.link.reset()
        port = self.link.port if self.link else upstream.port
        self.settings["primary_conninfo"] = f"host=127.0.0.1 port={port} user=postgres application_name={self.name}"
        if self.running():
            self.set()

    def running(self):
        return (self.data / "postmaster.pid").exists()

    def feed_url(self, port=None):
        """What a change feed connects with: REPLICATION, and no superuser."""
        return self.url(port, FEED_LOGIN, FEED_PASSWORD)

    def superuser_url(self, port=None):
        return f"postgresql://postgres@127.0.0.1:{port or self.port}/postgres"

    def destroy(self):
        ALIVE.discard(self)
        if self.link is not None:
            self.link.close()
        if self.running():
            with contextlib.suppress(OSError, ValueError, IndexError):
                self.resume()
        super().destroy()

    # Positions ---------------------------------------------------------------------------------------

    def lsn(self, which="flush"):
        """`flush` and `insert` of a primary, `replay` and `receive` of a replica; 0 where there is none yet."""
        function = {"flush": "pg_current_wal_flush_lsn", "insert": "pg_current_wal_insert_lsn",
                    "replay": "pg_last_wal_replay_lsn", "receive": "pg_last_wal_receive_lsn"}[which]
        return int(self.value(f"select coalesce({function}() - '0/0', 0)"))

    def in_recovery(self):
        return self.value("select pg_is_in_recovery()")

    def system_id(self):
        return int(self.value("select system_identifier from pg_control_system()"))

    def identify(self):
        """(system identifier, timeline, position) as replication clients are told."""
        return self._replication("IDENTIFY_SYSTEM")[0][:3]

    def timeline(self):
        return int(self.identify()[1])

    def history(self):
        """[(timeline, LSN where it ended)] of this server's ancestors, oldest first."""
        timeline = self.timeline()
        if timeline == 1:
            return []
        text = self._replication(f"TIMELINE_HISTORY {timeline}")[0][1]
        text = text if isinstance(text, str) else bytes(text).decode("ascii")
        fields = [line.split("\t") for line in text.splitlines() if line.strip()]
        return [(int(one[0]), lsn_number(one[1])) for one in fields]

    def _replication(self, command):
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, dbname="postgres", user="postgres",
                                      connect_timeout=10,
                                      connection_factory=psycopg2.extras.PhysicalReplicationConnection)
        try:
            with connection.cursor() as cursor:
                cursor.execute(command)
                return cursor.fetchall()
        finally:
            connection.close()

    def slots(self):
        """{name: {active, active_pid, wal_status, restart, confirmed}}"""
        rows = self.execute("select slot_name, active, active_pid, wal_status, restart_lsn - '0/0',"
                            " confirmed_flush_lsn - '0/0' from pg_replication_slots")
        return {row[0]: {"active": row[1], "active_pid": row[2], "wal_status": row[3],
                         "restart": row[4] and int(row[4]), "confirmed": row[5] and int(row[5])} for row in rows}

    def followers(self):
        """{application_name: sync_state} of what streams from this server now."""
        return dict(self.execute("select application_name, sync_state from pg_stat_replication"
                                 " where state = 'streaming'"))

    # Replay ------------------------------------------------------------------------------------------

    def wait_replayed(self, lsn, limit=30):
        wait_until(lambda: self.lsn("replay") >= lsn, limit, f"{self.name} has replayed {lsn_text(lsn)}")

    def wait_received(self, lsn, limit=30):
        wait_until(lambda: self.lsn("receive") >= lsn, limit, f"{self.name} has received {lsn_text(lsn)}")

    def pause_replay(self):
        self.execute("select pg_wal_replay_pause()")
        wait_until(lambda: self.value("select pg_get_wal_replay_pause_state()") == "paused", 10, "replay is paused")

    def resume_replay(self):
        self.execute("select pg_wal_replay_resume()")

    def crash(self):
        """Stops at once, as by a power cut, and starts again."""
        self.stop("immediate")
        self.start()
        self.wait_for()

    def promote(self, limit=30):
        """Makes this standby the primary; returns (the new timeline, the switch point)."""
        assert self.value("select pg_promote(true, %s)", (limit,)), "pg_promote timed out"
        wait_until(lambda: not self.in_recovery(), limit, "the promoted server takes writes")
        return self.timeline(), self.history()[-1][1]


class Site:
    """Site(standby=True, replicas={"r1": {}, "slow": {"delay": "2s", "gate": True}}) starts and stops them all.

    standby   a replica that may be made synchronous (synchronous()) and promoted
    replicas  name → gate=True: a Gate between it and the primary; delay: recovery_min_apply_delay;
              anything else is a setting of that server
    fsync     left out: off, since nothing here cuts the power
    """

    def __init__(self, standby=False, replicas=None, standby_gate=False, schema=SCHEMA, fsync=False, **settings):
        template = template_for(schema)
        self.settings = {**settings, **({"fsync": "on", "full_page_writes": "on"} if fsync else {})}
        self.servers = []
        wanted = {name: dict(more) for name, more in (replicas or {}).items()}
        if standby:
            wanted = {"standby": {"gate": standby_gate}, **wanted}
        try:
            self.primary = self._server("primary", {})
            self.primary.copy_of(template)
            followers = []
            for name, more in wanted.items():  # a copy of the stopped template: it streams from there on
                follower = self._follower(name, **more)
                follower.copy_of(template)
                (follower.data / "standby.signal").touch()
                followers.append(follower)
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                list(pool.map(Server.start, [self.primary, *followers]))
            for name in wanted:
                wait_until(lambda one=name: one in self.primary.followers(), 20, f"{name} streams")
        except BaseException:
            self.close()
            raise
        self.standby = self["standby"] if standby else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __getitem__(self, name):
        return next(server for server in self.servers if server.name == name)

    def _server(self, name, settings):
        server = Server(name, {**self.settings, **settings})
        self.servers.append(server)
        return server

    def _follower(self, name, upstream=None, gate=False, delay=None, **settings):
        if delay is not None:
            settings["recovery_min_apply_delay"] = delay
        server = self._server(name, settings)
        server.follow(upstream or self.primary, gate)
        return server

    def add_replica(self, name, upstream=None, gate=False, delay=None, **settings):
        """One more, from a base backup of the running primary."""
        server = self._follower(name, upstream, gate, delay, **settings)
        server.base_backup_of(server.upstream)
        (server.data / "standby.signal").touch()
        server.start()
        wait_until(lambda: name in server.upstream.followers(), 20, f"{name} streams")
        return server

    def remove(self, server):
        self.servers.remove(server)
        server.destroy()

    def synchronous(self, names="standby", commit="on"):
        """COMMIT waits for these standbys from now on ("" for none); `commit` is the default synchronous_commit."""
        self.primary.set(synchronous_standby_names=names, synchronous_commit=commit)
        if names:
            wait_until(lambda: "sync" in self.primary.followers().values(), 20, f"{names} is synchronous")
        else:
            wait_until(lambda: "sync" not in self.primary.followers().values(), 20, "nothing is synchronous")

    def failover(self, to=None, stop="immediate"):
        """Stops the primary (None leaves it running: a zombie) and promotes `to`; what followed the old one stays
        with it until repoint(). Returns (the new timeline, the switch point)."""
        to = to or self.standby
        if stop:
            self.primary.stop(stop)
        outcome = to.promote()
        self.primary = to
        return outcome

    def repoint(self, server, to=None):
        server.follow(to or self.primary)

    def caught_up(self, limit=30):
        """Every follower that streams has replayed what the primary has written by now."""
        lsn = self.primary.lsn("flush")
        for name in self.primary.followers():
            with contextlib.suppress(StopIteration):
                self[name].wait_replayed(lsn, limit)
        return lsn

    def close(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(Server.destroy, self.servers))
        self.servers.clear()


# One initdb per schema and run; everything else is a copy of it -----------------------------------------

ALIVE = set()
TEMPLATES = {}


def template_for(schema):
    """The data directory of a stopped primary that holds `schema`."""
    if schema not in TEMPLATES:
        server = Server("template", {})
        server.initialise()
        server.start()
        if schema:
            server.execute(pathlib.Path(schema).read_text(encoding="utf-8"))
        server.execute("checkpoint")
        server.stop()
        TEMPLATES[schema] = server
    return TEMPLATES[schema].data


@atexit.register
def _leave_nothing():
    for server in list(ALIVE):
        with contextlib.suppress(Exception):
            server.destroy()
        shutil.rmtree(server.directory, ignore_errors=True)


def stop_on_sigterm():
    """For SIGTERM: ends the run as ^C does, so that servers are stopped. A main thread that waits inside libpq
    does not see a signal, so another one ends the servers under it."""
    def terminated(*_):
        raise KeyboardInterrupt

    def watch():
        while data := os.read(reading, 1):
            if data[0] == signal.SIGTERM:
                for server in list(ALIVE):
                    with contextlib.suppress(OSError, ValueError, IndexError):
                        os.kill(server.postmaster, signal.SIGQUIT)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.signal(signal.SIGTERM, terminated)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=watch, daemon=True).start()
