"""Reports in few lines, and as numbers for other programs."""

import json

import pytest

from chainrule.checking.report import BlockVerdict, CheckReport, Entry, StagesReport, distinct_numbers


def verdict(name="W", **changed):
    made = {"status": "wrong", "relative_error": 0.5, "examined": 20, "wrong": 3, "size": 70}
    return BlockVerdict(name, (7, 10), **{**made, "worst": Entry((1, 3), 2.0, 1.0), **changed})


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "3 of 20 entries looked at, of 70; worst W[1, 3]: yours 2, true 1"),
        ({"wrong": 20}, "all entries (sample of 20); worst W[1, 3]: yours 2, true 1"),
        ({"examined": 70}, "3 of 70 entries; worst W[1, 3]: yours 2, true 1"),
        ({"examined": 70, "wrong": 70}, "all entries; worst W[1, 3]: yours 2, true 1"),
        ({"examined": 1, "wrong": 1, "size": 1}, "its only entry; worst W[1, 3]: yours 2, true 1"),
        ({"worst": Entry((), 2.0, 1.0)}, "3 of 20 entries looked at, of 70; worst W: yours 2, true 1"),
        ({"worst": None}, "relative error 0.5"),
        ({"status": "right"}, "relative error 0.5"),
    ],
)
def test_what_was_found_in_a_block(changed, words):
    found = verdict(**changed)
    assert found.lines(1) == [f"W  {found.status:<8}  {words}"]


def test_a_block_with_nothing_to_compare_gives_its_first_remark_as_finding():
    found = verdict(status="not checkable", relative_error=None, worst=None, remarks=("too rough", "a kink"))
    assert found.lines(3) == ["W    not checkable  too rough", 15 * " " + "a kink"]
    assert found.lines(3, shared="too rough") == ["W    not checkable  a kink"]


def test_a_block_of_which_nothing_is_to_be_said_is_its_status():
    assert BlockVerdict("W", (2,), "right").lines(1) == ["W  right"]


@pytest.mark.parametrize("blocks", [1, 3, 6])
def test_all_the_room_there_is_is_used(blocks):
    remarks = ("a sign", "a factor", "a kink")
    made = [verdict(f"W{j}", remarks=(f"{j}", *remarks)) for j in range(blocks)]
    report = CheckReport({found.name: found for found in made}, "complex step", 7)
    everything = 5 * blocks + 1
    for lines in range(4, everything + 4):
        assert len(report.text(lines).splitlines()) == min(lines, everything)
        assert ("more wrong" in report.text(lines)) == (blocks > lines - 1)


@pytest.mark.parametrize("lines", [15, 6, 4])
def test_where_room_is_short_what_is_not_right_comes_first(lines):
    blocks = {f"b{j}": BlockVerdict(f"b{j}", (2,), "right", 1e-9) for j in range(18)}
    blocks |= {"W": verdict(remarks=("every entry is zero",)), "c": verdict("c", status="not checkable")}
    rows = str(CheckReport(blocks, "complex step", 7)).splitlines()
    assert len(rows) == 15
    rows = CheckReport(blocks, "complex step", 7).text(lines).splitlines()
    assert len(rows) == lines and rows[-1] == "judged by complex step, 7 evaluations"
    assert rows[0].split()[:2] == ["W", "wrong"]
    named = [row.split()[0] for row in rows[:-2] if not row.startswith(" ")]
    assert named[:2] == ["W", "c"]
    assert rows[-2] == f"and {20 - len(named)} more right"


def test_a_remark_is_said_once_where_all_wrong_blocks_share_it_and_of_each_otherwise():
    def rows(*remarks):
        blocks = {f"W{j}": verdict(f"W{j}", remarks=each) for j, each in enumerate(remarks)}
        return str(CheckReport(blocks, "complex step", 7)).splitlines()

    shared = rows(("a sign",), ("a sign", "a kink"))
    assert "in each of them a sign" in shared and sum("a sign" in row for row in shared) == 1
    for remarks in ((("a sign",), ("a factor",)), (("a sign",), ()), (("a sign",),)):
        assert not any("in each of them" in row for row in rows(*remarks))
        assert sum("a sign" in row for row in rows(*remarks)) == 1


def test_long_remarks_are_wrapped():
    remark = " ".join(f"word{j}" for j in range(60))
    rows = str(CheckReport({"W": verdict(remarks=(remark,))}, "complex step", 7)).splitlines()
    assert max(map(len, rows)) <= 105 and len(rows) > 5
    assert remark in " ".join(" ".join(rows).split())


def test_reports_as_numbers():
    worst = Entry((1, 3), float("nan"), 1.0, float("inf"))
    report = CheckReport({"W": verdict(worst=worst, relative_error=float("inf"))}, "complex step", 7, ("so",))
    told = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert told["blocks"][0]["worst"] == {"index": [1, 3], "yours": None, "true": 1.0, "error": None}
    assert told["blocks"][0]["relative_error"] is None and told["blocks"][0]["shape"] == [7, 10]
    assert (told["ok"], told["status"], told["evaluations"], told["remarks"]) == (False, "wrong", 7, ["so"])
    stages = StagesReport({"first": report}, ("second",)).to_dict()
    assert stages["first_failure"] == "first" and stages["skipped"] == ["second"]


def test_numbers_in_as_few_digits_as_tell_them_apart():
    assert distinct_numbers(2.0, 1.0) == ("2", "1")
    assert distinct_numbers(1.00001, 1.0) == ("1.00001", "1")
    assert distinct_numbers(1.0, 1.0) == ("1", "1")
    assert len(set(distinct_numbers(1.0, 1.0 + 2**-52))) == 2


def right(evaluations=3):
    return CheckReport({"x": BlockVerdict("x", (2,), "right", 1e-9)}, "complex step", evaluations)


@pytest.mark.parametrize(("count", "first"), [(7, "s0  right"), (8, "8 stages right, from s0 to s7")])
def test_many_right_stages_are_one_line(count, first):
    stages = {f"s{j}": right() for j in range(count)}
    rows = str(StagesReport(stages)).splitlines()
    assert rows[0] == first and len(rows) == (count if count < 8 else 1)
    wrong = CheckReport({"W": verdict()}, "complex step", 7)
    rows = str(StagesReport({**stages, "end": wrong}, ("a", "b"))).splitlines()
    assert rows[0].split() == first.split() and rows[-1] == "not run: a, b" and len(rows) <= 15
    assert "end  wrong: the first stage that fails" in rows
    place = rows.index("end  wrong: the first stage that fails")
    assert rows[place + 1 : -1] == [f"  {row}" for row in str(wrong).splitlines()]


def test_stages_stand_in_a_column():
    failed = CheckReport({"W": verdict()}, "complex step", 7)
    rows = str(StagesReport({"a": right(), "a long name": right(), "b": failed})).splitlines()
    assert rows[:3] == [
        "a            right",
        "a long name  right",
        "b            wrong: the first stage that fails",
    ]


def test_reports_in_a_console():
    assert repr(right()) == "<CheckReport right: x right>"
    assert repr(CheckReport({"W": verdict()})) == "<CheckReport wrong: W wrong>"
    assert str(CheckReport({})) == "nothing was evaluated" and not CheckReport({}).ok
