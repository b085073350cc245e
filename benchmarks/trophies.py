"""Derivatives in released libraries that are not those of their functions: each is run, judged and named.

``python -m benchmarks.trophies`` prints a row for each whose library is installed.
"""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from chainrule.checking import CheckReport, Entry, check_gradient, check_jacobian
from chainrule.diagnosis import Diagnosis, diagnose
from chainrule.testing import from_jax

ROWS = 24


@dataclass(frozen=True)
class Trophy:
    """One derivative.

    Parameters
    ----------
    library, module : str
        The name of the distribution, and of what is imported.
    where : str
        The function, and the settings with which it was run.
    says : str
        What differs, as its source reads.
    word : str
        The name that `diagnose` gives it.
    run : callable
        Gives the report and, where the function itself cannot be recorded, the same in plain NumPy.
    """

    library: str
    module: str
    where: str
    says: str
    word: str
    run: Callable[[], tuple[CheckReport, Any]]

    @property
    def is_here(self) -> bool:
        """Whether the library is installed."""
        return importlib.util.find_spec(self.module) is not None

    def judged(self) -> tuple[CheckReport, Diagnosis]:
        """The verdict, and the mistake."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            report, model = self.run()
            return report, diagnose(report, model)


class _Perceptron:
    """scikit-learn's own back propagation, as a function of named arrays."""

    def __init__(self, outputs: int, alpha: float) -> None:
        from sklearn.neural_network import MLPRegressor

        rng = np.random.default_rng(0)
        self.X, self.Y = rng.normal(size=(ROWS, 4)), rng.normal(size=(ROWS, outputs))
        self.weights = rng.uniform(0.5, 2.0, ROWS)
        made = MLPRegressor(
            hidden_layer_sizes=(5,), activation="tanh", solver="lbfgs", max_iter=1, alpha=alpha
        )
        self.net = made.fit(self.X, self.Y if outputs > 1 else self.Y.ravel())
        shapes = {"W0": (4, 5), "W1": (5, outputs), "b0": (5,), "b1": (outputs,)}
        self.at = {name: rng.normal(size=shape) for name, shape in shapes.items()}

    def evaluate(self, q: dict[str, Any], rows: slice, weights: Any = None) -> tuple[Any, dict[str, Any]]:
        net, X = self.net, self.X[rows]
        net.coefs_, net.intercepts_ = [q["W0"].copy(), q["W1"].copy()], [q["b0"].copy(), q["b1"].copy()]
        activations = [X, *(np.empty((len(X), b.size)) for b in net.intercepts_)]
        deltas, coefs, biases = (
            list(map(np.empty_like, one)) for one in (activations, net.coefs_, net.intercepts_)
        )
        loss, coefs, biases = net._backprop(X, self.Y[rows], weights, activations, deltas, coefs, biases)
        return loss, dict(zip(self.at, (*coefs, *biases), strict=True))

    def loss(self, q: dict[str, Any]) -> Any:
        return self.evaluate(q, slice(None))[0]

    def weighted_loss(self, q: dict[str, Any]) -> Any:
        return self.evaluate(q, slice(None), self.weights)[0]

    def epoch(self, q: dict[str, Any], size: int = 8) -> dict[str, Any]:
        """The mean of the gradients of all mini-batches, of one size each."""
        starts = range(0, ROWS, size)
        found = [self.evaluate(q, slice(i, i + size), self.weights[i : i + size])[1] for i in starts]
        return {name: sum(one[name] for one in found) / len(starts) for name in self.at}


def several_outputs() -> tuple[CheckReport, Any]:
    """MLPRegressor with three outputs: the loss is a mean over them, its gradient a sum."""
    one = _Perceptron(3, 0.5)
    report = check_gradient(one.loss, lambda q: one.evaluate(q, slice(None))[1], one.at, examples=ROWS)
    return report, None


def weighted_batches() -> tuple[CheckReport, Any]:
    """MLPRegressor with weights: the mean of its mini-batches' gradients beside the loss of all rows."""
    one = _Perceptron(1, 0.0)
    return check_gradient(one.weighted_loss, one.epoch, one.at, examples=ROWS), None


def embedding() -> tuple[CheckReport, Any]:
    """TSNE(n_components=3, method="exact"), which runs with two degrees of freedom."""
    from scipy.spatial.distance import squareform
    from sklearn.manifold._t_sne import _kl_divergence

    rng, n = np.random.default_rng(0), 8
    P = rng.random((n, n))
    P = squareform((P + P.T) / (P + P.T).sum() * (1 - np.eye(n)), checks=False)
    first, second = np.triu_indices(n, 1)

    def model(y: Any) -> Any:
        gap = np.reshape(y, (n, 3))[first] - np.reshape(y, (n, 3))[second]
        likeness = (1 + np.sum(gap**2, axis=1) / 2.0) ** -1.5
        return 2 * np.sum(P * np.log(P / (likeness / (2 * np.sum(likeness)))))

    def run(y: Any) -> Any:
        return _kl_divergence(y, P, 2.0, n, 3)

    return check_gradient(lambda y: run(y)[0], lambda y: run(y)[1], rng.normal(size=3 * n)), model


