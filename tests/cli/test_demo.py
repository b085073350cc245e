import json
import re

import numpy as np
import pytest

from chainrule.catalogue import sheet
from chainrule.checking import check_gradient
from chainrule.equations import Derivation
from html_page import Page


@pytest.fixture
def short(run):
    return run("demo", "--epochs", 4)


def test_the_whole_job(short, tmp_path):
    assert short.code == 0
    for piece in (
        "dL/dV = dL/df hᵀ",
        "W1  right",
        "dL/dW  right",
        "accuracy",
        sheet("one_hidden_layer").text[:40],
    ):
        assert piece in short.out
    assert "held-out accuracy" in short.err and "wrote report.html" in short.err
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert page.count("img") >= 6
    assert "1,797 handwritten digits" in page.text
    assert "✗ wrong" not in page.text


def test_json_and_splits(run, tmp_path):
    answer = run("demo", "--epochs", 3, "--splits", 2, "--json", "--quiet", "--report", "two.html")
    assert (answer.code, answer.err) == (0, "")
    figures = json.loads(answer.out)
    accuracies = [split["accuracy"]["held_out"] for split in figures["splits"]]
    assert len(accuracies) == 2 and accuracies[0] != accuracies[1]
    assert figures["mean_accuracy"] == pytest.approx(sum(accuracies) / 2)
    assert all(0.85 < accuracy < 1 for accuracy in accuracies)
    assert figures["gradient"]["ok"] and figures["gradient"]["agreement"] < 1e-13
    assert (tmp_path / "two.html").exists()


def test_several_splits_are_named_and_their_mean_is_shown(run, short):
    assert "first of" not in short.out and "mean accuracy" not in short.out
    answer = run("demo", "--epochs", 1, "--splits", 2)
    accuracies = [float(found) for found in re.findall(r"held-out accuracy (\S+)", answer.err)]
    assert "Held-out scores, first of 2 splits" in answer.out and len(accuracies) == 2
    (mean,) = re.findall(r"mean accuracy of 2 splits: (\S+)", answer.out)
    assert float(mean) == pytest.approx(sum(accuracies) / 2, abs=1e-4)


def test_quiet_silences_remarks_alone(run):
    answer = run("demo", "--epochs", 1, "-q")
    assert answer.err == "" and "Its gradient, derived" in answer.out


def test_the_sheet_in_place_of_the_network(run):
    answer = run("demo", "--sheet", "--epochs", 3, "--json", "-q")
    figures = json.loads(answer.out)
    assert figures["model"] == "sheet"
    assert [block["name"] for block in figures["gradient"]["code"]["blocks"]] == ["W", "b", "V", "c"]
    assert figures["mean_accuracy"] > 0.85


def test_a_seed_says_everything(run):
    def accuracy(seed):
        answer = run("demo", "--epochs", 2, "--seed", seed, "--json", "-q")
        return json.loads(answer.out)["splits"][0]["log_loss"]["held_out"]

    assert accuracy(1) == accuracy(1) != accuracy(2)


def _wrong_print(monkeypatch):
    right = Derivation.sheet
    monkeypatch.setattr(Derivation, "sheet", lambda self: right(self).replace("1 - h * h", "1 - h"))


def _wrong_code(monkeypatch):
    theta = np.array([0.3, 0.7])
    wrong = check_gradient(lambda at: float(at @ at), theta, theta)
    monkeypatch.setattr("chainrule.cli.demo.check_contender", lambda *arguments: wrong)


def _programs_that_differ(monkeypatch):
    monkeypatch.setattr("chainrule.cli.demo.agreement", lambda *arguments: 1e-11)


@pytest.mark.parametrize("spoil", [_wrong_print, _wrong_code, _programs_that_differ])
def test_a_proof_that_fails_is_told_by_the_code_in_json_and_on_the_page(run, tmp_path, monkeypatch, spoil):
    spoil(monkeypatch)
    answer = run("demo", "--epochs", 1, "--json", "-q")
    assert answer.code == 1
    assert json.loads(answer.out)["gradient"]["ok"] is False
    assert "✗ wrong" in Page((tmp_path / "report.html").read_text(encoding="utf-8")).text


@pytest.mark.full
def test_accuracy_on_five_splits(run):
    for option in ([], ["--sheet"]):
        figures = json.loads(run("demo", "--splits", 5, "--json", "-q", *option).out)
        assert figures["mean_accuracy"] >= 0.97
