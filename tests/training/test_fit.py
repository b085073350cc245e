"""fit: models, starting values, early stopping, divergence, Ctrl-C, callbacks, progress, resume."""

import math
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import chainrule as cr
from chainrule.equations import Equations
from chainrule.errors import DataError, OptionError, ShapeError
from chainrule.network import Network
from chainrule.optimize import (
    LBFGS,
    SGD,
    Adam,
    AdamW,
    Averaged,
    Clipped,
    Cosine,
    GradientDescent,
    HeavyBall,
    Momentum,
    initial_state,
)
from chainrule.optimize.history import Epoch, History
from chainrule.parameters import Parameters, ParameterSpec
from chainrule.penalties import Frobenius
from chainrule.training import EarlyStopping, fit, minimize
from chainrule.training.early_stopping import Stopper
from chainrule.training.progress import wants_progress
from sample_objectives import Explosive, Logistic, Quadratic


class Sheet:
    """A stand-in for a sheet of equations: s(w_0 + Wx) with one output, by the logistic loss."""

    def __init__(self):
        self.asked = []

    def objective(self, of, data, reduction="mean", sample_weight=None, sizes=None):
        self.asked.append({"of": of, "reduction": reduction, "sample_weight": sample_weight, "sizes": sizes})
        objective = Logistic(n=len(data["y"]), p=data["x"].shape[1])
        objective.X, objective.y = data["x"], data["y"]
        return objective


def table(n=23, d=4, seed=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return {"x": X, "y": np.sign(X[:, 0] + 0.3 * rng.normal(size=n))}


def test_a_sheet_is_asked_for_its_objective():
    sheet, weight = Sheet(), np.ones(23)
    method = HeavyBall(0.5, smoothing=0.1)
    result = fit(
        sheet,
        of="L",
        data=table(),
        sizes={"M": 32},
        method=method,
        epochs=30,
        reduction="sum",
        sample_weight=weight,
    )
    assert sheet.asked == [{"of": "L", "reduction": "sum", "sample_weight": weight, "sizes": {"M": 32}}]
    assert result.history.loss[-1] < result.history.loss[0] and len(result.history) == 30
    assert result.parameters["w"].shape == (4,)


def test_a_network_is_fitted_from_its_own_starting_values():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(61, 3))
    Y = np.sin(X @ rng.normal(size=(3, 2)))
    net = Network([3, 8, 2], activation="tanh", output="identity", loss="squared")
    result = fit(net, data=(X, Y), method=Adam(0.02, batch_size=7), epochs=60, seed=4, evaluate_every=60)
    assert result.history.end_loss[-1] < 0.1 * result.history.loss[0]
    assert result.history.end_loss[-1] == net.objective(X, Y).value(result.parameters.vector)
    begin = fit(net, data=(X, Y), epochs=0, seed=4).parameters
    assert begin == net.initialize(np.random.default_rng(4))
    other = fit(net, data=(X, Y), epochs=0, seed=4, initial="he_normal").parameters
    assert other == net.initialize(np.random.default_rng(4), scheme="he_normal")
    named = fit(net, data=(X, Y), epochs=0, seed=4, initial={"b1": np.arange(8.0)}).parameters
    assert named["b1"].tolist() == list(range(8)) and np.array_equal(named["W1"], begin["W1"])


def test_a_network_on_shuffled_slices_takes_the_same_steps_as_on_gathered_rows():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(23, 3)), rng.integers(0, 4, 23)
    objective = Network([3, 5, 4], activation="tanh", output="softmax", loss="cross_entropy").objective(X, y)

    class Gathered:
        parameters, size, value = objective.parameters, objective.size, objective.value
        value_and_gradient = objective.value_and_gradient

    theta = rng.normal(size=objective.parameters.size)
    for method in (SGD(0.1, 5, momentum=0.9), Adam(0.01, 4)):
        ends = [fit(one, method=method, epochs=5, initial=theta).state for one in (objective, Gathered())]
        np.testing.assert_allclose(ends[0].theta, ends[1].theta, rtol=1e-10)
        assert ends[0].loss == pytest.approx(ends[1].loss, rel=1e-12, abs=0)


def test_a_network_resumes_bit_for_bit(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(23, 3)), rng.integers(0, 4, 23)
    net = Network([3, 5, 4], activation="tanh", output="softmax", loss="cross_entropy")
    how = {"data": (X, y), "method": Adam(Cosine(0.05, 20), batch_size=5)}
    whole = fit(net, **how, epochs=20)
    fit(net, **how, epochs=10, checkpoint=tmp_path / "run")
    assert fit(net, **how, epochs=10, resume=tmp_path / "run").state == whole.state


