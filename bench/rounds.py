"""Interleaved rounds of two contestants, CPU per request from /proc, and the table of ratios.

Only the ratio of one round carries over to other machines: both sides of a round ran within seconds
of each other on the same cores. The table shows medians with the lowest and highest round.
"""

import dataclasses
import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass
class Run:
    """What one contestant did in one round."""

    per_second: float
    seconds: float  # as measured
    cpu_us: float | None = None  # CPU of the server process(es) per request
    database_cpu_us: float | None = None  # CPU of PostgreSQL per request
    p50_ms: float | None = None
    p99_ms: float | None = None
    failed: int = 0  # answers other than 2xx, and socket errors
    figures: dict = dataclasses.field(default_factory=dict)  # what else a question looks at


# ---- CPU time ------------------------------------------------------------------------------------


def _stat(pid):
    """The fields of /proc/PID/stat from the third on; None when the process has gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2 :].split()


def cpu_seconds(pid):
    """User and system time of a process, all its threads."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def _children(parent):
    """The /proc/PID/stat fields of a process's living children."""
    stats = (_stat(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [fields for fields in stats if fields and fields[1] == str(parent)]


def family_cpu_seconds(parent):
    """The same of a process, its living children and those it has waited for (a postmaster)."""
    ticks = sum(int(field) for field in _stat(parent)[11:15])
    ticks += sum(int(child[11]) + int(child[12]) for child in _children(parent))
    return ticks / TICKS_PER_SECOND


# ---- the load generators -------------------------------------------------------------------------


def pinned(cpu):
    """The prefix that keeps a load generator on one core; nothing when `cpu` is empty."""
    return ["taskset", "-c", str(cpu)] if cpu not in ("", None) else []


def wrk(url, script, seconds, connections, cpu="", arguments=(), threads=1):
    """One wrk run. Returns its summary: requests, seconds, failed, p50_ms, p99_ms."""
    command = [*pinned(cpu), "wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "-s",
               str(HERE / "wrk" / script), url, "--", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30,
                          env={**os.environ, "LUA_PATH": f"{HERE}/wrk/?.lua;;"})
    found = re.search(r"^RESULT (.*)$", done.stdout, re.M)
    if done.returncode != 0 or not found:
        sys.exit(f"wrk failed: {' '.join(command)}\n{done.stdout}{done.stderr}")
    return json.loads(found[1])


def pgbench(arguments, seconds, clients):
    """One pgbench run over TCP. Returns transactions per second, and how many there were."""
    command = [os.environ["PGBENCH"], "-n", "-M", "prepared", "-T", str(seconds), "-c", str(clients),
               "-j", "1", "-h", "127.0.0.1", "-p", os.environ["PG_PORT"], "-U", os.environ.get("PGUSER", "bench"),
               *arguments, os.environ.get("PGDATABASE", "bench")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    rate = re.search(r"^tps = ([0-9.]+)", done.stdout, re.M)
    count = re.search(r"number of transactions actually processed: (\d+)", done.stdout)
    if done.returncode != 0 or not rate:
        sys.exit(f"pgbench failed: {' '.join(command)}\n{done.stdout}{done.stderr}")
    return float(rate[1]), int(count[1])


def sql(text):
    """Runs SQL as the bench database's owner; returns what it prints."""
    done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p",
                           os.environ["PG_PORT"], "-U", "bench", "-d", "bench", "-c", text],
                          check=True, capture_output=True, text=True)
    return done.stdout.strip()


def wrk_run(url, script, seconds, connections, cpu="", arguments=(), server=None, database=None, threads=1):
    """A wrk run with the CPU that `server` (a pid) and `database` (a postmaster) spent on it."""
    server_before = cpu_seconds(server) if server else 0
    database_before = family_cpu_seconds(database) if database else 0
    seen = wrk(url, script, seconds, connections, cpu, arguments, threads)
    requests = max(seen["requests"], 1)
    return Run(
        per_second=seen["requests"] / seen["seconds"],
        seconds=seen["seconds"],
        cpu_us=(cpu_seconds(server) - server_before) / requests * 1e6 if server else None,
        database_cpu_us=(family_cpu_seconds(database) - database_before) / requests * 1e6 if database else None,
        p50_ms=seen["p50_ms"], p99_ms=seen["p99_ms"], failed=seen["failed"])


def pgbench_run(arguments, seconds, clients, database):
    """A pgbench run with the CPU that PostgreSQL spent on it."""
    before, backends = family_cpu_seconds(database), len(_children(database))
    rate, count = pgbench(arguments, seconds, clients)
    # What a backend used counts for the postmaster only once it has been waited for.
    patience = time.monotonic() + 5
    while len(_children(database)) > backends and time.monotonic() < patience:
        time.sleep(0.05)
    # The rate leaves out the time that connecting took; the count is what was done.
    return Run(per_second=rate, seconds=seconds, figures={"count": count},
               database_cpu_us=(family_cpu_seconds(database) - before) / max(count, 1) * 1e6)


# ---- rounds --------------------------------------------------------------------------------------


def _machine():
    cpu = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    return {"cpu": cpu[1] if cpu else "unknown", "cores": os.cpu_count(), "kernel": os.uname().release}


def spread(values, digits=0):
    """'median (lowest to highest)'."""
    numbers = [f"{value:,.{digits}f}" for value in
               (statistics.median(values), min(values), max(values))]
    return f"{numbers[0]} ({numbers[1]} to {numbers[2]})"


def compare(question, workload, ours, theirs, *, peer, before_each=None, rounds=None, seconds=None,
            warm_up=1, names=("lintas", None), main=("requests/s", "per_second", 0), rows=(), repeat=None, per="request"):
    """Runs `ours` and `theirs` (functions of the seconds to run, returning Run) in turn, prints and
    stores the outcome. The order changes from round to round, so that a drift of the machine cancels.
    `main` and `rows` are (name, field of Run or key of its figures, digits); the ratio of `main` counts."""
    rounds = rounds or int(os.environ.get("BENCH_ROUNDS", "5"))
    seconds = seconds or int(os.environ.get("BENCH_SECONDS", "4"))
    pairs = []
    for contestant in (ours, theirs):  # caches, connections and prepared statements exist afterwards
        if not warm_up:
            break
        if before_each:
            before_each()
        contestant(warm_up)
    for number in range(rounds):
        found = {}
        for contestant in (ours, theirs) if number % 2 == 0 else (theirs, ours):
            if before_each:
                before_each()
            found[contestant] = contestant(seconds)
        pairs.append((found[ours], found[theirs]))
        say_round(number + 1, rounds, pairs[-1], main)
    return report(question, workload, pairs, peer=peer, seconds=seconds, names=names, main=main, rows=rows,
                  repeat=repeat, per=per)


def value_of(run, key):
    """A field of Run, or one of its figures; None when there is none."""
    return run.figures.get(key) if key in run.figures else getattr(run, key, None)


def say_round(number, rounds, pair, main):
    name, key, digits = main
    print(f"  round {number}/{rounds}: {value_of(pair[0], key):,.{digits}f} against "
          f"{value_of(pair[1], key):,.{digits}f} {name}", file=sys.stderr, flush=True)


def report(question, workload, pairs, *, peer, seconds, names=("lintas", None), main=("requests/s", "per_second", 0),
           rows=(), repeat=None, length=None, per="request"):
    """Prints and stores rounds: pairs of Run, ours first. False when requests failed."""
    name, key, digits = main
    ratios = [value_of(mine, key) / value_of(other, key) for mine, other in pairs if value_of(other, key)]
    lines = [(name, spread([value_of(mine, key) for mine, _ in pairs], digits),
              spread([value_of(other, key) for _, other in pairs], digits), spread(ratios, 2) if ratios else "-")]
    usual = ((f"CPU us/{per}", "cpu_us", 2), (f"PostgreSQL CPU us/{per}", "database_cpu_us", 2),
             ("p50 ms", "p50_ms", 2), ("p99 ms", "p99_ms", 2))
    for name, key, digits in (*rows, *usual):
        mine = [value_of(run, key) for run, _ in pairs]
        other = [value_of(run, key) for _, run in pairs]
        if None in mine or (0 in mine and key in ("p50_ms", "p99_ms")):  # wrk gives 0 where it could not tell
            continue
        both = None not in other
        # Distances from a moment may be on either side of it: no ratio then.
        apart = both and min(*mine, *other) > 0
        lines.append((name, spread(mine, digits), spread(other, digits) if both else "-",
                      spread([a / b for a, b in zip(mine, other)], 2) if apart else "-"))
    failed = sum(run.failed for pair in pairs for run in pair)

    print(f"\n{question}: {workload}\n  {len(pairs)} interleaved rounds of {length or f'{seconds:g} s'}: median (lowest to highest)")
    print(f"  {'':26} {names[0]:32} {names[1] or peer:32} ratio")
    for name, mine, other, ratio in lines:
        print(f"  {name:26} {mine:32} {other:32} {ratio}")
    if failed:
        print(f"  NOT VALID: {failed} requests failed")
    if repeat:
        print(f"  again: {repeat}")
    print(flush=True)

    record = {"question": question, "workload": workload, "peer": peer, "at": int(time.time()),
              "commit": os.environ.get("BENCH_COMMIT", "unknown"), "machine": _machine(),
              "seconds": seconds, "failed": failed, "ratio_of": main[0],
              "ratio_median": statistics.median(ratios) if ratios else None,
              "rounds": [{"lintas": dataclasses.asdict(mine), "peer": dataclasses.asdict(other)}
                         for mine, other in pairs]}
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    name = re.sub(r"[^a-z0-9]+", "_", question.lower()).strip("_")
    (results / f"{time.strftime('%Y%m%dT%H%M%S')}-{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    return failed == 0


def again(question):
    """The command that repeats a question, with the length of this run."""
    return (f"bench/run --rounds {os.environ.get('BENCH_ROUNDS', '5')} "
            f"--seconds {os.environ.get('BENCH_SECONDS', '4')} {question}")
