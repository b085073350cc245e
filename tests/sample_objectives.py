"""Objectives with known answers, written from their formulas in plain NumPy."""

import numpy as np

from chainrule.parameters import ParameterSpec


class Quadratic:
    """1/2 θᵀAθ - bᵀθ: no examples."""

    size = 0

    def __init__(self, p=5, condition=10.0, seed=0):
        rng = np.random.default_rng(seed)
        basis, _ = np.linalg.qr(rng.normal(size=(p, p)))
        self.A = basis @ np.diag(np.geomspace(1.0, condition, p)) @ basis.T
        self.b = rng.normal(size=p)
        self.parameters = ParameterSpec.of({"u": (p - 2,), "v": (2,)})
        self.minimiser = np.linalg.solve(self.A, self.b)

    def value(self, theta, rows=None):
        return 0.5 * theta @ self.A @ theta - self.b @ theta

    def value_and_gradient(self, theta, rows=None):
        return self.value(theta), self.A @ theta - self.b


class Logistic:
    """Mean of log(1 + exp(-y xᵀw)) + (strength/2) ‖w‖² over n examples with labels ±1."""

    def __init__(self, n=23, p=4, strength=0.1, seed=1, dtype=np.float64):
        rng = np.random.default_rng(seed)
        self.X = rng.normal(size=(n, p)).astype(dtype)
        self.y = np.sign(self.X @ rng.normal(size=p) + 0.5 * rng.normal(size=n)).astype(dtype)
        self.strength = strength
        self.parameters = ParameterSpec.of({"w": (p,)})
        self.calls = []

    @property
    def size(self):
        return len(self.y)

    def _rows(self, rows):
        return (self.X, self.y) if rows is None else (self.X[rows], self.y[rows])

    def value(self, theta, rows=None):
        X, y = self._rows(rows)
        return np.logaddexp(0, -y * (X @ theta)).mean() + 0.5 * self.strength * theta @ theta

    def value_and_gradient(self, theta, rows=None):
        self.calls.append(rows)
        X, y = self._rows(rows)
        slope = -y / (1 + np.exp(y * (X @ theta)))
        return self.value(theta, rows), X.T @ slope / X.dtype.type(len(y)) + self.strength * theta

    def minimiser(self):
        """By Newton's method, to rounding."""
        w = np.zeros(self.X.shape[1])
        for _ in range(30):
            s = 1 / (1 + np.exp(-self.X @ w))
            H = self.X.T @ ((s * (1 - s))[:, None] * self.X) / self.size + self.strength * np.eye(len(w))
            w = w - np.linalg.solve(H, self.value_and_gradient(w)[1])
        return w


class ShuffledLogistic(Logistic):
    """The same, able to reorder its examples."""

    def shuffled(self, permutation):
        other = object.__new__(ShuffledLogistic)
        other.__dict__.update(self.__dict__, X=self.X[permutation], y=self.y[permutation])
        return other


class Explosive(Quadratic):
    """A quadratic that says where it left the finite numbers."""

    def explain_nonfinite(self, theta, rows=None):
        return "theta^T A theta overflows first."