def test_the_default_method_and_seed():
    objective = Logistic(n=100)
    default = fit(objective, epochs=3)
    assert default.state == fit(objective, method=Adam(0.01, 32), epochs=3, seed=0).state
    assert default.state != fit(objective, epochs=3, seed=1).state
    assert default.state.step == 12
    rng = np.random.default_rng(0)
    assert fit(objective, epochs=3, seed=rng).state == default.state
    assert fit(objective, epochs=3, seed=rng).state != default.state


SHEET = """
    data        x: R[p];  y: Class[K]
    parameters  W: R[M, p];  b: R[M];  V: R[K, M];  c: R[K]
    h = tanh(b + W @ x)
    f = c + V @ h
    L = logsumexp(f) - f[y]
"""


def tanh_network_loss(parameters, X, y):
    scores = np.tanh(X @ parameters["W"].T + parameters["b"]) @ parameters["V"].T + parameters["c"]
    shifted = scores - scores.max(axis=1, keepdims=True)
    return (np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(y)), y]).mean()


def test_equations_are_fitted(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(61, 3))
    y = (X @ rng.normal(size=(3, 4))).argmax(axis=1)
    how = {"of": "L", "data": {"x": X[:50], "y": y[:50]}, "sizes": {"M": 7, "K": 4}, "seed": 3}
    how["method"] = HeavyBall(learning_rate=0.5, smoothing=0.1, batch_size=8)
    result = fit(Equations(SHEET), **how, epochs=20, validation={"x": X[50:], "y": y[50:]}, evaluate_every=1)
    assert result.history.end_loss[-1] < 0.5 * result.history.loss[0]
    assert result.history.end_loss[-1] == pytest.approx(tanh_network_loss(result.parameters, X[:50], y[:50]))
    assert result.history.validation[-1] == pytest.approx(
        tanh_network_loss(result.parameters, X[50:], y[50:])
    )
    fit(Equations(SHEET), **how, epochs=10, checkpoint=tmp_path / "run")
    assert fit(Equations(SHEET), **how, epochs=10, resume=tmp_path / "run").state == result.state


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"data": table()}, 'of="L"'),
        ({"of": "L"}, "data is missing; a sheet needs arrays by name"),
        ({"of": "L", "data": (1, 2)}, "data is a tuple; a sheet needs"),
    ],
)
def test_a_sheet_needs_of_and_named_data(arguments, message):
    with pytest.raises(OptionError, match=message):
        fit(Sheet(), **arguments)


def test_arguments_of_another_kind_of_model_are_refused():
    with pytest.raises(OptionError, match="Quadratic is an objective, which holds its data; of, data, sizes"):
        fit(Quadratic(), of="L", data={}, sizes={"M": 3})
    net = Network([3, 2], output="identity", loss="squared")
    with pytest.raises(OptionError, match="of, reduction belongs to a sheet"):
        fit(net, of="L", reduction="sum", data=(np.ones((4, 3)), np.ones((4, 2))))
    with pytest.raises(OptionError, match=r"data is missing; a network needs the pair data=\(X, y\)"):
        fit(net)
    with pytest.raises(OptionError, match="The model is str; expected Equations, a Network or an objective"):
        fit("model")


def test_a_method_is_checked_whatever_else_is_given():
    for more in ({}, {"resume": fit(Quadratic(), epochs=1)}):
        with pytest.raises(OptionError, match=r"method is 'adam'; expected one like"):
            fit(Quadratic(), method="adam", **more)
    with pytest.raises(OptionError, match="not a sum over examples"):
        fit(Quadratic(), method=SGD(0.1))


def stop_after(patience, scores, method=None, start=math.inf, **options):
    objective = Logistic(n=23)
    numbers = iter([start, *scores])
    return objective, fit(
        objective,
        method=method or Momentum(0.1, batch_size=5),
        epochs=len(scores),
        validation=lambda parameters: next(numbers),
        early_stopping=EarlyStopping(patience=patience, **options),
    )


def test_early_stopping_keeps_the_best_state():
    objective, result = stop_after(3, [5.0, 4.0, 4.5, 3.9, 3.95, 3.92, 4.1, 0.0])
    assert (result.state.epoch, result.best.epoch) == (7, 4)
    assert result.best == fit(objective, method=Momentum(0.1, batch_size=5), epochs=4).state
    assert np.array_equal(result.parameters.vector, result.best.theta)
    assert "the validation loss has not fallen for 3 epochs; the best was 3.9 after epoch 4" in result.stopped
    assert "parameters of epoch 4" in repr(result)
    assert not result.converged


