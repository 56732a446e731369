"""Load that is written down: many sessions read and bump counters over raw sockets, in several processes."""

import bisect
import dataclasses
import itertools
import multiprocessing
import os
import pathlib
import random
import re
import select
import socket
import traceback

from . import token as tokens
from .checker import Checker
from .history import (ACKED, ANSWER, GONE, REFUSED, UNKNOWN, WRITE, Log, answers_of, now, source_number, writes_of)

# Shares of what a session does next. `session` carries the session's token, `eventual` and `bounded`
# (max-age=1) carry none, `critical` carries it too.
MIX = {"session": 60, "eventual": 14, "bounded": 10, "critical": 3, "range": 5, "write": 8}
RANGE = 5           # rows of one `range` answer, which depends on the whole table
PAIR = re.compile(rb'"id":(\d+),"n":(-?\d+)')
RETRY_S = 0.05
PROBE = 512         # operations between two looks at the stop flag


@dataclasses.dataclass
class Plan:
    """What to do. Everything but the timing follows from the seed."""

    ports: list
    directory: pathlib.Path
    seed: int = 1
    processes: int = 1
    sessions: int = 16          # of each process; one connection each
    rows: int = 500
    zipf: float = 0.9           # 0: uniform
    seconds: float = 5.0
    count: int = 0              # answers of each process, when not 0: `seconds` is then only the limit
    mix: dict = dataclasses.field(default_factory=lambda: dict(MIX))
    deletes: float = 0.05       # share of the writes that delete; the next write puts the row back
    max_staleness: float = 5.0
    answer_limit: float = 15.0  # no answer for so long: the connection is given up
    write_flags: int = 0
    path: str = "/counters"
    headers: dict = dataclasses.field(default_factory=dict)
    values: dict = dataclasses.field(default_factory=dict)  # row → greatest value so far (0)
    missing: set = dataclasses.field(default_factory=set)   # rows that are not there


class Load:
    """start(), then join() or stop(), then report()."""

    def __init__(self, *ports, directory, **more):
        self.plan = Plan(list(ports), pathlib.Path(directory), **more)
        self.plan.directory.mkdir(parents=True, exist_ok=True)
        context = multiprocessing.get_context("fork")
        self.answered = context.RawArray("q", self.plan.processes)
        self.flag = context.RawValue("b", 0)
        self.processes = [context.Process(target=_process, args=(self.plan, i, self.answered, self.flag), daemon=True)
                          for i in range(self.plan.processes)]

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        print(f"load: seed {self.plan.seed}")
        for process in self.processes:
            process.start()
        return self

    def total(self):
        return sum(self.answered)

    def running(self):
        return any(process.is_alive() for process in self.processes)

    def stop(self):
        self.flag.value = 1
        return self.join(self.plan.answer_limit + 10)

    def join(self, limit=None):
        limit = limit or self.plan.seconds + self.plan.answer_limit + 10
        for process in self.processes:
            process.join(limit)
            if process.is_alive():
                process.kill()
                raise AssertionError(f"a load process did not end within {limit} s")
            assert process.exitcode == 0, f"a load process ended with {process.exitcode}"
        return self

    def files(self, kind):
        return sorted(self.plan.directory.glob(f"{kind}-*"))

    def report(self, truth, last=0, **more):
        """Call after join(), with a truth that was drained after it."""
        return Checker(truth, writes_of(self.files("writes")), last, **more).check(answers_of(self.files("answers")))


def resume_from(truth):
    """values= and missing= of a Plan that goes on where the truth ends; no value is ever used twice."""
    values, missing = dict(truth.initial), set()
    for row, value, *_ in truth.versions():
        if value == GONE:
            missing.add(row)
        else:
            missing.discard(row)
            values[row] = max(values.get(row, 0), value)
    return {"values": {row: value + 1000 for row, value in values.items()}, "missing": missing}


def forget_parent():
    """For a process that was forked: the parent's sockets close when the parent closes them, and not with us."""
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))


def _process(plan, index, answered, flag):
    forget_parent()
    try:
        Worker(plan, index, answered, flag).run()
    except BaseException:
        traceback.print_exc()
        raise


class Session:
    """One client: a connection, a token, the rows that only it writes."""

    __slots__ = ("number", "rng", "port", "socket", "buffer", "token", "rows", "value", "there", "pending",
                 "sent", "retry_at")

    def __init__(self, number, total, plan):
        self.number = number
        self.rng = random.Random(f"{plan.seed}/{number}")
        self.port = plan.ports[number % len(plan.ports)]
        self.socket, self.buffer = None, b""
        self.token = b""
        self.rows = range(number % total, plan.rows, total)
        self.value = {row: plan.values.get(row, 0) for row in self.rows}
        self.there = {row: row not in plan.missing for row in self.rows}
        self.pending, self.sent, self.retry_at = None, 0.0, 0.0


