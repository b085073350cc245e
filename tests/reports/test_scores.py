"""Scores against scikit-learn's metrics, which share no code with them."""

import numpy as np
import pytest

from chainrule.errors import DataError, ShapeError
from chainrule.reports import ClassificationScores, FoldScores, RegressionScores, Score, class_examples
from chainrule.reports.score_table import texts_of

metrics = pytest.importorskip("sklearn.metrics")


@pytest.fixture
def classified():
    rng = np.random.default_rng(0)
    truth, training = rng.integers(0, 4, 57), np.repeat([0, 1, 2, 3], [9, 20, 4, 2])
    P = rng.dirichlet(np.ones(4), 57)
    return ClassificationScores.of("abcd", truth, P, training), truth, P


def test_scores_of_classes(classified):
    scores, truth, P = classified
    guess = P.argmax(axis=1)
    assert scores.accuracy == pytest.approx(metrics.accuracy_score(truth, guess))
    assert scores.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(truth, guess))
    assert scores.log_loss == pytest.approx(metrics.log_loss(truth, P, labels=range(4)))
    np.testing.assert_array_equal(scores.confusion, metrics.confusion_matrix(truth, guess, labels=range(4)))


def test_scores_class_by_class(classified):
    scores, truth, P = classified
    precision, recall, f1, rows = metrics.precision_recall_fscore_support(truth, P.argmax(axis=1))
    for k, line in enumerate(scores.per_class):
        assert line == ("abcd"[k], rows[k], *map(pytest.approx, (precision[k], recall[k], f1[k])))


def test_the_baseline_knows_the_training_shares(classified):
    scores, truth, _ = classified
    accuracy, balanced, auc, log_loss, calibration = scores.table
    assert accuracy.baseline == pytest.approx(np.mean(truth == 1))
    assert balanced.baseline == pytest.approx(1 / 4)
    assert auc.baseline == 0.5
    assert calibration.baseline == pytest.approx(abs(20 / 35 - np.mean(truth == 1)))
    shares = np.tile([9 / 35, 20 / 35, 4 / 35, 2 / 35], (57, 1))
    assert log_loss.baseline == pytest.approx(metrics.log_loss(truth, shares, labels=range(4)))


def test_classes_that_do_not_occur_leave_the_balance_alone():
    scores = ClassificationScores.of("abc", [0, 0, 2], np.eye(3)[[0, 1, 2]], [0, 1, 2])
    assert scores.balanced_accuracy == pytest.approx((1 / 2 + 1) / 2)
    label, rows, precision, recall, f1 = scores.per_class[1]
    assert (label, rows, precision, f1) == ("b", 0, 0.0, 0.0) and np.isnan(recall)


def test_a_certain_mistake_costs_much_but_not_everything():
    scores = ClassificationScores.of("ab", [0, 1], [[0.0, 1.0], [0.0, 1.0]], [0, 1])
    assert 300 < scores.log_loss < 400


def test_scores_of_numbers():
    rng = np.random.default_rng(1)
    truth, guess, seen = (rng.normal(size=n) for n in (23, 23, 11))
    scores = RegressionScores.of(truth, guess, seen)
    constant = np.full(23, seen.mean())
    r2, mae, rms = scores.table
    assert r2.model == pytest.approx(metrics.r2_score(truth, guess))
    assert r2.baseline == pytest.approx(metrics.r2_score(truth, constant))
    assert mae.model == pytest.approx(metrics.mean_absolute_error(truth, guess))
    assert mae.baseline == pytest.approx(metrics.mean_absolute_error(truth, constant))
    assert rms.model == scores.loss == pytest.approx(np.sqrt(((truth - guess) ** 2).mean()))


def test_each_of_several_targets_is_scored_in_its_own_units():
    rng = np.random.default_rng(1)
    truth, guess, seen, linear = (rng.normal(size=(n, 2)) for n in (23, 23, 11, 23))
    scores = RegressionScores.of(truth, guess, seen, linear, names=("price", "weight"))
    mean, *each = scores.table
    assert (mean.name, mean.model) == ("mean R2", pytest.approx(metrics.r2_score(truth, guess)))
    for j, name in enumerate(scores.names):
        alone = RegressionScores.of(truth[:, j], guess[:, j], seen[:, j], linear[:, j]).table
        found = [score for score in each if score.name.startswith(f"{name}: ")]
        for mine, theirs in zip(found, alone, strict=True):
            expected = [theirs.model, theirs.linear, theirs.baseline]
            assert [mine.model, mine.linear, mine.baseline] == pytest.approx(expected)
    # In cents instead of euros, the weight keeps its scores, and what is to be small does not change.
    unit = np.array([100.0, 1.0])
    cents = RegressionScores.of(truth * unit, guess * unit, seen * unit, linear * unit, names=scores.names)
    assert cents.to_dict()["targets"]["weight"] == scores.to_dict()["targets"]["weight"]
    assert cents.loss == pytest.approx(scores.loss) and "standard deviations" in scores.loss_name