def test_the_best_state_is_kept_when_patience_was_enough():
    _, result = stop_after(5, [5.0, 4.0, 4.5, 4.2])
    assert (result.state.epoch, result.best.epoch) == (4, 2) and "all 4 epochs" in result.stopped


def test_min_delta_and_nan_are_no_improvement():
    _, result = stop_after(2, [5.0, 4.95, 4.9, 0.0], min_delta=0.5)
    assert (result.state.epoch, result.best.epoch) == (3, 1)
    _, result = stop_after(2, [5.0, np.nan, np.nan, 0.0])
    assert (result.state.epoch, result.best.epoch) == (3, 1)


def test_end_loss_is_evaluated_when_it_is_monitored():
    objective = Quadratic(p=5)
    result = fit(
        objective,
        method=Momentum(0.19, 0.5),
        initial=np.full(5, 3.0),
        epochs=200,
        early_stopping=EarlyStopping(patience=2, monitor="end_loss"),
    )
    assert not np.isnan(result.history.end_loss).any()
    assert objective.value(result.parameters.vector) == result.history.end_loss.min()


def test_the_loss_at_the_end_of_epochs_is_not_evaluated_where_nobody_asked():
    _, result = stop_after(3, [5.0, 4.0, 4.5])
    assert np.isnan(result.history.end_loss).all() and not np.isnan(result.history.validation).any()


def test_early_stopping_explains_what_is_missing():
    with pytest.raises(OptionError, match="no validation was given"):
        fit(Quadratic(), early_stopping=EarlyStopping())
    for wrong in ({"patience": 0}, {"patience": 1.5}, {"min_delta": -1.0}, {"monitor": "accuracy"}):
        with pytest.raises(OptionError, match=next(iter(wrong))):
            EarlyStopping(**wrong)


def test_validation_data_are_read_like_the_training_data():
    sheet, held_out = Sheet(), table(n=11, seed=9)
    result = fit(sheet, of="L", data=table(), method=GradientDescent(0.3), epochs=4, validation=held_out)
    expected = sheet.objective("L", held_out).value(result.parameters.vector)
    assert result.history.validation[-1] == pytest.approx(expected, rel=1e-14, abs=0)
    with pytest.raises(DataError, match="validation data give"):
        fit(sheet, of="L", data=table(), validation=table(d=3))
    objective = Logistic(n=23)
    result = fit(objective, epochs=2, validation=Logistic(n=7))
    assert result.history.validation[-1] == Logistic(n=7).value(result.parameters.vector)
    with pytest.raises(OptionError, match="beside an objective"):
        fit(objective, validation={"x": 1})


def test_a_validation_function_cannot_change_the_run():
    def validation(parameters):
        assert isinstance(parameters, Parameters)
        parameters["w"][:] = 0
        return 0.0

    objective, method = Logistic(n=23), Momentum(0.1)
    spoiled = fit(objective, method=method, epochs=5, initial=np.ones(4), validation=validation)
    assert spoiled.state == fit(objective, method=method, epochs=5, initial=np.ones(4)).state


def test_divergence_hands_back_the_last_good_state_and_says_where():
    result = fit(Explosive(p=5), method=GradientDescent(3.0), initial=np.ones(5), epochs=10_000)
    assert np.isfinite(result.parameters.vector).all() and not result.converged
    assert f"diverged in epoch {len(result.history) + 1}" in result.stopped
    assert "theta^T A theta overflows first" in result.stopped


def test_a_diverging_network_names_the_first_quantity():
    rng = np.random.default_rng(0)
    net = Network([3, 4, 2], activation="tanh", output="identity", loss="squared")
    data = rng.normal(size=(23, 3)), rng.normal(size=(23, 2))
    result = fit(net, data=data, method=GradientDescent(1e3), epochs=500)
    assert "diverged in epoch" in result.stopped and np.isfinite(result.parameters.vector).all()
    assert "the loss squared is not finite" in result.stopped
    assert np.isfinite(result.history.gradient_norm).all() and result.history.gradient_norm[-1] > 1e150


class Interrupts(Logistic):
    def value_and_gradient(self, theta, rows=None):
        if len(self.calls) == 33:
            raise KeyboardInterrupt
        return super().value_and_gradient(theta, rows)