def _regression() -> tuple[np.random.Generator, Any, Any]:
    rng = np.random.default_rng(0)
    X = np.column_stack([np.ones(ROWS), rng.normal(size=(ROWS, 2))])
    return rng, X, np.array([0.3, -0.2, 0.4])


def least_squares() -> tuple[CheckReport, Any]:
    """OLS.hessian beside OLS.score, of the likelihood with the variance at its best."""
    from statsmodels.api import OLS

    rng, X, beta = _regression()
    model = OLS(rng.normal(size=ROWS), X)
    return check_jacobian(model.score, model.hessian, beta), None


def zero_inflated() -> tuple[CheckReport, Any]:
    """ZeroInflatedPoisson.hessian beside its score, the parameters of both parts by name."""
    from statsmodels.discrete.count_model import ZeroInflatedPoisson

    rng, X, beta = _regression()
    model = ZeroInflatedPoisson(rng.poisson(2.0, ROWS) * (rng.random(ROWS) < 0.6), X)
    at = {"inflate": np.array([0.2]), "beta": beta}
    return _by_blocks(check_jacobian, model.score, model.hessian, at), None


def dispersion() -> tuple[CheckReport, Any]:
    """NegativeBinomial.hessian before fit: its columns of log alpha."""
    from statsmodels.api import NegativeBinomial

    rng, X, beta = _regression()
    y = rng.poisson(2.0, ROWS)
    model = NegativeBinomial(y, X)

    def score(log_alpha: Any) -> Any:
        return model.score(np.concatenate([beta, log_alpha]))[:3]

    def in_numpy(log_alpha: Any) -> Any:
        a, mu = np.exp(-log_alpha), np.exp(X @ beta)
        return X.T @ (a * (y - mu) / (mu + a))

    def hessian(log_alpha: Any) -> Any:
        return model.hessian(np.concatenate([beta, log_alpha]))[:3, 3:]

    return check_jacobian(score, hessian, np.array([0.6])), in_numpy


def negative_binomial_p() -> tuple[CheckReport, Any]:
    """NegativeBinomialP(p=1.5).hessian beside its score: the row of alpha by the coefficients."""
    from statsmodels.api import NegativeBinomialP

    rng, X, beta = _regression()
    model = NegativeBinomialP(rng.poisson(2.0, ROWS), X, p=1.5)

    def score(beta: Any) -> Any:
        return model.score(np.concatenate([beta, [0.6]]))[-1]

    return check_gradient(score, lambda b: model.hessian(np.concatenate([b, [0.6]]))[-1, :-1], beta), None


def transformed() -> tuple[CheckReport, Any]:
    """GeneralizedPoisson.score as fit(use_transparams=True) calls it, of log alpha."""
    from statsmodels.api import GeneralizedPoisson

    rng, X, beta = _regression()
    model = GeneralizedPoisson(rng.poisson(2.0, ROWS), X)
    model._transparams = True
    at = {"beta": beta, "log_alpha": np.array([-0.9])}
    return _by_blocks(check_gradient, model.loglike, model.score, at), None


def truncated() -> tuple[CheckReport, Any]:
    """TruncatedLFGeneralizedPoisson.score beside its loglike, with the power p = 2 that is its default."""
    from statsmodels.discrete.truncated_model import TruncatedLFGeneralizedPoisson

    rng, X, beta = _regression()
    model = TruncatedLFGeneralizedPoisson(1 + rng.poisson(2.0, ROWS), X)
    at = {"beta": beta, "alpha": np.array([0.2])}
    return _by_blocks(check_gradient, model.loglike, model.score, at), None


def copula() -> tuple[CheckReport, Any]:
    """The derivative of the Frank copula's generator."""
    from statsmodels.distributions.copula.transforms import TransfFrank

    one, t = TransfFrank(), np.array([0.1, 0.35, 0.6, 0.9])
    return check_gradient(lambda t: np.sum(one.evaluate(t, 1.7)), lambda t: one.deriv(t, 1.7), t), None


def drude() -> tuple[CheckReport, Any]:
    """Drude1D.fit_deriv in the centre x_0."""
    from astropy.modeling.models import Drude1D

    x = np.linspace(0.4, 3.1, 9)

    def value(centre: Any) -> Any:
        return Drude1D.evaluate(x, 1.1, centre, 1.2)

    return check_jacobian(
        value, lambda centre: Drude1D.fit_deriv(x, 1.1, centre, 1.2)[1], np.array(0.9)
    ), None


def chi_squared() -> tuple[CheckReport, Any]:
    """Autograd's log density of chi squared, by its argument, with 3.3 degrees of freedom."""
    from autograd import elementwise_grad
    from autograd.scipy.stats import chi2

    def logpdf(x: Any) -> Any:
        return chi2.logpdf(x, 3.3)

    x = np.array([0.3, 1.2, 2.1])
    return check_gradient(lambda x: np.sum(logpdf(x)), elementwise_grad(logpdf), x), None


def dilogarithm() -> tuple[CheckReport, Any]:
    """JAX's spence between 1 and 2."""
    import jax

    x = np.array([0.7, 1.2, 1.8])
    return check_gradient(*from_jax(lambda x: jax.numpy.sum(jax.scipy.special.spence(x))), x), None


