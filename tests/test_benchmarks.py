"""The harness of the benchmarks: what it says of times must be so."""

import json

import numpy as np
import pytest
from benchmarks import __main__ as command
from benchmarks import cases
from benchmarks.harness import Case, Contest, duration, in_turn, measure, ratio, table


def test_names_say_which_case():
    names = [case.name for group in cases.groups().values() for case in group]
    assert len(set(names)) == len(names) and all("\n" not in name for name in names)


def test_rounds_take_turns():
    order = []
    runs = {name: lambda name=name: order.append(name) for name in "abc"}
    times = in_turn(runs, 0.0)
    assert times.shape == (5, 3) and "".join(order) == "abcbcacababcbca"


def test_the_interval_holds_the_median_in_95_of_100_runs():
    rng = np.random.default_rng(0)
    for rounds in (9, 60):
        intervals = [ratio(rng.lognormal(size=rounds), np.ones(rounds)) for _ in range(2000)]
        assert np.mean([low <= 1 <= high for _, low, high in intervals]) >= 0.94
    assert ratio(np.array([2.0, 4.0, 9.0]), np.array([1.0, 2.0, 3.0])) == (2.0, 2.0, 3.0)


def test_different_results_are_not_timed():
    wrong = Contest(lambda: 1.0, {"by hand": lambda: 1.1})
    with pytest.raises(AssertionError, match="by hand"):
        measure(Case("one", lambda: wrong), 0.0)


def test_a_row_as_text_and_numbers():
    contest = Contest(
        lambda: 2.0, {"by hand": lambda: 2.0}, {"peer": lambda: 2.0}, remark=lambda r: f"{len(r)} ran"
    )
    row = measure(Case("one", lambda: contest, 1.5), 0.0)
    lines = table([row]).splitlines()
    assert lines[0].startswith("one ") and lines[0].endswith("goal: 1.5") and lines[1] == "    3 ran"
    assert [line.split()[0] for line in lines[2:]] == ["by", "peer"]
    figures = json.loads(json.dumps(row.as_json()))
    assert [each["name"] for each in figures["contestants"]] == ["chainrule", "by hand", "peer"]
    assert figures["contestants"][1]["ratio"][1] <= figures["contestants"][1]["ratio"][0]


def test_durations_have_three_digits():
    assert [duration(value) for value in (3.912e-5, 0.2274, 12.0, 4e-9)] == [
        "39.1 µs",
        "227 ms",
        "12 s",
        "4 ns",
    ]


def test_an_unknown_group_is_named(capsys):
    with pytest.raises(SystemExit):
        command.main(["sheet_stp"])
    assert "no group sheet_stp; there are start_up, sheet_step" in capsys.readouterr().err


def test_groups_that_an_older_package_cannot_load_are_left_out(monkeypatch):
    monkeypatch.setattr(cases, "NAMES", ("claims", "of_a_module_that_is_not_there"))
    assert [*cases.groups(partly=True)] == ["claims"]
    with pytest.raises(ImportError):
        cases.groups()