def test_ctrl_c_hands_back_the_best_so_far(tmp_path):
    scores = iter([4.0, 3.0, 1.0, 2.0, 2.5, 2.6, 2.7])
    result = fit(
        Interrupts(n=23),
        method=SGD(0.1, 5),
        epochs=100,
        validation=lambda parameters: next(scores),
        early_stopping=EarlyStopping(patience=50),
        checkpoint=tmp_path / "run",
    )
    assert "interrupted" in result.stopped
    assert (result.state.epoch, result.best.epoch) == (6, 2)
    assert result.best == fit(Logistic(n=23), method=SGD(0.1, 5), epochs=2).state
    more = fit(Logistic(n=23), method=SGD(0.1, 5), epochs=4, resume=tmp_path / "run")
    assert more.state == fit(Logistic(n=23), method=SGD(0.1, 5), epochs=10).state


def test_callbacks_see_the_last_state_of_a_run_that_stops_early():
    seen = []
    numbers = iter([5.0, 2.0, 3.0, 4.0])
    result = fit(
        Logistic(),
        epochs=9,
        validation=lambda parameters: next(numbers),
        early_stopping=EarlyStopping(patience=1),
        callbacks=[lambda state: seen.append(state)],
    )
    assert seen[-1] == result.state and len(seen) == 2


def test_tolerance_and_lbfgs():
    objective = Logistic(n=61, p=8)
    result = fit(objective, method=LBFGS(), epochs=200)
    assert result.converged and result.history.gradient_norm[-1] <= 1e-8
    result = fit(objective, method=Momentum(0.2), epochs=2000, tolerance=1e-6)
    assert result.converged and np.abs(result.parameters.vector - objective.minimiser()).max() < 1e-4


def test_resume_in_memory():
    objective, how = Logistic(n=23), {"method": Adam(0.05, batch_size=5), "seed": 6}
    whole, half = fit(objective, **how, epochs=20), fit(objective, **how, epochs=10)
    by_state = fit(objective, **how, epochs=10, resume=half.state)
    by_result = fit(objective, **how, epochs=10, resume=half)
    assert by_state.state == by_result.state == whole.state
    assert by_state.history.epoch[0] == 11 and by_result.history.epoch.tolist() == list(range(1, 21))
    assert by_result.history.loss.tolist() == whole.history.loss.tolist()
    with pytest.raises(OptionError, match="initial and resume"):
        fit(objective, resume=half, initial=np.ones(4))
    with pytest.raises(OptionError, match="resume is a int"):
        fit(objective, resume=3)


def test_early_stopping_goes_on_where_it_was():
    scores = [9.0, 5.0, 3.0, 3.5, 3.4, 3.3, 3.2, 3.1]
    objective, rule, method = Logistic(n=23), EarlyStopping(patience=4), Momentum(0.1, batch_size=5)

    def scored(epochs, **options):
        return fit(
            objective,
            method=method,
            epochs=epochs,
            early_stopping=rule,
            validation=lambda parameters: numbers.pop(0),
            **options,
        )

    numbers = list(scores)
    whole = scored(7)
    numbers = list(scores)
    half = scored(4)
    rest = scored(3, resume=half)
    assert whole.best == rest.best and whole.state == rest.state and whole.stopped == rest.stopped
    assert (rest.best.epoch, rest.state.epoch) == (2, 6)


@pytest.mark.parametrize("through_a_file", [False, True])
def test_a_run_that_early_stopping_ended_stays_ended(through_a_file, tmp_path):
    path = tmp_path / "run"
    how = {"method": Momentum(0.1, batch_size=5), "validation": lambda parameters: 1.0}
    ended = fit(Logistic(n=23), **how, early_stopping=EarlyStopping(patience=3), checkpoint=path)
    assert (ended.state.epoch, ended.best.epoch) == (3, 0)
    resume = path if through_a_file else ended
    again = fit(Logistic(n=23), **how, early_stopping=EarlyStopping(patience=3), resume=resume)
    assert again.state == ended.state and again.best == ended.best and again.history == ended.history
    advice = "The run had ended here; a larger patience, or none, lets it go on."
    assert again.stopped == f"{ended.stopped} {advice}" and not again.converged
    more = fit(Logistic(n=23), **how, early_stopping=EarlyStopping(patience=5), resume=resume)
    assert (more.state.epoch, more.best.epoch) == (5, 0)
    assert fit(Logistic(n=23), **how, epochs=2, resume=resume).state == more.state