class Worker:
    """All sessions of one process, on one epoll."""

    def __init__(self, plan, index, answered, flag):
        self.plan, self.index, self.answered, self.flag = plan, index, answered, flag
        total = plan.sessions * plan.processes
        self.sessions = [Session(index * plan.sessions + i, total, plan) for i in range(plan.sessions)]
        self.answers = Log(plan.directory / f"answers-{index}", ANSWER)
        self.writes = Log(plan.directory / f"writes-{index}", WRITE)
        self.epoll, self.by_fd = select.epoll(), {}
        kinds = [kind for kind, share in plan.mix.items() if share]
        shares = list(itertools.accumulate(plan.mix[kind] for kind in kinds))
        self.kinds = [kinds[bisect.bisect_right(shares, i * shares[-1] / 1024)] for i in range(1024)]
        weights = [1 / (i + 1) ** plan.zipf for i in range(plan.rows)]
        order = list(range(plan.rows))
        rng = random.Random(f"{plan.seed}/rows")
        rng.shuffle(order)  # the popular rows belong to different sessions
        self.popular = rng.choices(order, weights, k=1 << 14)
        more = "".join(f"{name}: {value}\r\n" for name, value in plan.headers.items())
        self.tail = f" HTTP/1.1\r\nHost: test\r\n{more}".encode("ascii")
        self.get = f"GET {plan.path}?select=n&id=eq.".encode("ascii")
        self.range = f"GET {plan.path}?select=id,n&order=id&id=gte.".encode("ascii")
        self.decoded = {b"": (0, 0)}
        self.done = 0

    def run(self):
        end = now() + self.plan.seconds
        count, looks = self.plan.count or 1 << 62, 0
        for session in self.sessions:
            self._connect(session)
        while self.done < count:
            looks += 1
            if looks % 16 == 0 and (self.flag.value or now() > end):
                break
            self._turn(0.05, True)
        end = now() + self.plan.answer_limit
        while any(one.pending for one in self.sessions) and now() < end:
            self._turn(0.05, False)
        for session in self.sessions:
            self._lost(session)
        self.answered[self.index] = self.done
        self.answers.close()
        self.writes.close()

    def _turn(self, limit, more):
        for fd, _ in self.epoll.poll(limit):
            session = self.by_fd.get(fd)
            if session is None:
                continue
            try:
                data = session.socket.recv(262144)
            except OSError:
                data = b""
            if not data:
                self._lost(session)
                continue
            session.buffer = session.buffer + data if session.buffer else data
            if self._answer(session) and more:
                self._next(session)
        self.answered[self.index] = self.done
        if len(self.by_fd) < len(self.sessions) or self.done % PROBE < 64:
            self._look_after(more)

    def _look_after(self, more):
        """Connections to open again, and answers that are not coming."""
        at = now()
        for session in self.sessions:
            if session.socket is None:
                if more and at >= session.retry_at:
                    self._connect(session)
            elif session.pending and at - session.sent > self.plan.answer_limit:
                self._lost(session)

    def _connect(self, session):
        try:
            session.socket = socket.create_connection(("127.0.0.1", session.port), timeout=5)
        except OSError:
            session.socket, session.retry_at = None, now() + RETRY_S
            return
        session.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.by_fd[session.socket.fileno()] = session
        self.epoll.register(session.socket.fileno(), select.EPOLLIN)
        self._next(session)

    def _lost(self, session):
        """The connection is gone: what was asked for last may have happened."""
        if session.pending and session.pending[0] == "write":
            self._wrote(session, UNKNOWN, 0, 0, now())
        session.pending, session.buffer = None, b""
        if session.socket is not None:
            del self.by_fd[session.socket.fileno()]
            self.epoll.unregister(session.socket.fileno())
            session.socket.close()
            session.socket, session.retry_at = None, now() + RETRY_S

    def _next(self, session):
        rng = session.rng
        bits = rng.getrandbits(32)
        kind = self.kinds[bits & 1023]
        token = session.token
        if kind == "write" and not session.rows:
            kind = "session"  # more sessions than rows: some only read
        if kind == "write":
            data = self._write(session, rng)
        else:
            # A quarter of the reads of those who carry tokens: rows that they wrote.
            if kind in ("session", "critical") and bits >> 30 == 3 and session.rows:
                row = session.rows[(bits >> 10) % len(session.rows)]
            else:
                row = self.popular[bits >> 10 & 0x3FFF]
            if kind == "range":
                data = b"%s%d&id=lt.%d%s" % (self.range, row, row + RANGE, self.tail)
            else:
                data = b"%s%d%s" % (self.get, row, self.tail)
            if kind in ("eventual", "bounded"):
                token = b""
                data += b"Cache-Control: max-age=1\r\n\r\n" if kind == "bounded" else b"\r\n"
            else:
                if kind == "critical":
                    data += b"Lintas-Consistency: critical\r\n"
                data += b"Lintas-Position: %s\r\n\r\n" % token if token else b"\r\n"
            session.pending = (kind, row, token)
        session.sent = now()
        try:
            session.socket.sendall(data)
        except OSError:
            self._lost(session)

    def _write(self, session, rng):
        row = session.rows[rng.randrange(len(session.rows))]
        value = session.value[row] = session.value[row] + 1
        if not session.there[row]:
            body = b'{"id":%d,"n":%d}' % (row, value)
            head = b"POST %s" % self.plan.path.encode("ascii")
            more = b"Prefer: resolution=merge-duplicates\r\n"
        elif rng.random() < self.plan.deletes:
            body, value, more = b"", GONE, b""
            head = b"DELETE %s?id=eq.%d" % (self.plan.path.encode("ascii"), row)
        else:
            body, more = b'{"n":%d}' % value, b""
            head = b"PATCH %s?id=eq.%d" % (self.plan.path.encode("ascii"), row)
        session.pending = ("write", row, session.token, value)
        session.there[row] = False  # until the answer says so
        if session.token:
            more += b"Lintas-Position: %s\r\n" % session.token
        if body:
            more += b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
        return b"%s%s%s\r\n%s" % (head, self.tail, more, body)

    # Answers -----------------------------------------------------------------------------------------

    def _answer(self, session):
        """Takes one answer from the buffer; False when it is not complete."""
        data = session.buffer
        split = data.find(b"\r\n\r\n")
        if split < 0:
            return False
        head = data[:split + 2].lower()  # offsets are those of `data`
        status = int(data[9:12])
        length = head.find(b"\r\ncontent-length:")
        length = int(head[length + 17:head.index(b"\r\n", length + 2)]) if length >= 0 else 0
        if len(data) < split + 4 + length:
            return False
        received = now()
        body, session.buffer = data[split + 4:split + 4 + length], data[split + 4 + length:]
        if session.pending is None:
            raise AssertionError(f"an answer that nobody asked for: {data[:300]!r}")
        token = b""
        at = head.find(b"\r\nlintas-position:")
        if at >= 0:
            token = data[at + 18:head.index(b"\r\n", at + 2)].strip()
        timeline, lsn = self._decode(token)
        kind = session.pending[0]
        if token and status < 300 and kind not in ("eventual", "bounded"):
            session.token = token  # opaque to clients: it stands for the one that was sent, too
        if status == 409 and b"LNT009" in body:
            session.token = b""  # what it stood for is lost, and perhaps rows with it
            session.there = dict.fromkeys(session.there, False)
        if kind == "write":
            self._wrote(session, self._outcome(status), timeline, lsn, received)
        else:
            self._read(session, head, body, status, timeline, lsn, received)
        session.pending = None
        self.done += 1
        if b"\r\nconnection: close" in head:
            self._lost(session)
            return False
        return True

    @staticmethod
    def _outcome(status):
        if status < 300:
            return ACKED
        return UNKNOWN if status in (500, 504) else REFUSED

    def _decode(self, token):
        found = self.decoded.get(token)
        if found is None:
            _, timeline, lsn = tokens.decode(token)
            if len(self.decoded) > 65536:
                self.decoded = {b"": (0, 0)}
            found = self.decoded[token] = timeline, lsn
        return found

    def _wrote(self, session, outcome, timeline, lsn, at):
        _, row, _, value = session.pending
        if outcome == ACKED:
            session.there[row] = value != GONE
        self.writes.add(session.number + 1, row, value, timeline, lsn, outcome, self.plan.write_flags, session.sent, at)

    def _read(self, session, head, body, status, timeline, lsn, received):
        kind, row, token = session.pending
        asked_timeline, asked = self._decode(token)
        at = head.find(b"\r\nlintas-source:")
        source = source_number(head[at + 16:head.index(b"\r\n", at + 2)].decode("ascii")) if at >= 0 else 0
        at = head.find(b"\r\nage:")
        age = int(head[at + 6:head.index(b"\r\n", at + 2)]) if at >= 0 else -1
        bound = 0.0 if kind == "critical" else 1.0 if kind == "bounded" else self.plan.max_staleness
        number = 0 if kind in ("eventual", "bounded") else session.number + 1
        if kind == "range":
            found = {int(key): int(value) for key, value in PAIR.findall(body)} if status == 200 else {}
            values = [(one, found.get(one, GONE)) for one in range(row, min(row + RANGE, self.plan.rows))]
        else:
            at = body.find(b'"n":')
            values = ((row, int(body[at + 4:body.index(b"}", at)]) if at >= 0 else GONE),)
        for one, value in values:
            self.answers.add(number, one, value, asked_timeline, asked, bound, timeline, lsn, source, age, status,
                             session.sent, received)

