"""The judge: given what was written and what was answered, names every answer that must not have been given."""

import bisect
import collections

from .history import ACKED, ASYNC, GONE, REFUSED, SOURCES, UNKNOWN

NEVER = float("inf")
PRIMARY = SOURCES.index("primary")

# What each word means; a report counts by these.
VIOLATIONS = {
    "invented": "the value was never committed",
    "rolled_back": "the value belongs to a write that was answered as not applied",
    "early": "the value was answered before its write was even sent",
    "token": "older than a token that the request carried",
    "lost_token": "a token of a lost part of history was taken for satisfied",
    "bound": "misses a write acknowledged longer before than the bound allows",
    "critical": "critical, and misses a write acknowledged before it was sent",
    "monotonic": "older than what the same session saw before",
    "own_write": "misses a write of the same session",
    "age": "misses a write acknowledged more than Age seconds before",
    "age_missing": "not read on the primary, and no Age",
    "position": "Lintas-Position is below the END of the value's commit",
    "position_back": "Lintas-Position is below the token that the request carried",
    "position_missing": "no Lintas-Position",
    "position_beyond": "Lintas-Position is above everything written",
    "write_token": "a write's token is below the END of its commit",
    "write_lost": "a synchronous write was acknowledged and is not in the feed",
}
# Legal, and worth knowing: what synchronous_commit=off gave up.
REMARKS = {"token_unseen": "read on the primary, which did not show yet what the token covers; nobody had been told",
           "phantom": "a value that a crash took back", "async_lost": "an asynchronous write that a crash took back"}


class Row:
    """One row on one timeline: versions in commit order, [0] being what it held when the truth began."""

    __slots__ = ("ends", "where", "gone", "missed_at", "sent_at")

    def __init__(self, initial):
        self.ends = [0]
        self.where = {}      # value → version
        self.gone = []       # versions that are "not found"
        self.missed_at = []  # version → when the first write after it was acknowledged
        self.sent_at = {}    # version → when its write was sent
        if initial == GONE:
            self.gone.append(0)
        else:
            self.where[initial] = 0

    def add(self, value, end):
        version = len(self.ends)
        self.ends.append(end)
        if value == GONE:
            self.gone.append(version)
        else:
            self.where[value] = version

    def version(self, value, lsn):
        """The version that an acknowledged write made; for a deletion the last one its token covers."""
        if value != GONE:
            return self.where.get(value)
        found = [one for one in self.gone if self.ends[one] <= lsn]
        return found[-1] if found else None

    def settle(self, acknowledged):
        """`acknowledged`: {version: when}."""
        earliest, missed = NEVER, [NEVER] * len(self.ends)
        for version in range(len(self.ends) - 1, -1, -1):
            missed[version] = earliest
            earliest = min(earliest, acknowledged.get(version, NEVER))
        self.missed_at = missed


class Line:
    """All rows as a reader on one timeline sees them: its ancestors' commits up to each switch point, then its own."""

    def __init__(self, timeline, truth):
        self.timeline = timeline
        self.limit = {old: end for old, end in truth.history if old < timeline}
        self.rows = {row: Row(value) for row, value in truth.initial.items()}
        for row, value, _, end, on in truth.versions():
            if self.covers(on, end):
                if row not in self.rows:
                    self.rows[row] = Row(GONE)
                self.rows[row].add(value, end)

    def covers(self, timeline, lsn):
        """Whether a position is on this line at all; if not, it was lost on the way."""
        if timeline == self.timeline:
            return True
        return timeline < self.timeline and all(lsn <= end for old, end in self.limit.items() if old >= timeline)