@pytest.mark.parametrize("monitor", ["validation", "end_loss", "loss"])
@pytest.mark.parametrize("batch_size", [None, 5])
def test_the_start_is_the_best_of_a_run_that_only_climbs(monitor, batch_size):
    class Bowl(Logistic):
        def value(self, theta, rows=None):
            return 0.5 * theta @ theta

        def value_and_gradient(self, theta, rows=None):
            return self.value(theta), theta.copy()

    start = np.full(4, 0.7)
    result = fit(
        Bowl(),
        method=Momentum(3.0, 0.0, batch_size),
        initial=start,
        validation=Bowl(),
        early_stopping=EarlyStopping(patience=4, monitor=monitor),
    )
    assert result.best.epoch == 0 and np.array_equal(result.parameters.vector, start)
    assert "the best was 0.98 at the start" in result.stopped and result.diverged
    assert "parameters of epoch 0" in repr(result)


def test_min_delta_counts_from_the_start_also_after_a_resume():
    rule = EarlyStopping(patience=9, min_delta=0.1)
    objective, method = Logistic(n=23), Momentum(0.1)

    def scored(numbers, **options):
        left = iter(numbers)
        return fit(objective, method=method, validation=lambda _: next(left), early_stopping=rule, **options)

    whole = scored([4.0, 3.95, 3.87], epochs=2)
    assert whole.best.epoch == 2
    half = scored([4.0, 3.95], epochs=1)
    rest = scored([4.0, 3.87], epochs=1, resume=half)
    assert half.best.epoch == 0 and rest.best == whole.best


def test_starting_values_are_drawn_as_documented():
    class Named(Quadratic):
        def __init__(self):
            self.parameters = ParameterSpec.of({"W": (200, 300), "b": (200,), "c": (), "V": (100, 200)})

    theta = fit(Named(), epochs=0, seed=1).parameters
    assert theta["W"].std() == pytest.approx(300**-0.5, rel=0.02)
    assert theta["V"].std() == pytest.approx(200**-0.5, rel=0.02)
    assert not theta["b"].any() and theta["c"] == 0
    assert theta == fit(Named(), epochs=0, seed=1).parameters
    assert theta != fit(Named(), epochs=0, seed=2).parameters
    he = fit(Named(), epochs=0, initial="he_normal").parameters
    assert he["W"].std() == pytest.approx((2 / 300) ** 0.5, rel=0.02)
    given = {
        "W": "zeros",
        "b": np.arange(200),
        "c": 2,
        "V": lambda rng, outputs, inputs: np.full((100, 200), inputs),
    }
    named = fit(Named(), epochs=0, initial=given).parameters
    assert not named["W"].any() and named["b"][7] == 7 and named["c"] == 2 and (named["V"] == 200).all()
    some = fit(Named(), epochs=0, seed=1, initial={"b": "lecun_normal"}).parameters
    assert some["b"].std() == pytest.approx(200**-0.5, rel=0.2) and np.array_equal(some["V"], theta["V"])


@pytest.mark.parametrize(
    ("initial", "kind", "message"),
    [
        ({"q": 1.0}, OptionError, "initial names q, but the parameters are u, v"),
        ({"v": "magic"}, OptionError, "'magic' is unknown; there are zeros, "),
        ("magic", OptionError, "magic"),
        ({"v": [1.0, 2, 3]}, ShapeError, r"initial\['v'\] has shape \(3,\); v has shape \(2,\)"),
        ({"v": [1j, 2]}, OptionError, "complex128"),
        ({"v": [np.inf, 2]}, OptionError, "infinity in v"),
        (np.ones(4), ShapeError, "5 parameters"),
    ],
)
def test_wrong_starting_values(initial, kind, message):
    with pytest.raises(kind, match=message):
        fit(Quadratic(p=5), initial=initial, epochs=1)


def test_all_starting_values_can_be_given():
    for initial in (
        [1, 2, 3, 4, 5],
        Parameters.from_arrays({"u": [1, 2, 3], "v": [4, 5]}),
        {"u": [1, 2, 3], "v": [4, 5]},
    ):
        assert fit(Quadratic(p=5), initial=initial, epochs=0).parameters["v"].tolist() == [4, 5]


def test_progress_goes_to_standard_error_only_when_asked_off_a_terminal(capsys):
    fit(Logistic(), epochs=3)
    assert capsys.readouterr() == ("", "")
    fit(Logistic(), epochs=3, progress=True, validation=lambda parameters: 0.25)
    out, err = capsys.readouterr()
    assert out == "" and "3/3" in err and "loss 0." in err and "validation 0.25" in err


