"""A PostgreSQL server of the tests' own: made in a temporary directory, thrown away afterwards."""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

import psycopg2
import psycopg2.extras

from .ports import free_port
from .wait import wait_until

BINARIES = pathlib.Path(os.environ.get("PG_BINDIR", "/usr/lib/postgresql/15/bin"))
LOGIN = "authenticator"
PASSWORD = "hush-hush-authenticator"  # as in schema.sql; tests look for it in logs and answers

# Safety against a power cut is not what these tests are about.
SETTINGS = """
listen_addresses = '127.0.0.1'
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
timezone = 'UTC'
lc_messages = 'C'
log_line_prefix = '%m [%p] %u '
log_statement = none
"""

# The superuser comes without a password, everybody else with one: the daemon has to authenticate.
HBA = """
local all postgres trust
host  all postgres 127.0.0.1/32 trust
host  all all      127.0.0.1/32 scram-sha-256
"""


class Postgres:
    """Owner of one server process. Call start(), and stop() or destroy() in the end."""

    def __init__(self, settings="", schema=None):
        self.root = os.geteuid() == 0
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="lintas-pg-"))
        self.data = self.directory / "data"
        self.port = free_port()
        if self.root:
            entry = pwd.getpwnam("postgres")
            os.chown(self.directory, entry.pw_uid, entry.pw_gid)
        self._run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(SETTINGS)
            file.write(f"port = {self.port}\nunix_socket_directories = '{self.directory}'\n{settings}\n")
        (self.data / "pg_hba.conf").write_text(HBA, encoding="utf-8")
        try:
            self.start()
            if schema:
                self.execute(pathlib.Path(schema).read_text(encoding="utf-8"))
        except BaseException:
            self.destroy()
            raise

    def _run(self, program, *arguments):
        command = [str(BINARIES / program), *map(str, arguments)]
        if self.root:
            command = ["runuser", "-u", "postgres", "--", *command]
        return subprocess.run(command, check=True, cwd=self.directory, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def start(self):
        self._run("pg_ctl", "-D", self.data, "-l", self.directory / "log", "-w", "-t", "60", "start")

    def stop(self, mode="fast"):
        """Modes as pg_ctl has them; `immediate` is the crash."""
        self._run("pg_ctl", "-D", self.data, "-m", mode, "-w", "-t", "60", "stop")

    def restart(self, mode="fast"):
        self.stop(mode)
        self.start()

    def destroy(self):
        if (self.data / "postmaster.pid").exists():
            with contextlib.suppress(subprocess.CalledProcessError, OSError):
                self.resume()
                self.stop("immediate")
        shutil.rmtree(self.directory, ignore_errors=True)

    def url(self, port=None, user=LOGIN, password=PASSWORD, extra=""):
        """What a daemon connects with; `port` of a Gate in front of the server."""
        return f"postgresql://{user}:{password}@127.0.0.1:{port or self.port}/postgres{extra}"

    def connect(self, user="postgres", password=None):
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, dbname="postgres", user=user,
                                      password=password, connect_timeout=10)
        connection.autocommit = True
        return connection

    def execute(self, sql, parameters=None):
        """Runs as the superuser on a connection of its own; rows, or None when there are none."""
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    def value(self, sql, parameters=None):
        return self.execute(sql, parameters)[0][0]

    def psql(self, sql):
        """Bytes exactly as psql prints them, without its last newline."""
        command = [str(BINARIES / "psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-XAtqc", sql,
                   "postgres"]
        done = subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        return done.stdout.removesuffix(b"\n")

    # Faults ------------------------------------------------------------------------------------------

    @property
    def postmaster(self):
        return int((self.data / "postmaster.pid").read_text(encoding="ascii").split()[0])

    def processes(self):
        """The postmaster first, then every child of it."""
        children = pathlib.Path(f"/proc/{self.postmaster}/task/{self.postmaster}/children").read_text(encoding="ascii")
        return [self.postmaster, *map(int, children.split())]

    def freeze(self):
        """The whole server stops answering, as behind a hung disk; connections stay open."""
        for pid in self.processes():
            os.kill(pid, signal.SIGSTOP)

    def resume(self):
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass

    def backends(self, user=LOGIN):
        """(pid, state, query) of the sessions that `user` logged in with."""
        return self.execute("select pid, state, query from pg_stat_activity where usename = %s", (user,))

    def terminate_backends(self, user=LOGIN):
        """Ends these sessions and waits until they are gone; how many there were."""
        gone = self.execute("select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = %s", (user,))
        return len(gone)

    def crash_backend(self, user=LOGIN):
        """kill -9 of one session: the postmaster restarts every other process, as after a real crash."""
        pid = self.backends(user)[0][0]
        os.kill(pid, signal.SIGKILL)

    def wait_for(self, limit=30):
        def answers():
            try:
                return self.value("select 1")
            except psycopg2.OperationalError:
                return None
        wait_until(answers, limit, "PostgreSQL answers")

    def log(self):
        return (self.directory / "log").read_text(encoding="utf-8", errors="replace")
