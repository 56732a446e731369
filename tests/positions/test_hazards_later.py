"""Hazards that need parts which are not built yet; each names the issue it waits for."""

import pytest


@pytest.mark.skip(reason="waits for issue 4")
def test_hazard_28_redis_flushed_failed_over_rolled_back():
    """Redis loses entries and brings back older ones: slower, never wrong."""


@pytest.mark.skip(reason="waits for issue 4")
def test_hazard_29_restart_with_warm_redis():
    """Every process restarts and finds its entries in Redis; they are judged by the rule, not trusted."""


@pytest.mark.skip(reason="waits for issue 5")
def test_hazard_30_link_down_60_s_and_the_ring_exceeded():
    """A region misses more of the feed than the hub's ring holds, and gets the tables again."""
