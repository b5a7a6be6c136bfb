import pytest

from scheduling.store.stats import StoreStats
from web.timing import FLOWS, Timings, link_summary


def test_each_flow_is_counted_also_when_it_fails() -> None:
    timings = Timings()
    with timings.measure("create"):
        pass
    with pytest.raises(ZeroDivisionError), timings.measure("create"):
        _ = 1 / 0
    summary = timings.summary()
    assert set(summary) == set(FLOWS)
    assert summary["create"]["count"] == 2
    assert summary["register"] == {"count": 0, "p50_ms": 0, "p99_ms": 0}


def test_waits_of_the_link_are_told_by_script() -> None:
    stats = StoreStats()
    stats.waits_of("reserve").link.add(0.001)
    stats.calls = 1
    summary = link_summary(stats)
    assert summary["calls"] == 1
    assert summary["waits"]["reserve"]["link"]["count"] == 1
    assert summary["waits"]["reserve"]["link"]["p50_ms"] == pytest.approx(1.0, rel=0.2)