def _by_blocks(check: Any, function: Any, derivative: Any, at: dict[str, Any]) -> CheckReport:
    """The check of functions of one vector, with parts of it by name."""
    edges = np.cumsum([0, *(array.size for array in at.values())])

    def whole(q: dict[str, Any]) -> Any:
        return np.concatenate(list(q.values()))

    def claimed(q: dict[str, Any]) -> dict[str, Any]:
        given = derivative(whole(q))
        return {name: given[..., i:j] for name, i, j in zip(q, edges, edges[1:], strict=False)}

    report: CheckReport = check(lambda q: function(whole(q)), claimed, at)
    return report


TROPHIES = (
    Trophy(
        "scikit-learn",
        "sklearn",
        '`MLPRegressor(solver="lbfgs")` with 3 outputs',
        "the loss is a mean over outputs, its gradient the sum: 3 times too large beside the penalty's "
        "(its issue 8349)",
        "constant",
        several_outputs,
    ),
    Trophy(
        "scikit-learn",
        "sklearn",
        "`MLPRegressor` with `sample_weight`, mini-batches",
        "each batch is divided by its own weights, so that a row counts for more in a batch of light ones",
        "batch",
        weighted_batches,
    ),
    Trophy(
        "scikit-learn",
        "sklearn",
        '`TSNE(n_components=3, method="exact")`',
        "with ν = 2 degrees of freedom (1 + d²/ν)^(-(ν+1)/2) stands where (1 + d²/ν)^(-1) belongs; they are "
        "the same for ν = 1, so that maps in the plane are right",
        "unknown",
        embedding,
    ),
    Trophy(
        "statsmodels",
        "statsmodels",
        "`OLS.hessian(params)`",
        "of the likelihood with the variance at its best, one of two terms lost its factor 2 "
        "(its issue 9469)",
        "constant",
        least_squares,
    ),
    Trophy(
        "statsmodels",
        "statsmodels",
        "`ZeroInflatedPoisson.hessian`",
        "the mixed block of both parts is computed, and overwritten by zeros when the matrix is mirrored",
        "path",
        zero_inflated,
    ),
    Trophy(
        "statsmodels",
        "statsmodels",
        "`NegativeBinomial.hessian` before `fit`",
        "`score` is then in log α, the Hessian in α: a factor α is missing",
        "factor",
        dispersion,
    ),
    Trophy(
        "statsmodels",
        "statsmodels",
        "`NegativeBinomialP(p=1.5).hessian`",
        "in the mixed derivative by α one factor q = 2 - p too many; nothing is seen of it at p of 1 and 2",
        "constant",
        negative_binomial_p,
    ),
    Trophy(
        "statsmodels",
        "statsmodels",
        "`GeneralizedPoisson.score` in `fit(use_transparams=True)`",
        "the entry of log α is the square of that of α, where α times it belongs",
        "unknown",
        transformed,
    ),
    Trophy(
        "statsmodels",
        "statsmodels",
        "`TruncatedLFGeneralizedPoisson.score`",
        "the truncated part is computed for p = 1, the likelihood for p = 2",
        "unknown",
        truncated,
    ),
    Trophy(
        "statsmodels",
        "statsmodels",
        "`TransfFrank.deriv`, a copula's generator",
        "the sign",
        "sign",
        copula,
    ),
    Trophy(
        "astropy",
        "astropy",
        "`Drude1D.fit_deriv` in x₀",
        "x/x₀ for x/x₀², and a 2 that is doubled",
        "unknown",
        drude,
    ),
    Trophy(
        "autograd",
        "autograd",
        "`scipy.stats.chi2.logpdf` in x",
        "the slope is zero where the degrees of freedom are no whole number",
        "path",
        chi_squared,
    ),
    Trophy(
        "jax",
        "jax",
        "`jax.scipy.special.spence`",
        "log(x) / (1 - x) is NaN between 1 and 2",
        "unknown",
        dilogarithm,
    ),
)


def row(trophy: Trophy) -> str:
    """A row of the table: measured, not remembered."""
    report, diagnosis = trophy.judged()
    wrong = max((block for block in report if not block.ok), key=lambda block: block.relative_error or 0.0)
    numbers = _numbers(wrong.name, wrong.worst) if wrong.worst else wrong.remarks[0]
    release = f"{trophy.library} {version(trophy.library)}"
    return f"| {release} | {trophy.where} | {trophy.says} | {numbers} | {diagnosis.mistake} |"


def _numbers(name: str, worst: Entry) -> str:
    place = f"{name}[{', '.join(map(str, worst.index))}]" if worst.index else name
    return f"{place}: {worst.yours:.4g}, true {worst.true:.4g}"


def main() -> None:
    """Print the table."""
    print("| release | what | how it differs, by its source | worst entry | named |\n|---|---|---|---|---|")
    for trophy in TROPHIES:
        if trophy.is_here:
            print(row(trophy))
        else:
            print(f"{trophy.library} is not installed", file=sys.stderr)


if __name__ == "__main__":
    main()
