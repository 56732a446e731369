"""What happened: records of answers and writes, and the truth they are judged by, read from a logical slot."""

import collections
import contextlib
import struct
import time

now = time.monotonic  # CLOCK_MONOTONIC: one clock for every process of this machine

# One answer about one row. `value` -1: "not found". `token`: the greatest LSN of the tokens sent, 0 for none.
# `bound`: seconds the answer may be behind by what was asked (0: critical). `position`: Lintas-Position of the
# answer, 0 when it had none. `age`: -1 when there was no Age. Sessions that do not carry their tokens are 0.
Answer = collections.namedtuple(
    "Answer", "session row value timeline token bound position_timeline position source age status sent received")
ANSWER = struct.Struct("<IIqIQdIQBiHdd")

# One write: it set `row` to `value` (-1: deleted it). outcome: ACKED, UNKNOWN (no answer came) or REFUSED
# (nothing was applied). `flags`: ASYNC when the commit was allowed to be lost by a crash.
Write = collections.namedtuple("Write", "session row value timeline token outcome flags invoked answered")
WRITE = struct.Struct("<IIqIQBBdd")

ACKED, UNKNOWN, REFUSED = 1, 2, 3
ASYNC = 1
GONE = -1
SOURCES = ("none", "memory", "redis", "replica", "primary", "link")


def source_number(header):
    """Of a Lintas-Source header: 0 when there is none."""
    first = header.split(";")[0].split(",")[0].strip() if header else "none"
    return SOURCES.index(first)


class Log:
    """Records of one kind in a file, appended by one process and read when it is done."""

    def __init__(self, path, layout):
        self.file = open(path, "ab")  # pylint: disable=consider-using-with
        self.pack, self.parts, self.size = layout.pack, [], 0

    def add(self, *record):
        self.parts.append(self.pack(*record))
        if len(self.parts) >= 4096:
            self.flush()

    def flush(self):
        self.file.write(b"".join(self.parts))
        self.file.flush()
        self.parts.clear()

    def close(self):
        self.flush()
        self.file.close()


def records(paths, layout):
    """Every record of these files as plain tuples, file after file."""
    for path in paths:
        with open(path, "rb") as file:
            while chunk := file.read(layout.size * 8192):
                yield from layout.iter_unpack(chunk[:len(chunk) - len(chunk) % layout.size])


def answers_of(paths):
    return records(paths, ANSWER)


def writes_of(paths):
    return records(paths, WRITE)


# The feed log --------------------------------------------------------------------------------------------

# One commit: START and END of its commit record, the top-level xid, the timeline it was written on, and
# [(table, kind, new row, old key)] with kind one of insert, update, delete, truncate.
Commit = collections.namedtuple("Commit", "start end xid timeline changes messages")


class Pgoutput:
    """Decoder of proto_version 1; feed() takes one message and returns a Commit at the end of each."""

    KINDS = {b"I": "insert", b"U": "update", b"D": "delete"}

    def __init__(self, timeline=1):
        self.timeline = timeline
        self.relations = {}
        self._begin()

    def _begin(self, start=0, xid=0):
        self.start, self.xid, self.changes, self.messages = start, xid, [], []

    def feed(self, data):
        kind = data[:1]
        if kind == b"B":
            start, _, xid = struct.unpack_from(">QqI", data, 1)
            self._begin(start, xid)
        elif kind == b"C":
            start, end = struct.unpack_from(">QQ", data, 2)
            assert start == self.start, "a commit that did not begin"
            return Commit(start, end, self.xid, self.timeline, self.changes, self.messages)
        elif kind == b"R":
            self._relation(data)
        elif kind in self.KINDS:
            oid, = struct.unpack_from(">I", data, 1)
            name, columns = self.relations[oid]
            at, old, new = 5, None, None
            if data[at:at + 1] in (b"K", b"O"):
                old, at = self._tuple(data, at + 1, columns)
            if kind != b"D":
                new, at = self._tuple(data, at + 1, columns)
            self.changes.append((name, self.KINDS[kind], new, old))
        elif kind == b"T":
            count, = struct.unpack_from(">I", data, 1)
            for oid in struct.unpack_from(f">{count}I", data, 6):
                self.changes.append((self.relations[oid][0], "truncate", None, None))
        elif kind == b"M":
            prefix, at = self._string(data, 10)
            size, = struct.unpack_from(">I", data, at)
            self.messages.append((prefix, data[at + 4:at + 4 + size]))
        return None

    @staticmethod
    def _string(data, at):
        end = data.index(b"\0", at)
        return data[at:end].decode("utf-8"), end + 1

    def _relation(self, data):
        oid, = struct.unpack_from(">I", data, 1)
        schema, at = self._string(data, 5)
        table, at = self._string(data, at)
        count, = struct.unpack_from(">H", data, at + 1)
        at, columns = at + 3, []
        for _ in range(count):
            name, at = self._string(data, at + 1)
            columns.append(name)
            at += 8
        self.relations[oid] = (f"{schema}.{table}", columns)

    @staticmethod
    def _tuple(data, at, columns):
        count, = struct.unpack_from(">H", data, at)
        at, row = at + 2, {}
        for column in columns[:count]:
            kind = data[at:at + 1]
            at += 1
            if kind == b"t":
                size, = struct.unpack_from(">I", data, at)
                row[column] = data[at + 4:at + 4 + size].decode("utf-8")
                at += 4 + size
            elif kind == b"n":
                row[column] = None
        return row, at


