"""Fixtures: sites of real servers, daemons on them, and the checker's view of what happened."""

import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

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