def test_progress_is_shown_on_a_terminal_unless_told_otherwise(monkeypatch):
    for is_terminal in (True, False):
        monkeypatch.setattr("sys.stderr", SimpleNamespace(isatty=lambda shown=is_terminal: shown))
        assert [wants_progress(asked) for asked in (None, True, False)] == [is_terminal, True, False]


def test_fit_is_public_and_its_import_is_light():
    code = (
        "import chainrule as cr, sys; cr.fit; cr.minimize; cr.optimizers.Adam; "
        "print([m for m in ('scipy.optimize', 'rich', 'sklearn', 'matplotlib') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
    assert cr.fit is fit


def test_the_epochs_own_state_can_be_prepared_by_hand():
    objective, method = Logistic(n=23), Momentum(0.1, batch_size=4)
    start = initial_state(objective, method, np.ones(4), seed=2)
    assert fit(objective, method=method, epochs=3, resume=start).state.epoch == 3


def test_float32_inputs_make_a_float32_run():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(23, 3)), rng.integers(0, 4, 23)
    net = Network([3, 5, 4], output="softmax", loss="cross_entropy")
    for dtype in (np.float32, np.float64):
        for initial in (None, "he_normal", {"b1": np.arange(5.0)}, {"W2": "zeros"}):
            result = fit(net, data=(X.astype(dtype), y), epochs=2, initial=initial)
            assert result.parameters.vector.dtype == result.state.slots["first_moment"].dtype == dtype


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"callbacks": print}, "callbacks is .*; expected a sequence of functions"),
        ({"callbacks": None}, "callbacks is None"),
        ({"callbacks": ["print"]}, "callbacks is"),
        ({"early_stopping": 5}, r"early_stopping is 5; expected EarlyStopping\(...\) or None"),
        ({"checkpoint": 5}, r"checkpoint is 5; expected Checkpoint\(...\) or None"),
        ({"tolerance": "small"}, "tolerance is 'small'"),
        ({"epochs": 2.0}, "epochs is 2.0"),
    ],
)
def test_options_of_another_kind_are_refused_before_training(options, message):
    objective = Logistic(n=23)
    objective.value_and_gradient = lambda theta, rows=None: pytest.fail("training began")
    with pytest.raises(OptionError, match=message):
        fit(objective, **options)


def test_whole_numbers_of_numpy_are_whole_numbers():
    result = fit(Quadratic(), epochs=np.int64(3), evaluate_every=np.int64(2))
    assert len(result.history) == 3 and np.isnan(result.history.end_loss).tolist() == [True, False, True]


def test_what_a_sum_repeats_is_remarked_of_a_fit():
    sheet = Equations("data y: R\nparameters m: R; s: R\nL = s + (y - m)**2 * exp(-2 * s) / 2")
    options = {"of": "L", "data": {"y": [1.0, 2.0, 4.0, 7.0]}, "method": GradientDescent(1e-3), "epochs": 1}
    assert ["s counts 4 times" in remark for remark in fit(sheet, reduction="sum", **options).remarks] == [
        True
    ]
    assert fit(sheet, **options).remarks == ()


def test_a_start_without_a_value_is_never_the_best():
    def measure(state):
        return math.nan

    start, later = (initial_state(Logistic(), SGD(0.1), np.full(4, at)) for at in (0.0, 1.0))
    stopper = Stopper(EarlyStopping(monitor="loss"), start, History.of([]), measure)
    stopper(later, Epoch(1, 0.5, 1.0))
    assert stopper.best is later


def test_weights_are_not_shrunk_twice_unless_it_is_meant():
    rng = np.random.default_rng(0)
    data = rng.normal(size=(23, 3)), rng.integers(0, 2, 23)
    penalised = Network([3, 2], (), "softmax", "cross_entropy", Frobenius(0.1))
    plain = Network([3, 2], (), "softmax", "cross_entropy")
    for train in (fit, minimize):
        for method in (AdamW(0.1), Averaged(Clipped(AdamW(0.1)))):
            with pytest.raises(OptionError, match="AdamW shrinks the weights in every step, and the network"):
                train(penalised, data=data, method=method, epochs=1)
            train(plain, data=data, method=method, epochs=1)
        train(penalised, data=data, method=AdamW(0.1, beside_penalty=True), epochs=1)