class Truth:
    """Every commit that changed the watched table since the beginning, in commit order.

    Reads a logical slot of its own by SQL, so nothing is lost when a test is slow or the server crashes.
    drain() takes what is there; a run of many minutes calls it now and then so that WAL can go.
    """

    def __init__(self, server, table="api.counters", key="id", value="n", publication="truth", slot="truth"):
        self.table, self.key, self.value = table, key, value
        self.publication, self.slot = publication, slot
        self.commits = []
        self.history = []  # [(timeline, LSN where it ended)], oldest first
        self._attach(server)
        self.initial = {int(k): int(v) for k, v in server.execute(f"select {key}, {value} from {table}")}

    def _attach(self, server):
        self.server, self.timeline, self.seen = server, server.timeline(), 0
        server.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", (self.slot,))

    def follow(self, server):
        """After a promotion, before anybody writes to `server`: the truth goes on there."""
        self._attach(server)
        self.history = server.history()

    def drain(self, publications=None):
        """Everything that was committed and flushed when this was called is in commits afterwards."""
        target = self.server.lsn("flush")
        decoder = Pgoutput(self.timeline)
        while True:
            rows = self.server.execute(
                "select data, lsn - '0/0' from pg_logical_slot_get_binary_changes(%s, %s::pg_lsn, 20000,"
                " 'proto_version', '1', 'publication_names', %s)",
                (self.slot, f"{target >> 32:X}/{target & 0xFFFFFFFF:X}", publications or self.publication))
            if not rows:
                return self
            decoder.relations.clear()  # every call describes its tables again
            for data, _ in rows:
                commit = decoder.feed(bytes(data))
                if commit and commit.end > self.seen:  # after a crash a slot repeats some
                    self.commits.append(commit)
                    self.seen = commit.end

    def drop(self):
        with contextlib.suppress(Exception):
            self.server.execute("select pg_drop_replication_slot(%s)", (self.slot,))

    def versions(self):
        """(row, value, START, END, timeline) in commit order; value GONE for a deletion. A row that one commit
        changed several times has the last value only: nothing else was ever visible."""
        for commit in self.commits:
            last = {}
            for table, kind, new, old in commit.changes:
                if table != self.table:
                    continue
                if kind == "truncate":
                    for row in self._rows_before():
                        last[row] = GONE
                    continue
                if old is not None and (new is None or old.get(self.key) != new[self.key]):
                    last[int(old[self.key])] = GONE
                if new is not None:
                    last[int(new[self.key])] = int(new[self.value])
            for row, value in last.items():
                yield row, value, commit.start, commit.end, commit.timeline

    def _rows_before(self):
        rows = set(self.initial)
        for commit in self.commits:
            rows.update(int(new[self.key]) for table, _, new, _ in commit.changes
                        if table == self.table and new is not None)
        return rows

