"""A small server that follows the rules of positions, and variants that each break one: what the checker must tell
apart. Threads and psycopg2; speed is not its point, being read in one sitting is."""

import collections
import contextlib
import math
import multiprocessing
import re
import select
import socket
import threading
import time

import psycopg2
import psycopg2.errors
import psycopg2.extras
from support import token as tokens
from support.history import Pgoutput
from support.load import forget_parent
from support.ports import free_port
from support.wait import wait_until

# Each leaves out one rule; "correct" leaves out none.
VARIANTS = {
    "correct": "every rule is kept",
    "lsn_in_statement": "a replica's LSN is read by the statement that reads the data",
    "lsn_after_snapshot": "a replica's LSN is read after the data, in one REPEATABLE READ transaction",
    "start_for_end": "a commit is stamped with the START of its record",
    "flush_without_snapshot": "as_of of a primary read is the flush LSN, whatever the snapshot shows",
    "cache_aside": "a write deletes the key, a miss fills it, a hit is served",
    "primary_at_once": "a primary read that carries a token goes out without a look at its snapshot",
    "position_is_as_of": "the client's token after a read is as_of instead of hi",
}

MAX_STALENESS_S = 5.0
REPLICA_WAIT_S = 0.15
FILL_WAIT_S = 1.0
PRIMARY_WAIT_S = 1.0
HEARTBEAT_S = 0.05
PENDING = 100_000

Entry = collections.namedtuple("Entry", "body as_of hi")
Commit = collections.namedtuple("Commit", "start end xid")


class Feed:
    """Stamps, watermark and samples: one thread reads a slot, one beats."""

    def __init__(self, model):
        self.model = model
        self.stamps = collections.defaultdict(int)  # row → END
        self.table = 0
        self.watermark = 0
        self.floor = 0
        self.pending = collections.deque(maxlen=PENDING)
        self.samples = collections.deque(maxlen=10_000)  # (when, insert LSN)
        self.moved = threading.Condition()
        self._sample()
        for work in (self._read, self._beat):
            threading.Thread(target=work, daemon=True).start()

    def _sample(self):
        connection = psycopg2.connect(self.model.primary)
        connection.autocommit = True
        self.beat = connection
        with connection.cursor() as cursor:
            at = time.monotonic()
            cursor.execute("select (pg_current_wal_insert_lsn() - '0/0')::bigint")
            self.samples.append((at, cursor.fetchone()[0]))

    def _beat(self):
        while True:
            with self.beat.cursor() as cursor:
                cursor.execute("select pg_logical_emit_message(true, 'model', '')")
                at = time.monotonic()
                cursor.execute("select (pg_current_wal_insert_lsn() - '0/0')::bigint")
                self.samples.append((at, cursor.fetchone()[0]))
            time.sleep(HEARTBEAT_S)

    def _read(self):
        connection = psycopg2.connect(self.model.primary,
                                      connection_factory=psycopg2.extras.LogicalReplicationConnection)
        cursor = connection.cursor()
        cursor.create_replication_slot(self.model.slot, output_plugin="pgoutput")
        self.floor = _lsn(cursor.fetchone()[1])
        cursor.start_replication(self.model.slot, options={"proto_version": "1", "publication_names": "truth",
                                                           "messages": "true"})
        decoder = Pgoutput()
        while True:
            message = cursor.read_message()
            if message is None:
                self._advance(cursor.wal_end)  # nothing of it is on its way any more
                select.select([connection], [], [], 1.0)
                continue
            commit = decoder.feed(message.payload)
            if commit is not None:
                self._stamp(commit)
                self._advance(commit.end)
                cursor.send_feedback(flush_lsn=commit.end)

    def _stamp(self, commit):
        position = commit.start if self.model.variant == "start_for_end" else commit.end
        self.pending.append(Commit(commit.start, commit.end, commit.xid))
        for table, _, new, old in commit.changes:
            if table == "api.counters":
                for row in (new, old):
                    if row is not None:
                        self.stamps[int(row["id"])] = position
                self.table = position

    def _advance(self, lsn):
        if lsn > self.watermark:
            with self.moved:
                self.watermark = lsn
                self.moved.notify_all()

    def reaches(self, lsn, limit):
        with self.moved:
            return self.moved.wait_for(lambda: self.watermark >= lsn, limit)

    def ago(self, seconds):
        """What the primary had at least to say `seconds` ago."""
        since = time.monotonic() - seconds
        for when, lsn in self.samples:
            if when >= since:
                return lsn
        return self.samples[-1][1]

    def age(self, position):
        """Seconds behind the primary of something that contains `position`."""
        for when, lsn in reversed(self.samples):
            if lsn <= position:
                return max(0, math.ceil(time.monotonic() - when))
        return 3600

    def visible_before(self, flush, snapshot):
        """The greatest position below which this snapshot shows every commit."""
        xmin, xmax, running = snapshot.split(":")
        xmin, xmax, running = int(xmin), int(xmax), set(map(int, filter(None, running.split(","))))
        position = flush
        for commit in self.pending:
            if commit.end <= flush:
                xid = (xmax & ~0xFFFFFFFF) | commit.xid
                if not (xid < xmin or (xid < xmax and xid not in running)):
                    position = min(position, commit.start)
        return position


