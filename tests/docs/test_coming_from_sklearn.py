"""What the page for users of scikit-learn says of both libraries is so."""

import inspect
import re
import sys
import textwrap
import warnings
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.cli.main import main
from chainrule.cli.methods import BATCH, RATES
from chainrule.cli.train_options import ASIDE
from chainrule.persistence import load

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS))

from showing.examples import Session, blocks  # noqa: E402

PAGE = (DOCS / "coming_from_sklearn.md").read_text("utf-8")
NO_SKLEARN = "the half of the page that is scikit-learn's needs it"


def _tables():
    """The rows of each table, by the names in their first cell."""
    found = []
    for part in PAGE.split("\n## ")[1:]:
        rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("|")]
        found.append({name: row for row in rows for name in re.findall(r"`(\w+)`", row[0])})
    return found


@pytest.fixture(scope="module")
def mlp():
    return pytest.importorskip("sklearn.neural_network", reason=NO_SKLEARN)


def test_every_argument_is_there_with_its_default(mlp):
    arguments = _tables()[1]
    for kind in (mlp.MLPClassifier, mlp.MLPRegressor):
        for name, parameter in inspect.signature(kind).parameters.items():
            assert arguments[name][1].strip("`") == repr(parameter.default), name


def test_every_method_and_attribute_is_there(mlp):
    known = set(_tables()[2])
    X, y = np.arange(24.0).reshape(12, 2), np.arange(12) % 2
    for kind in (mlp.MLPClassifier, mlp.MLPRegressor):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            given = {"hidden_layer_sizes": (2,), "early_stopping": True, "validation_fraction": 0.4}
            fitted = kind(max_iter=2, **given).fit(X, y)
        public = {name for name in dir(fitted) if not name.startswith("_")}
        learned = {name for name in public if name.endswith("_")}
        methods = {name for name in public - learned if callable(getattr(fitted, name))}
        assert learned | methods <= known


def test_the_defaults_of_train_are_those_of_the_page():
    differs = re.findall(r"^\| ([\w ,]+?) \| .*? \| (.*?) \| .*? \|$", PAGE.split("\n## ")[1], re.MULTILINE)
    said = dict(differs)
    defaults = {one.name: one.default for one in main.get_command(None, "train").params}
    assert said["hidden units"] == str(defaults["hidden"])
    assert said["epochs at most"] == str(defaults["epochs"])
    assert said["Adam, step"] == str(RATES["adam"]) and said["rows of a batch"] == str(BATCH)
    assert f"{ASIDE:.0%}".replace("%", " %") in said["end"]
    assert f"fallen for {defaults['patience']};" in said["end"]
    assert f"`--patience {defaults['patience']}`" in PAGE and defaults["method"] == "adam"
    adam = cr.optimizers.Adam()
    assert (adam.beta1, adam.beta2, adam.epsilon) == (0.9, 0.999, 1e-8)


def test_options_of_the_page_can_be_typed():
    known = {name for command in ("train", "predict") for one in main.get_command(None, command).params
             for name in (*one.opts, *one.secondary_opts)}  # fmt: skip
    assert set(re.findall(r"`?(--[a-z][\w-]*)", PAGE)) <= known


def test_one_step_there_is_one_step_here(mlp):
    """Of the penalty, too: alpha is divided by the rows of the batch."""
    rng = np.random.default_rng(0)
    X, y, alpha, rate = rng.normal(size=(16, 3)), rng.integers(0, 3, 16), 0.7, 0.1

    def weights(learning_rate):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = mlp.MLPClassifier(
                (4,), "tanh", solver="sgd", alpha=alpha, batch_size=16, learning_rate_init=learning_rate,
                momentum=0.0, max_iter=1, random_state=0,
            ).fit(X, y)  # fmt: skip
        pairs = enumerate(zip(fitted.coefs_, fitted.intercepts_, strict=True), 1)
        return {name: value for k, (W, b) in pairs for name, value in ((f"W{k}", W.T), (f"b{k}", b))}

    penalty = cr.penalties.Frobenius(alpha / 16)
    net = cr.Network([3, 4, 3], "tanh", "softmax", "cross_entropy", penalty)
    before, after = weights(1e-300), weights(rate)
    gradient = net.gradient(before, X, y)
    for name, value in before.items():
        np.testing.assert_allclose(after[name], value - rate * gradient[name], rtol=1e-12, atol=1e-15)


def test_both_sides_run_and_agree(mlp, tmp_path):
    session = Session(tmp_path)
    ours = next(block.content for block in blocks(PAGE) if block.kind == "run")
    theirs, over = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    here = session.run(ours).text
    # It warns that 100 epochs are not the end.
    quiet = "import warnings\nwith warnings.catch_warnings():\n    warnings.simplefilter('ignore')\n"
    there = session.run(quiet + textwrap.indent(theirs, "    ")).text
    accuracies = [float(re.search(r"[\d.]+$", text)[0]) for text in (here, there)]
    assert min(accuracies) > 0.9
    session.run(over)
    model = load(tmp_path / "mlp.model")
    assert set(model.predict("wine")) == {"class_0", "class_1", "class_2"}
