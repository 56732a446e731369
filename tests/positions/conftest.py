"""Fixtures: sites of real servers, daemons on them, and load whose every answer is judged."""

import pathlib
import random
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from api import Deployment  # noqa: E402
from support.history import Truth  # noqa: E402
from support.load import Load  # noqa: E402
from support.site import Site, stop_on_sigterm  # noqa: E402


def pytest_configure(config):
    stop_on_sigterm()


@pytest.fixture(scope="module")
def site():
    """A primary, a standby, a replica and a replica behind a Gate, shared by a file. Leave it as it was."""
    with Site(standby=True, replicas={"r1": {}, "r2": {"gate": True}}) as one:
        yield one


@pytest.fixture
def make_site():
    """make_site(standby=True, …): a site of the test's own."""
    made = []

    def make(**more):
        made.append(Site(**more))
        return made[-1]
    yield make
    for one in made:
        one.close()


@pytest.fixture
def deploy(tmp_path, make_site):  # after make_site, so that daemons stop before their servers
    """deploy(site, doors=("feed",), consistency={…}) gives a running Deployment; stopped with status 0."""
    running = []

    def start(on, **more):
        running.append(Deployment(on, tmp_path, **more))
        return running[-1]
    yield start
    problems = []
    for one in running:
        try:
            one.stop()
        except AssertionError as problem:
            problems.append(str(problem))
    assert not problems, "\n".join(problems)


class Judge:
    """Load on daemons, and the truth it is judged by. Values go on above all that are there, so that no value
    ever names two versions."""

    def __init__(self, on, directory, ports, number, **plan):
        self.site = on
        self.truth = Truth(on.primary, slot=f"truth_{number}")
        above = max(self.truth.initial.values()) + 1000
        rows = set(range(plan.get("rows", 500)))
        self.load = Load(*ports, directory=directory,
                         **{"seed": random.randrange(1 << 32), "values": dict.fromkeys(rows, above),
                            "missing": rows - set(self.truth.initial), **plan})
        self.load.start()

    def verdict(self, at_least=1000, stop=True, **more):
        """Ends the load; every answer must have been right."""
        if stop:
            self.load.stop()
        else:
            self.load.join()
        report = self.load.report(self.truth.drain(), self.site.primary.lsn("insert"), **more)
        print(report)
        self.truth.drop()
        return report.assert_clean(at_least)


@pytest.fixture
def judge(tmp_path, deploy):
    """judge(deployment, …, seconds=5, rows=100): load that runs at once; end it with verdict()."""
    judges = []

    def begin(*deployments, **plan):
        judges.append(Judge(deployments[0].site, tmp_path / f"load-{len(judges)}",
                            [one.daemon.public for one in deployments], len(judges), **plan))
        return judges[-1]
    yield begin
    for one in judges:
        for process in one.load.processes:
            if process.is_alive():
                process.kill()
                process.join(5)
        one.truth.drop()
