"""The example sheets of the notes run: derive, check, and fit where it makes sense."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import chainrule as cr
from chainrule.cli.main import main
from chainrule.cli.sheet_file import find_objective

NOTES = Path(__file__).parents[2] / "examples" / "notes"
SHEETS = sorted(path for path in NOTES.glob("*.eqs") if not path.stem.endswith("_errata"))
ERRATA = sorted(NOTES.glob("*_errata.eqs"))

sheets = pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.stem)
errata = pytest.mark.parametrize("path", ERRATA, ids=lambda path: path.stem)


def read(path):
    return cr.Equations(path.read_text(encoding="utf-8"))


def run(*args):
    return CliRunner().invoke(main, [str(arg) for arg in args])


def test_all_five_documents_are_there():
    assert len(SHEETS) >= 10 and len(ERRATA) == 5


@sheets
def test_every_sheet_names_its_source_and_says_what_it_is(path):
    first, second = path.read_text(encoding="utf-8").splitlines()[:2]
    assert first.startswith("# ") and second.startswith("# After ")


@sheets
def test_every_claim_and_the_derived_gradient_hold(path):
    model = read(path)
    claims = cr.check_claims(model)
    assert claims.ok, str(claims)
    report = cr.verify(model, find_objective(model))
    assert report.ok, str(report)


@sheets
def test_derive_and_check_from_the_command_line(path):
    derived = run("derive", path)
    assert derived.exit_code == 0, derived.output
    assert f"d{find_objective(read(path))}/d" in derived.output
    assert run("check", path).exit_code == 0


@errata
def test_the_errata_are_refused_and_derived_all_the_same(path):
    assert run("derive", path).exit_code == 0
    assert run("check", path).exit_code == 1


FITS = {
    "relu_classifier": ("loss", {"m1": 6, "m2": 4}, "sign"),
    "softmax_network": ("L", {"n1": 5}, "shares"),
    "jacobian_tensor": ("E", {"h1": 6, "h2": 5}, ""),
    "regression_network": ("L", {"m": 6}, "real"),
    "classification_network": ("L", {"m": 6}, "bits"),
    "tanh_network": ("L", {"M": 6}, "class"),
}


@pytest.mark.parametrize("name", FITS)
def test_models_of_one_example_are_fitted_to_many(name):
    of, sizes, kind = FITS[name]
    rng = np.random.default_rng(71)
    X = rng.normal(size=(60, 3))
    score = X @ rng.normal(size=(3, 4))
    targets = {
        "sign": np.sign(score[:, 0]),
        "shares": np.eye(4)[np.argmax(score, axis=1)],
        "real": np.tanh(score),
        "bits": (score > 0).astype(float),
        "class": np.argmax(score, axis=1),
    }
    model = read(NOTES / f"{name}.eqs")
    first = next(item for item, role in model.roles.items() if role == "data")
    data = {first: X} | ({"y": targets[kind]} if kind else {})
    if "eta" in model.roles:
        data["eta"] = 0.1
    result = cr.fit(
        model,
        of=of,
        data=data,
        sizes=sizes,
        method=cr.optimizers.Adam(0.05, batch_size=None),
        epochs=150,
        seed=2,
    )
    assert result.history.loss[-1] < 0.5 * result.history.loss[0]


@pytest.mark.parametrize(
    ("name", "of", "data"),
    [
        ("logistic_regression", "L", {"λ": 0.3}),
        ("softmax_regression_penalty", "C", {"alpha": 0.1}),
        ("relu_classifier_dataset", "loss", {}),
        ("tanh_network_dataset", "risk", {}),
    ],
)
def test_models_of_a_whole_data_set_are_fitted(name, of, data):
    rng = np.random.default_rng(72)
    X = rng.normal(size=(40, 3))
    classes = np.argmax(X @ rng.normal(size=(3, 4)), axis=1)
    shown = {
        "logistic_regression": {"y": (classes > 1).astype(float)},
        "softmax_regression_penalty": {"Y": np.eye(4)[classes]},
        "relu_classifier_dataset": {"y": np.where(classes > 1, 1.0, -1.0)},
        "tanh_network_dataset": {"y": classes},
    }
    sizes = {"relu_classifier_dataset": {"m1": 6, "m2": 5}, "tanh_network_dataset": {"M": 6, "K": 4}}
    model = read(NOTES / f"{name}.eqs")
    result = cr.fit(
        model,
        of=of,
        data={"X": X, **shown[name], **data},
        sizes=sizes.get(name),
        method=cr.optimizers.LBFGS(),
        epochs=60,
        seed=2,
    )
    assert result.history.loss[-1] < 0.95 * result.history.loss[0]
