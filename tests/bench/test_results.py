"""What is made of the measurements: medians, ratios, verdicts, and the table's rows by the names agreed."""

import json
from pathlib import Path

import pytest

from bench import regression, summary, table
from bench.book import Book
from bench.load.report import quantiles_ms
from bench.profiling import part_of
from bench.regression import STABLE, compare
from bench.window import Between, Times


def test_a_figure_is_the_median_with_the_least_and_the_greatest() -> None:
    book = Book()
    for value in (3.0, 100.0, 5.0):
        book.add("per_s", value)
    assert book.value("per_s") == 5.0
    assert book.spread("per_s") == (3.0, 100.0)
    assert book.value("never measured") is None and book.spread("never measured") is None


def test_a_ratio_is_taken_within_each_round() -> None:
    """A minute in which the machine is three times slower meets both sides, and the ratio stays."""
    book = Book()
    for ours, others in ((600.0, 100.0), (200.0, 33.0), (610.0, 100.0)):
        book.compare("roundtrip_vs_celery", ours, others)
    assert book.value("roundtrip_vs_celery") == pytest.approx(200 / 33)
    assert book.spread("roundtrip_vs_celery") == pytest.approx((6.0, 6.1))


def test_the_longest_of_all_runs_is_kept() -> None:
    book = Book()
    for ms in (0.4, 1.9, 0.7):
        book.worst("longest_script_ms", ms)
    assert book.runs["longest_script_ms"] == [1.9]


def test_the_reader_is_told_how_much_of_the_machine_was_there() -> None:
    book = Book()
    assert summary.text(book) == ""
    for ms in (17.0, 18.0, 96.0):
        book.add("work_ms", ms)
    assert "took 18 ms, 17 to 96 ms" in summary.text(book)


@pytest.mark.parametrize(
    ("better", "value", "verdict"),
    [
        ("more", 8.0, "goal"), ("more", 7.999, "must"), ("more", 5.0, "must"), ("more", 4.999, "missed"),
        ("less", 5.0, "goal"), ("less", 5.001, "must"), ("less", 8.0, "must"), ("less", 8.001, "missed"),
        ("more", None, "not measured"),
    ],
)  # fmt: skip
def test_a_verdict_is_not_rounded_in_our_favour(better: str, value: float | None, verdict: str) -> None:
    must, goal = (5, 8) if better == "more" else (8, 5)
    row = table.Row("name", "measure", better, must, goal)  # type: ignore[arg-type]  # one of the two words
    assert row.verdict(value) == verdict


def test_the_goal_of_each_row_is_no_easier_than_its_must() -> None:
    for row in table.ROWS:
        assert row.goal >= row.must if row.better == "more" else row.goal <= row.must, row.name
        assert row.lever, f"{row.name} must say what is next where it is short of its goal"
    assert len({row.name for row in table.ROWS}) == len(table.ROWS)


def test_the_ratios_have_the_names_agreed() -> None:
    agreed = {
        "roundtrip_vs_celery", "roundtrip_vs_bullmq", "roundtrip_vs_bare", "latency_vs_celery",
        "heartbeats_vs_bare", "reserve_100k_vs_100",
    }  # fmt: skip
    assert agreed <= set(table.RATIOS)
    book = Book()
    book.add("latency_vs_celery", 1.23456)
    assert table.ratios(book) == {"latency_vs_celery": 1.235}


def test_the_table_names_the_next_lever_only_where_a_goal_is_missed() -> None:
    book = Book()
    book.add("roundtrip_vs_celery", 6.0)
    book.add("roundtrip_vs_bullmq", 1.3)
    lines = table.text(book).splitlines()
    celery = next(at for at, line in enumerate(lines) if "Celery round trips" in line)
    assert lines[celery].endswith("must met") and lines[celery + 1].strip().startswith("next: ")
    assert lines[celery + 2].endswith("goal met") and "next:" not in lines[celery + 3]
    assert json.loads(json.dumps(table.rows(book)))[0]["next"]


def test_times_between_two_looks_leave_out_what_was_before() -> None:
    before = {"classes_ms": {"1.000": 10, "300.000": 5}}
    after = {"classes_ms": {"1.000": 109, "300.000": 5, "2.000": 1}}
    times = Times(before, after)
    assert times.count == 100
    assert times.quantile_ms(0.99) == 1.0
    assert times.quantile_ms(0.495) == pytest.approx((1 + 1 / 1.15) / 2), "the middle of its class"
    assert times.quantile_ms(1.0) == 2.0
    assert Times({}, {}).quantile_ms(0.99) == 0.0


def test_counters_between_two_looks() -> None:
    looks = [{"fallback_drains": 6, "flows": {}, "link": {"waits": {}}} for _ in range(2)]
    between = Between(*looks)
    assert between.count("fallback_drains") == 0
    assert between.wait("reserve", "link").count == 0


def test_quantiles_of_times() -> None:
    times = [number / 1000 for number in range(1, 101)]
    assert quantiles_ms(times) == {"count": 100, "p50_ms": 51.0, "p99_ms": 100.0, "max_ms": 100.0}
    assert quantiles_ms([])["count"] == 0


def test_the_lock_file_of_the_optional_peer_names_no_registry() -> None:
    """npm writes the address of the registry of whoever ran it into the lock file, unless told not to."""
    lock = Path(__file__).parents[2] / "bench" / "peers" / "bullmq" / "package-lock.json"
    packages = json.loads(lock.read_text())["packages"]
    assert "node_modules/bullmq" in packages
    assert not any("resolved" in package for package in packages.values())


def test_the_report_points_at_what_changed_by_more_than_a_tenth() -> None:
    measured = {"ratios": {"roundtrip_vs_celery": 6.0, "roundtrip_vs_bare": 0.6, "heartbeats_vs_bare": 1.0}}
    recorded = {"ratios": {"roundtrip_vs_celery": 6.3, "roundtrip_vs_bare": 0.8}, "taken": "a day"}
    lines = {line.split()[0]: line for line in compare(measured, recorded).splitlines()}
    assert lines["roundtrip_vs_bare"].endswith("-25%  <- look at this")
    assert lines["roundtrip_vs_celery"].endswith("-5%")
    assert lines["heartbeats_vs_bare"].split() == ["heartbeats_vs_bare", "1.000"]
    assert lines["reserve_100k_vs_100"].endswith("not measured")
    assert set(STABLE) <= set(table.RATIOS)


def test_a_sample_counts_for_the_innermost_part_it_is_in() -> None:
    stack = ["Session.serve (web/session_socket.py)", "Store.call (scheduling/store/batched.py)"]
    assert part_of([*stack, "loads (json/__init__.py)"]) == "JSON"
    assert part_of([*stack, "a function (of/another.py)"]) == "link"
    assert part_of(["main (z.py)"]) == "others"


def test_the_report_fails_where_nothing_could_be_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Bug: it said so and succeeded, or showed what an earlier run had left."""
    output = tmp_path / "report.json"
    output.write_text('{"ratios": {}}')
    monkeypatch.setattr(regression, "_WORDS", ("--only", "nothing"))
    monkeypatch.setattr("sys.argv", ["bench-report", "--output", str(output)])
    with pytest.raises(SystemExit, match="nothing was measured"):
        regression.main()
