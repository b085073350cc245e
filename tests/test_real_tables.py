"""The benchmark on real tables: its list, what it reads, and what it scores."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from benchmarks import tables as command
from benchmarks.real_tables import TABLES, RealTable
from benchmarks.tables import Scored, first_command, paired, score, scored, summary
from click.testing import CliRunner

from chainrule.cli.main import main
from chainrule.data import read_table

BUNDLED = {"iris": ("species", (150, 5)), "wine": ("cultivar", (178, 14))}


def of(file):
    pytest.importorskip("sklearn")
    return RealTable("scikit-learn", file, BUNDLED[file][0])


def test_each_half_has_a_dozen_tables_and_their_names_differ():
    assert min(Counter(table.half for table in TABLES).values()) >= 12
    assert len({table.name for table in TABLES}) == len(TABLES) >= 24


@pytest.mark.parametrize("file", BUNDLED)
def test_a_table_of_a_package_is_written_as_it_is(file, tmp_path):
    sklearn = pytest.importorskip("sklearn.datasets")
    table = read_table(of(file).written(tmp_path))
    data = getattr(sklearn, f"load_{file}")()
    assert (len(table), len(table.names)) == BUNDLED[file][1]
    np.testing.assert_array_equal(table.matrix(*data.feature_names), data.data)
    assert table[BUNDLED[file][0]].values.tolist() == data.target_names[data.target].tolist()


def test_the_columns_to_predict_are_there(tmp_path):
    """In the packages that are installed."""
    for table in TABLES:
        if not table.missing:
            path = table.written(tmp_path)
            assert path.suffix == ".json" or table.target in read_table(path), table.name


def test_a_score_is_that_of_the_command(tmp_path):
    found = score(of("iris"), tmp_path, splits=2)
    assert (found.measure, found.rows, found.inputs) == ("accuracy", 112, 4)
    assert {name: len(values) for name, values in found.scores.items()} == dict.fromkeys(
        ("chainrule", "linear", "trivial", "MLP"), 2
    )
    arguments = ["train", str(of("iris").written(tmp_path)), "--target", "species", "--seed", "1", "--json"]
    answer = CliRunner().invoke(main, [*arguments, "--quiet"])
    said = json.loads(answer.stdout)["scores"]["accuracy"]
    assert [found.scores[name][1] for name in ("chainrule", "linear", "trivial")] == list(
        map(said.get, ("held_out", "linear", "baseline"))
    )
    assert 0.8 < found.scores["MLP"][1] <= 1


def test_a_first_command_says_what_came_of_it(tmp_path, monkeypatch):
    wine = of("wine")
    came = first_command(wine, tmp_path)
    assert came.ended_in_a_model and came.said.startswith("multiclass, accuracy 0.9")
    path = wine.written(tmp_path)
    monkeypatch.setattr(RealTable, "written", lambda *_: path)
    came = first_command(replace(wine, target="grape"), tmp_path)
    assert not came.ended_in_a_model and "has no column 'grape'" in came.said


def test_a_table_without_its_package_has_a_reason():
    (said,) = scored([RealTable("nowhere", "a.csv", "y")])
    assert said == "nowhere a: nowhere is not installed (pip install -r benchmarks/peers.txt)"


def test_the_interval_holds_the_mean_in_95_of_100_runs():
    rng = np.random.default_rng(0)
    ends = [paired(rng.normal(1.0, 2.0, size=5))[1:] for _ in range(2000)]
    assert abs(np.mean([low <= 1 <= high for low, high in ends]) - 0.95) < 0.02
    _, low, high = paired(np.array([0.0, 2.0]), share=1.0)
    assert (high - low) / np.ptp(paired(np.array([0.0, 2.0]))[1:]) == pytest.approx(np.sqrt(3))


def test_tables_that_are_behind_are_listed():
    scores = {"chainrule": [0.5, 0.7], "linear": [0.6, 0.5], "MLP": [0.6, 0.7], "trivial": [0.1, 0.1]}
    one = Scored("one", "B", "R2", 60, 3, 1 / 3, scores, {})
    assert one.rival == "MLP" and one.margin[0] == pytest.approx(-0.05)
    assert summary([one]) == [
        "1 tables; 1 more than 0.02 behind the better of both others",
        "against linear: more than 0.02 better on 1, worse on 0; median +0.050",
        "against MLP: more than 0.02 better on 0, worse on 1; median -0.050",
        "behind: one -0.050 of MLP",
    ]


def test_the_command_prints_and_writes_the_figures(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "TABLES", [of("iris")])
    command.main(["--half", "both", "--splits", "2", "--json", str(tmp_path / "figures.json")])
    assert "scikit-learn iris" in capsys.readouterr().out
    (row,) = json.loads((tmp_path / "figures.json").read_text())["rows"]
    assert row["table"] == "scikit-learn iris" and len(row["scores"]["MLP"]) == 2 and len(row["margin"]) == 3