def test_the_pixels_of_a_picture_have_no_lines_of_their_own():
    rng = np.random.default_rng(1)
    truth, guess = rng.normal(size=(9, 64)), rng.normal(size=(9, 64))
    scores = RegressionScores.of(truth, guess, truth)
    assert [score.name for score in scores.table] == ["mean R2"] and len(scores.to_dict()["targets"]) == 64


def test_one_output_may_be_a_column_or_not():
    rng = np.random.default_rng(1)
    truth, guess, seen = rng.normal(size=23), rng.normal(size=23), rng.normal(size=11)
    want = RegressionScores.of(truth, guess, seen).to_dict()
    assert RegressionScores.of(truth, guess[:, None], seen).to_dict() == want
    assert RegressionScores.of(truth[:, None], guess, seen[:, None]).to_dict() == want


def test_a_constant_target_has_no_r2():
    scores = RegressionScores.of([2.0, 2.0, 2.0], [1.0, 2.0, 3.0], [2.0, 5.0])
    assert np.isnan(scores.r2)
    assert scores.to_dict()["r2"]["held_out"] is None
    assert "undefined" in str(scores)
    truth = np.array([[2.0, 1.0], [2.0, 3.0]])
    assert np.isnan(RegressionScores.of(truth, truth + 1, truth).r2)


def test_names_in_plain_data(classified):
    plain = classified[0].to_dict()
    measured = {"accuracy", "balanced_accuracy", "auc", "log_loss", "calibration_error"}
    assert set(plain) == {*measured, "rows", "confusion"}
    assert set(plain["accuracy"]) == {"held_out", "baseline"}


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match=r"expected \(3, 2\)"):
        ClassificationScores.of("ab", [0, 1, 1], np.ones((3, 4)), [0])
    with pytest.raises(DataError, match="at least one"):
        ClassificationScores.of("ab", [], np.ones((0, 2)), [0])
    with pytest.raises(ShapeError, match="Targets have shape"):
        RegressionScores.of([1.0, 2.0], [1.0, 2.0, 3.0], [1.0])
    with pytest.raises(ShapeError, match="agree in their columns"):
        RegressionScores.of(np.ones((2, 3)), np.ones((2, 3)), np.ones((4, 2)))
    with pytest.raises(DataError, match="at least one"):
        RegressionScores.of([1.0], [1.0], [])


def test_numbers_whose_squares_overflow():
    truth, guess = np.array([1e200, -3e200, 5e200, 2e200]), np.array([2e200, -2e200, 5e200, 0.0])
    small = RegressionScores.of(truth / 1e200, guess / 1e200, training=[1.0, 2.0])
    large = RegressionScores.of(truth, guess, training=[1e200, 2e200])
    for one, other, unit in zip(small.table, large.table, (1.0, 1e200, 1e200), strict=True):
        np.testing.assert_allclose(other.model, unit * one.model, rtol=1e-12)
        np.testing.assert_allclose(other.baseline, unit * one.baseline, rtol=1e-12)


def test_right_examples_come_from_all_classes():
    truth = np.array([0, 0, 0, 0, 1, 1, 2, 0, 2])
    scores = ClassificationScores.of("abc", truth, np.eye(3)[truth], truth)
    assert [example.truth for example in class_examples(scores, each=5)] == ["a", "b", "c", "a", "b"]


def test_the_area_under_the_curve_counts_pairs(classified):
    scores, truth, P = classified
    each = metrics.roc_auc_score(np.eye(4)[truth], P, average=None)
    assert scores.auc == pytest.approx(each.mean())
    ties = np.round(P, 1)
    expected = [
        np.mean([(a > b) + (a == b) / 2 for a in ties[truth == k, k] for b in ties[truth != k, k]])
        for k in range(4)
    ]
    assert ClassificationScores.of("abcd", truth, ties, [0]).auc == pytest.approx(np.mean(expected))
    assert np.isnan(ClassificationScores.of("ab", [1, 1], np.eye(2), [0, 1]).auc)


