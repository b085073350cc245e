"""The command ``check``: a wrong claim is never reported as right."""

import json

from click.testing import CliRunner

from chainrule.cli.main import main

SHEET = """
data x: R[p]; y: R
parameters w: R[p]
L = (w.T @ x - y)**2 / 2
d(L, w) == (w.T @ x - y) * x
"""
WRONG = "d(L, w) == 2 * (w.T @ x - y) * x\n"


def run(tmp_path, text, *options):
    path = tmp_path / "sheet.eqs"
    path.write_text(text, encoding="utf-8")
    return CliRunner().invoke(main, ["check", str(path), *options])


def test_right_claims_exit_with_0(tmp_path):
    result = run(tmp_path, SHEET)
    assert result.exit_code == 0
    assert "All 2 checks are right." in result.stderr


def test_one_wrong_claim_among_right_ones_exits_with_1(tmp_path):
    result = run(tmp_path, SHEET + WRONG)
    assert result.exit_code == 1
    assert "1 of 3 checks found something wrong." in result.stderr
    assert "fails" in result.stdout


def test_the_figures_of_a_wrong_claim_reach_programs(tmp_path):
    result = run(tmp_path, SHEET + WRONG, "--json")
    figures = json.loads(result.stdout)
    assert result.exit_code == figures["exit_code"] == 1
    assert [claim["verdict"] for claim in figures["claims"]["claims"]] == ["holds", "fails"]


def test_a_sheet_with_nothing_to_check_is_no_pass(tmp_path):
    assert run(tmp_path, "x: R[p]\nL = norm2(x)**2\n").exit_code == 3