class Report:
    def __init__(self):
        self.checked = 0
        self.by_source = collections.Counter()
        self.by_status = collections.Counter()
        self.counts = collections.Counter()
        self.remarks = collections.Counter()
        self.examples = collections.defaultdict(list)

    def add(self, kind, *facts):
        self.counts[kind] += 1
        if len(self.examples[kind]) < 5:
            self.examples[kind].append(facts)

    @property
    def violations(self):
        return sum(self.counts.values())

    def assert_clean(self, at_least=1):
        assert self.violations == 0, str(self)
        assert self.checked >= at_least, f"only {self.checked} answers to check: {dict(self.by_status)}"
        return self

    def __str__(self):
        lines = [f"{self.checked} answers checked, {self.violations} violations; sources "
                 f"{ {SOURCES[k]: v for k, v in sorted(self.by_source.items())} }, statuses {dict(self.by_status)}"]
        for kind, count in self.counts.most_common():
            lines.append(f"  {kind} ({VIOLATIONS[kind]}): {count}")
            lines += [f"      {facts}" for facts in self.examples[kind]]
        lines += [f"  {kind} ({REMARKS[kind]}): {count}" for kind, count in self.remarks.items()]
        return "\n".join(lines)


class Checker:
    """Checker(truth, writes, last=lsn).check(answers) → Report.

    truth    drained after the last answer
    writes   Write records; everything the bounds are measured by
    last     the greatest LSN the primary had written in the end (0: not checked)
    strict   every answer must have a Lintas-Position, and an Age unless it was read on the primary
    Answers of one session must come in the order it received them; sessions may interleave.
    """

    def __init__(self, truth, writes=(), last=0, strict=True):
        self.last, self.strict = last, strict
        self.report = Report()
        timelines = [old for old, _ in truth.history] + [truth.timeline]
        self.lines = {one: Line(one, truth) for one in timelines}
        self.newest = self.lines[truth.timeline]
        self.own = collections.defaultdict(list)  # (session, row) → [(when acknowledged, value, LSN)]
        self.refused, self.attempted, self.asynchronous = set(), set(), set()
        self._learn([w if isinstance(w, tuple) else tuple(w) for w in writes])

    def _learn(self, writes):
        report = self.report
        acknowledged = {one: collections.defaultdict(dict) for one in self.lines}
        for write in writes:
            session, row, value, timeline, lsn, outcome, flags, invoked, answered = write
            if value != GONE:
                if outcome == REFUSED:
                    self.refused.add((row, value))
                elif flags & ASYNC:
                    self.asynchronous.add((row, value))
                self.attempted.add((row, value))
            if outcome not in (ACKED, UNKNOWN):
                continue
            known = False
            for one, line in self.lines.items():
                versions = line.rows.get(row)
                version = versions.version(value, lsn) if versions else None
                if version is None or (value == GONE and not line.covers(timeline, lsn)):
                    continue
                known = True
                # A deletion that found nothing names the version that an earlier one made.
                versions.sent_at[version] = min(invoked, versions.sent_at.get(version, NEVER))
                if outcome != ACKED:
                    continue
                times = acknowledged[one][row]
                times[version] = min(answered, times.get(version, NEVER))
                if timeline == one and lsn and lsn < versions.ends[version]:
                    report.add("write_token", write, versions.ends[version])
            if outcome == ACKED:
                self.own[session, row].append((answered, value, lsn))
                if not known and flags & ASYNC:
                    report.remarks["async_lost"] += 1
                elif not known:
                    report.add("write_lost", write)
        for one, line in self.lines.items():
            for row, versions in line.rows.items():
                versions.settle(acknowledged[one].get(row, {}))
        self.own = dict(self.own)

    def check(self, answers):
        report, lines, newest, own = self.report, self.lines, self.newest, self.own
        add, last, strict = report.add, self.last, self.strict
        seen, seen_line = {}, {}  # (session << 32 | row) → version; session → timeline
        by_source, by_status, checked = [0] * len(SOURCES), collections.Counter(), 0
        for answer in answers:
            (session, row, value, timeline, token, bound, position_timeline, position, source, age, status, sent,
             received) = answer
            if status != 200 and status != 206:
                by_status[status] += 1
                continue
            checked += 1
            by_source[source] += 1
            line = lines.get(position_timeline, newest)
            versions = line.rows.get(row)
            if versions is None:
                if value != GONE:
                    self._unknown(answer)
                continue
            if value == GONE:
                version = self._gone(versions, position, received)
            else:
                version = versions.where.get(value)
            if version is None:
                self._unknown(answer)
                continue
            ends, missed = versions.ends, versions.missed_at[version]
            if token:
                covered = token
                if timeline != line.timeline:
                    covered = min(token, self._shared(timeline, line.timeline))
                    if covered < token:  # an answer cannot contain what is not on its timeline
                        add("lost_token" if timeline < line.timeline else "token", answer, "of another timeline")
                if version + 1 < len(ends) and ends[version + 1] <= covered:
                    if source == PRIMARY and missed > sent:
                        # What a replica had shown to this session is `monotonic`'s to find.
                        self.report.remarks["token_unseen"] += 1
                    else:
                        add("token", answer, f"missed END {ends[version + 1]}")
            if sent - bound > missed:
                add("bound" if bound else "critical", answer, f"late by {sent - bound - missed:.6f} s")
            if age >= 0:
                if sent - age > missed:
                    add("age", answer, f"older by {sent - age - missed:.6f} s")
            elif source != PRIMARY:
                if strict:
                    add("age_missing", answer)
            elif sent > missed:
                add("age", answer, f"read on the primary, older by {sent - missed:.6f} s")
            if position:
                if position < ends[version]:
                    add("position", answer, f"END {ends[version]}")
                if position < token and timeline == position_timeline:
                    add("position_back", answer)
                if last and position > last and position_timeline == newest.timeline:
                    add("position_beyond", answer, f"last {last}")
            elif strict:
                add("position_missing", answer)
            if versions.sent_at.get(version, 0.0) > received:
                add("early", answer)
            if session:
                before = seen_line.setdefault(session, line.timeline)
                if before != line.timeline:
                    self._change_line(seen, session, before, line)
                    seen_line[session] = line.timeline
                key = session << 32 | row
                before = seen.get(key, -1)
                if version < before:
                    add("monotonic", answer, f"version {version} after {before}")
                elif version > before:
                    seen[key] = version
                if (session, row) in own:
                    self._own(answer, versions, version)
        report.checked += checked
        report.by_source.update({k: v for k, v in enumerate(by_source) if v})
        report.by_status.update(by_status)
        return report

    def _unknown(self, answer):
        what = (answer[1], answer[2])
        if what in self.refused:
            self.report.add("rolled_back", answer)
        elif what in self.asynchronous:
            self.report.remarks["phantom"] += 1
        else:
            self.report.add("invented", answer, "attempted" if what in self.attempted else "never attempted")

    @staticmethod
    def _gone(versions, position, received):
        """The newest "not found" this answer can have seen: the kindest reading."""
        written = [one for one in versions.gone if versions.sent_at.get(one, 0.0) <= received]
        below = [one for one in written if not position or versions.ends[one] <= position]
        return below[-1] if below else written[0] if written else None

    def _shared(self, one, other):
        """How far the history of two timelines is the same."""
        older, newer = sorted((one, other))
        return self.lines[newer].limit.get(older, 0) if newer in self.lines else 0

    def _change_line(self, seen, session, before, line):
        """What a failover dropped, a session can no longer ask for; what survived has the same versions."""
        shared = self._shared(before, line.timeline)
        for key in [one for one in seen if one >> 32 == session]:
            versions = line.rows.get(key & 0xFFFFFFFF)
            survived = bisect.bisect_right(versions.ends, shared) - 1 if versions else 0
            seen[key] = min(seen[key], survived)

    def _own(self, answer, versions, version):
        writes = self.own[answer[0], answer[1]]
        at = bisect.bisect_right(writes, (answer[11], NEVER)) - 1
        if at >= 0:
            _, value, lsn = writes[at]
            written = versions.version(value, lsn)
            if written is not None and version < written:
                self.report.add("own_write", answer, f"wrote {value}")