def test_calibration_by_tenths():
    P = np.array([[0.55, 0.45], [0.42, 0.58], [0.05, 0.95], [0.0, 1.0]])
    scores = ClassificationScores.of("ab", [0, 0, 1, 1], P, [0, 1])
    assert [row[0] for row in scores.calibration] == [2, 2]
    np.testing.assert_allclose([row[1:] for row in scores.calibration], [[0.565, 0.5], [0.975, 1.0]])
    assert scores.calibration_error == pytest.approx((0.065 + 0.025) / 2)


def test_a_class_that_is_never_predicted_is_said():
    P = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]])
    assert ClassificationScores.of(["no", "yes"], [0, 1, 0], P, [0, 1]).remarks == [
        "It never predicts 'yes', which 1 of 3 held-out rows are."
    ]
    assert ClassificationScores.of(["no", "yes"], [0, 0, 0], P, [0, 1]).remarks == []


def test_the_linear_model_stands_beside_and_is_said_to_be_ahead():
    truth, linear = np.repeat([0, 1], 50), np.tile([0.9, 0.1], (100, 1))
    linear[50:] = [0.1, 0.9]
    for wrong, ahead in ((0, False), (2, False), (3, True)):
        P = linear.copy()
        P[:wrong] = [0.2, 0.8]
        scores = ClassificationScores.of("ab", truth, P, truth, linear)
        assert scores.table[0].linear == 1.0 and bool(scores.remarks) is ahead
    assert scores.remarks == ["A linear model of the same rows is ahead by 0.03 in accuracy."]
    assert "linear model" in str(scores) and scores.to_dict()["accuracy"]["linear"] == 1.0
    y = np.arange(10.0)
    numbers = RegressionScores.of(y, y + 1, y, y + 0.1)
    assert numbers.remarks[0].endswith("in R2.") and numbers.to_dict()["r2"]["linear"] > 0.99
    assert RegressionScores.of(y, y, y, y).remarks == []


def test_scores_of_folds_are_means_with_their_errors():
    rng = np.random.default_rng(2)
    folds = [
        RegressionScores.of(y, y + rng.normal(size=9), rng.normal(size=20), y + rng.normal(size=9))
        for y in rng.normal(size=(4, 9))
    ]
    scores = FoldScores(tuple(folds))
    for j, score in enumerate(scores.table):
        each = [fold.table[j] for fold in folds]
        values = np.array([(one.model, one.linear, one.baseline) for one in each])
        np.testing.assert_allclose((score.model, score.linear, score.baseline), values.mean(axis=0))
        np.testing.assert_allclose(score.errors, values.std(axis=0, ddof=1) / 2)
    assert scores.pooled.truth.shape == (36, 1) and scores.rows == 36
    for wrong in ((), (folds[0],)):
        with pytest.raises(DataError, match="expected two at least"):
            FoldScores(wrong)


def test_folds_may_differ_in_their_classes():
    first = ClassificationScores.of("ac", [0, 1], [[0.9, 0.1], [0.2, 0.8]], [0, 0, 1])
    second = ClassificationScores.of("abc", [1, 1], [[0.1, 0.6, 0.3], [0.5, 0.1, 0.4]], [0, 1, 2])
    scores = FoldScores((first, second))
    assert scores.pooled.classes == ("a", "b", "c") and scores.pooled.truth.tolist() == [0, 2, 1, 1]
    np.testing.assert_array_equal(scores.pooled.probabilities[1], [0.2, 0, 0.8])
    assert scores.table[0].model == 0.75 and scores.pooled.accuracy == 0.75
    # The second fold has rows of one class, so no area under its curve.
    area = scores.table[2]
    assert area.model == 1.0 and np.isnan(area.errors[0])
    assert "AUC is undefined in 1 of 2 folds, and its mean is of the others." in scores.remarks
    assert scores.to_dict()["auc"]["standard_error"]["held_out"] is None
    assert str(scores).splitlines()[3].split() == ["AUC", "1", "0.5"]


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.97123, 0.0132, "0.971 ± 0.013"),
        (13_449.7, 120.0, "13,450 ± 120"),
        (0.3356, 4.5e-18, "0.3356 ± 0"),
        (1e-20, 3e-21, "1e-20 ± 3e-21"),
        (0.0, 0.0, "0 ± 0"),
        (np.inf, np.inf, "infinity ± infinity"),
        (0.5, np.nan, "0.5"),
        (np.nan, np.nan, "undefined"),
    ],
)
def test_a_mean_is_shown_to_the_second_digit_of_its_error(value, error, text):
    assert texts_of(Score("s", value, value, None, (error, error))) == (text, text)
