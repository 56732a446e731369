"""PgBouncer in front of a server, as people run it: transaction pooling."""

import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile

from .ports import free_port
from .wait import wait_until


class PgBouncer:
    """Clients log in with `user` and `password`, and so does it on the server."""

    def __init__(self, server, user, password, pool=8):
        self.port = free_port()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="lintas-bouncer-"))
        (self.directory / "users.txt").write_text(f'"{user}" "{password}"\n', encoding="utf-8")
        (self.directory / "bouncer.ini").write_text(f"""
[databases]
postgres = host=127.0.0.1 port={server.port} dbname=postgres user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = plain
auth_file = {self.directory}/users.txt
pool_mode = transaction
default_pool_size = {pool}
max_client_conn = 200
ignore_startup_parameters = extra_float_digits,options
logfile = {self.directory}/log
""", encoding="utf-8")
        command = [shutil.which("pgbouncer") or "/usr/sbin/pgbouncer", "-q", str(self.directory / "bouncer.ini")]
        if os.geteuid() == 0:
            entry = pwd.getpwnam("postgres")
            for path in [self.directory, *self.directory.iterdir()]:
                os.chown(path, entry.pw_uid, entry.pw_gid)
        who = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **who)
        wait_until(self._listens, 10, "PgBouncer listens")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        finally:
            self.process.kill()
            shutil.rmtree(self.directory, ignore_errors=True)

    def _listens(self):
        assert self.process.poll() is None, (self.directory / "log").read_text(encoding="utf-8")
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True
        except OSError:
            return False