def _lsn(text):
    high, low = text.split("/")
    return int(high, 16) << 32 | int(low, 16)


class Model:
    def __init__(self, variant, primary, replica=None, cached=True):
        assert variant in VARIANTS
        self.variant, self.primary, self.replica, self.cached = variant, primary, replica, cached
        self.slot = f"model_{variant}"
        self.cache = {}
        self.lock = threading.Lock()
        self.local = threading.local()
        with contextlib.closing(psycopg2.connect(primary)) as connection, connection.cursor() as cursor:
            cursor.execute("select system_identifier from pg_control_system()")
            self.system_id = int(cursor.fetchone()[0])
        self.feed = Feed(self)

    # Sources -----------------------------------------------------------------------------------------

    def _cursor(self, url):
        connection = getattr(self.local, url, None)
        if connection is None:
            connection = psycopg2.connect(url)
            connection.autocommit = True
            setattr(self.local, url, connection)
        return connection.cursor()

    DATA = "select coalesce(json_agg(json_build_object('id', id, 'n', n) order by id), '[]')::text from api.counters"

    def from_replica(self, key, where, required):
        """An Entry that covers `required`, polling for a while; or None."""
        replay = "(pg_last_wal_replay_lsn() - '0/0')::bigint"
        both = f"greatest({replay}, (pg_last_wal_receive_lsn() - '0/0')::bigint)"
        end = time.monotonic() + REPLICA_WAIT_S
        while True:
            with self._cursor(self.replica) as cursor:
                if self.variant == "lsn_in_statement":
                    cursor.execute(f"select ({self.DATA} {where}), {replay}")
                    body, as_of = cursor.fetchone()
                elif self.variant == "lsn_after_snapshot":
                    cursor.execute("begin isolation level repeatable read")
                    cursor.execute(f"{self.DATA} {where}")
                    body = cursor.fetchone()[0]
                    cursor.execute(f"select {replay}")
                    as_of = cursor.fetchone()[0]
                    cursor.execute("commit")
                else:
                    cursor.execute(f"select {replay}")
                    as_of = cursor.fetchone()[0]
                    cursor.execute(f"{self.DATA} {where}")
                    body = cursor.fetchone()[0]
                cursor.execute(f"select {both}")
                entry = Entry(body, as_of, cursor.fetchone()[0])
                self._fill(key, entry)  # even when it is too old for this request
                if as_of >= required:
                    return entry
            if time.monotonic() > end:
                return None

    def from_primary(self, where):
        """(body, hi, a function that says as_of, or None if it cannot be known)"""
        with self._cursor(self.primary) as cursor:
            cursor.execute("select (pg_current_wal_flush_lsn() - '0/0')::bigint, pg_current_snapshot()::text")
            flush, snapshot = cursor.fetchone()
            cursor.execute(f"{self.DATA} {where}")
            body = cursor.fetchone()[0]
            cursor.execute("select (pg_current_wal_insert_lsn() - '0/0')::bigint")
            hi = cursor.fetchone()[0]

        def as_of():
            if not self.feed.reaches(hi, FILL_WAIT_S):
                return None
            if self.variant == "flush_without_snapshot":
                return flush
            return self.feed.visible_before(flush, snapshot)
        as_of.flush, as_of.snapshot = flush, snapshot
        return body, hi, as_of

    def from_primary_at(self, where, token):
        """As above, when the snapshot shows everything up to `token`: a replica may have shown it already."""
        end = time.monotonic() + PRIMARY_WAIT_S
        while True:
            body, hi, as_of = self.from_primary(where)
            if not token or self.variant == "primary_at_once":
                return body, hi, as_of
            self.feed.reaches(token, PRIMARY_WAIT_S)
            if self.feed.visible_before(as_of.flush, as_of.snapshot) >= token or time.monotonic() > end:
                return body, hi, as_of

    def write(self, sql, parameters, row):
        with self._cursor(self.primary) as cursor:
            cursor.execute(sql, parameters)
            cursor.execute("select (pg_current_wal_flush_lsn() - '0/0')::bigint")
            lsn = cursor.fetchone()[0]
        if self.variant == "cache_aside":
            with self.lock:
                for key in [one for one in self.cache if one[0] <= row < one[1]]:
                    del self.cache[key]
        return lsn

    # The rule ----------------------------------------------------------------------------------------

    def read(self, low, high, required, critical, token):
        """(body, source, position, age)"""
        where = f"where id >= {low} and id < {high}"
        key = (low, high)
        if not critical and self.cached:
            entry = self.cache.get(key)
            if entry is not None:
                if self.variant == "cache_aside":
                    return entry.body, "memory", max(entry.hi, required), 5
                watermark = self.feed.watermark  # before the stamps
                stamp = self.feed.stamps[low] if high == low + 1 else self.feed.table
                fresh = watermark >= required and max(stamp, self.feed.floor) <= entry.as_of
                if entry.as_of >= required or fresh:
                    age = self.feed.age(max(entry.as_of, watermark if fresh else 0))
                    return entry.body, "memory", self._position(entry.hi, entry.as_of), age
        if not critical and self.replica:
            found = self.from_replica(key, where, 0 if self.variant == "cache_aside" else required)
            if found is not None:
                body, as_of, hi = found
                return body, "replica;name=r1", self._position(hi, as_of), self.feed.age(as_of)
        body, hi, as_of = self.from_primary_at(where, token)
        if self.cached:
            threading.Thread(target=self._fill_later, args=(key, body, hi, as_of), daemon=True).start()
        return body, "primary", hi, None

    def _position(self, hi, as_of):
        return as_of if self.variant == "position_is_as_of" else hi

    def _fill_later(self, key, body, hi, as_of):
        position = as_of()
        if position is not None:
            self._fill(key, Entry(body, position, hi))

    def _fill(self, key, entry):
        if not self.cached:
            return
        with self.lock:
            before = self.cache.get(key)
            if before is None or before.as_of < entry.as_of or self.variant == "cache_aside":
                self.cache[key] = entry

    # HTTP --------------------------------------------------------------------------------------------

    REQUEST = re.compile(rb"(\w+) /counters\??(\S*) HTTP")

    def answer(self, head, body):
        """The bytes of the response."""
        method, query = self.REQUEST.match(head).groups()
        token = re.search(rb"\r\nLintas-Position: (\S+)", head)
        token = tokens.decode(token.group(1))[2] if token else 0
        if method == b"GET":
            bound = 1.0 if b"max-age=1\r" in head else MAX_STALENESS_S
            required = max(token, self.feed.ago(bound))
            eq, low, high = (re.search(pattern, query) for pattern in (rb"id=eq\.(\d+)", rb"gte\.(\d+)", rb"lt\.(\d+)"))
            low, high = (int(eq[1]), int(eq[1]) + 1) if eq else (int(low[1]), int(high[1]))
            critical = b"\r\nLintas-Consistency: critical" in head
            text, source, position, age = self.read(low, high, required, critical, token)
            return self._response(200, text.replace(" ", "").encode("ascii"), max(position, token), source, age)
        value = re.search(rb'"n":(\d+)', body)
        row = int(re.search(rb"id=eq\.(\d+)", query)[1] if query else re.search(rb'"id":(\d+)', body)[1])
        if method == b"DELETE":
            lsn = self.write("delete from api.counters where id = %s", (row,), row)
        elif method == b"PATCH":
            lsn = self.write("update api.counters set n = %s where id = %s", (int(value[1]), row), row)
        else:
            lsn = self.write("insert into api.counters values (%s, %s) on conflict (id) do update set n = excluded.n",
                             (row, int(value[1])), row)
        return self._response(204, b"", max(lsn, token), "primary", None)

    def _response(self, status, body, position, source, age):
        lines = [f"HTTP/1.1 {status} OK", f"Content-Length: {len(body)}", f"Lintas-Source: {source}",
                 f"Lintas-Position: {tokens.encode(self.system_id, 1, position)}"]
        if age is not None:
            lines.append(f"Age: {age}")
        return "\r\n".join([*lines, "", ""]).encode("ascii") + body

    def converse(self, client):
        buffer = b""
        with contextlib.suppress(OSError, psycopg2.OperationalError):
            while True:
                while b"\r\n\r\n" not in buffer:
                    data = client.recv(65536)
                    if not data:
                        return
                    buffer += data
                head, buffer = buffer.split(b"\r\n\r\n", 1)
                length = re.search(rb"\r\nContent-Length: (\d+)", head)
                length = int(length[1]) if length else 0
                while len(buffer) < length:
                    buffer += client.recv(65536)
                body, buffer = buffer[:length], buffer[length:]
                client.sendall(self.answer(head + b"\r\n", body))

    def serve(self, port):
        listener = socket.create_server(("127.0.0.1", port), backlog=128)
        while True:
            client, _ = listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.converse, args=(client,), daemon=True).start()


@contextlib.contextmanager
def running(variant, primary, replica=None, cached=True):
    """A model in a process of its own; yields its port."""
    port = free_port()

    def work():
        forget_parent()
        model = Model(variant, primary, replica, cached)
        wait_until(lambda: model.feed.watermark > 0 and model.feed.floor > 0, 10, "the feed is there")
        model.serve(port)

    def listens():
        assert process.is_alive(), f"the model ended with {process.exitcode}"
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        return False
    process = multiprocessing.get_context("fork").Process(target=work, daemon=True)
    process.start()
    try:
        wait_until(listens, 15, f"the model {variant} listens")
        yield port
    finally:
        process.kill()
        process.join(10)
