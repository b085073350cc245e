"""The derivatives that the notes ask for, letter by letter as a lecturer would write them."""

import pytest

from chainrule.equations import Equations

TANH_NETWORK = """
data        x: R[p];  y: Class[K]
parameters  W: R[M, p];  b: R[M];  V: R[K, M];  c: R[K]
h = tanh(b + W @ x)
f = c + V @ h
L = logsumexp(f) - f[y]
"""

LOGISTIC = """
data x: R[p]; y: Sign
parameters w1: R[p]; b1: R
f = w1.T @ x + b1
C = -log(1 + exp(-y * f))
"""

RELU_TWO = """
data x: R[p]; y: Sign
parameters W1: R[m1, p]; b1: R[m1]; w2: R[m1]; b2: R
a1 = W1 @ x + b1
z1 = relu(a1)
f = w2.T @ z1 + b2
C = -log(1 + exp(-y * f))
"""

RELU_THREE = """
data x: R[p]; y: Sign
parameters W1: R[m1, p]; b1: R[m1]; W2: R[m2, m1]; b2: R[m2]; w3: R[m2]; b3: R
a1 = W1 @ x + b1
z1 = relu(a1)
a2 = W2 @ z1 + b2
z2 = relu(a2)
f = w3.T @ z2 + b3
C = -log(1 + exp(-y * f))
"""

SOFTMAX_NETWORK = """
data x: R[n0]; y: Simplex[K]
parameters W1: R[n0, n1]; w1: R[n1]; W2: R[n1, n2]; w2: R[n2]; W3: R[n2, K]; w3: R[K]
z1 = W1.T @ x + w1
h1 = sigmoid(z1)
z2 = W2.T @ h1 + w2
h2 = relu(z2)
z3 = W3.T @ h2 + w3
ŷ = softmax(z3)
L = -(y.T @ log(ŷ))
"""

SOFTMAX_PENALTY = """
data x: R[n0]; y: Simplex[K]
constants α: R
parameters W1: R[n0, n1]; w1: R[n1]; W2: R[n1, K]; w2: R[K]
z1 = W1.T @ x + w1
h1 = sigmoid(z1)
z2 = W2.T @ h1 + w2
ŷ = softmax(z2)
L = -(y.T @ log(ŷ)) + α / 2 * normF(W2)**2
"""

JACOBIANS = """
data x0: R[h0]
parameters W0: R[h1, h0]; W1: R[h2, h1]; W2: R[h3, h2]
z1 = W0 @ x0
x1 = sigmoid(z1)
z2 = W1 @ x1
x2 = sigmoid(z2)
f = W2 @ x2
"""

LOGISTIC_PENALTY = """
data X: R[n, d]; y: Bit[n]
constants λ: R
parameters β: R[d]
p = σ(X @ β)
L = -sum(y[i] * log(p[i]) + (1 - y[i]) * log(1 - p[i]) for i in n) + λ * (β.T @ β)
"""

REGRESSION = """
data x: R[n]; y: R[K]
parameters W1: R[m, n]; b1: R[m]; W2: R[K, m]; b2: R[K]
z1 = W1 @ x + b1
z2 = 5 * relu(z1)
z3 = W2 @ z2 + b2
ŷ = z3
L = norm2(y - ŷ)**2
"""

CLASSIFICATION = """
data x: R[n]; y: Bit[K]
parameters W1: R[m, n]; b1: R[m]; W2: R[K, m]; b2: R[K]
z1 = W1 @ x + b1
z2 = tanh(z1)
z3 = W2 @ z2 + b2
ŷ = sigmoid(z3)
S = norm2(y - ŷ)**2
L = -mean(y * log(ŷ) + (1 - y) * log(1 - ŷ))
"""

SOFTMAX_REGRESSION = """
data X: R[N, d]; y: Class[N, K]
parameters W: R[K, d]
F = X @ W.T
L = sum(logsumexp(F[i]) - F[i][y[i]] for i in N)
"""

EXAMPLE = [
    (
        TANH_NETWORK,
        "L",
        "f c V h b W",
        """
        dL/df = softmax(f) - e_y
        dL/dc = dL/df
        dL/dV = dL/df hᵀ
        dL/dh = Vᵀ dL/df
        dL/db = (1 - h⊙h) ⊙ dL/dh
        dL/dW = dL/db xᵀ
        """,
    ),
    (
        LOGISTIC,
        "C",
        "f w1 b1",
        """
        dC/df = y σ(-y f)
        dC/dw₁ = dC/df x
        dC/db₁ = dC/df
        """,
    ),
    (
        RELU_TWO,
        "C",
        "f w2 b2 z1 a1 W1 b1",
        """
        dC/df = y σ(-y f)
        dC/dw₂ = dC/df z₁
        dC/db₂ = dC/df
        dC/dz₁ = dC/df w₂
        dC/da₁ = step(z₁) ⊙ dC/dz₁
        dC/dW₁ = dC/da₁ xᵀ
        dC/db₁ = dC/da₁
        """,
    ),
    (
        RELU_THREE,
        "C",
        "f w3 b3 z2 a2 W2 b2 z1 a1 W1 b1",
        """
        dC/df = y σ(-y f)
        dC/dw₃ = dC/df z₂
        dC/db₃ = dC/df
        dC/dz₂ = dC/df w₃
        dC/da₂ = step(z₂) ⊙ dC/dz₂
        dC/dW₂ = dC/da₂ z₁ᵀ
        dC/db₂ = dC/da₂
        dC/dz₁ = W₂ᵀ dC/da₂
        dC/da₁ = step(z₁) ⊙ dC/dz₁
        dC/dW₁ = dC/da₁ xᵀ
        dC/db₁ = dC/da₁
        """,
    ),
    (
        SOFTMAX_NETWORK,
        "L",
        "ŷ z3 W3 w3 h2 z2 W2 w2 h1 z1 W1 w1",
        """
        dL/dŷ = -(y / ŷ)
        dL/dz₃ = ŷ - y
        dL/dW₃ = h₂ dL/dz₃ᵀ
        dL/dw₃ = dL/dz₃
        dL/dh₂ = W₃ dL/dz₃
        dL/dz₂ = step(h₂) ⊙ dL/dh₂
        dL/dW₂ = h₁ dL/dz₂ᵀ
        dL/dw₂ = dL/dz₂
        dL/dh₁ = W₂ dL/dz₂
        dL/dz₁ = h₁ ⊙ (1 - h₁) ⊙ dL/dh₁
        dL/dW₁ = x dL/dz₁ᵀ
        dL/dw₁ = dL/dz₁
        """,
    ),
    (
        JACOBIANS,
        "f",
        "W2 x2 z2 W1 x1 z1 W0 x0",
        """
        df/dW₂[i,j,k] = δ[i,j] x₂[k]
        df/dx₂ = W₂
        df/dz₂ = df/dx₂ diag(x₂ ⊙ (1 - x₂))
        df/dW₁[i,j,k] = df/dz₂[i,j] x₁[k]
        df/dx₁ = df/dz₂ W₁
        df/dz₁ = df/dx₁ diag(x₁ ⊙ (1 - x₁))
        df/dW₀[i,j,k] = df/dz₁[i,j] x₀[k]
        df/dx₀ = df/dz₁ W₀
        """,
    ),
    (LOGISTIC_PENALTY, "L", "β", "dL/dβ = Xᵀ (p - y) + 2 λ β"),
    (
        REGRESSION,
        "L",
        "ŷ z3 W2 b2 z2 z1 W1 b1",
        """
        dL/dŷ = 2 (ŷ - y)
        dL/dz₃ = dL/dŷ
        dL/dW₂ = dL/dz₃ z₂ᵀ
        dL/db₂ = dL/dz₃
        dL/dz₂ = W₂ᵀ dL/dz₃
        dL/dz₁ = 5 (step(z₁) ⊙ dL/dz₂)
        dL/dW₁ = dL/dz₁ xᵀ
        dL/db₁ = dL/dz₁
        """,
    ),
    (
        CLASSIFICATION,
        "S",
        "ŷ z3 W2 b2 z2 z1 W1 b1",
        """
        dS/dŷ = 2 (ŷ - y)
        dS/dz₃ = ŷ ⊙ (1 - ŷ) ⊙ dS/dŷ
        dS/dW₂ = dS/dz₃ z₂ᵀ
        dS/db₂ = dS/dz₃
        dS/dz₂ = W₂ᵀ dS/dz₃
        dS/dz₁ = (1 - z₂⊙z₂) ⊙ dS/dz₂
        dS/dW₁ = dS/dz₁ xᵀ
        dS/db₁ = dS/dz₁
        """,
    ),
    (
        CLASSIFICATION,
        "L",
        "z3 W2 b2 z2 z1 W1 b1",
        """
        dL/dz₃ = (1/K) (ŷ - y)
        dL/dW₂ = dL/dz₃ z₂ᵀ
        dL/db₂ = dL/dz₃
        dL/dz₂ = W₂ᵀ dL/dz₃
        dL/dz₁ = (1 - z₂⊙z₂) ⊙ dL/dz₂
        dL/dW₁ = dL/dz₁ xᵀ
        dL/db₁ = dL/dz₁
        """,
    ),
    (
        SOFTMAX_REGRESSION,
        "L",
        "F W",
        """
        dL/dF = softmax(F, axis=1) - E_y
        dL/dW = dL/dFᵀ X
        """,
    ),
    ("z: R[K]; ŷ = softmax(z)", "ŷ", "z", "dŷ/dz = diag(ŷ) - ŷ ŷᵀ"),
    ("y: R[K]; f: R[K]; P = softmax(f); L = -(y.T @ log(P))", "L", "f", "dL/df = sum(y) P - y"),
]

BATCH = [
    (
        TANH_NETWORK,
        "L",
        "f c V h b W",
        "mean",
        """
        dC/dF = (1/N) (softmax(F, axis=1) - E_y)
        dC/dc = dC/dFᵀ 𝟏
        dC/dV = dC/dFᵀ H
        dC/dH = dC/dF V
        ΔH = (1 - H⊙H) ⊙ dC/dH
        dC/db = ΔHᵀ 𝟏
        dC/dW = ΔHᵀ X
        """,
    ),
    (
        RELU_THREE,
        "C",
        "f w3 b3 z2 a2 W2 b2 z1 a1 W1 b1",
        "sum",
        """
        dR/df = y ⊙ σ(-(y ⊙ f))
        dR/dw₃ = Z₂ᵀ dR/df
        dR/db₃ = sum(dR/df)
        dR/dZ₂ = dR/df w₃ᵀ
        dR/dA₂ = step(Z₂) ⊙ dR/dZ₂
        dR/dW₂ = dR/dA₂ᵀ Z₁
        dR/db₂ = dR/dA₂ᵀ 𝟏
        dR/dZ₁ = dR/dA₂ W₂
        dR/dA₁ = step(Z₁) ⊙ dR/dZ₁
        dR/dW₁ = dR/dA₁ᵀ X
        dR/db₁ = dR/dA₁ᵀ 𝟏
        """,
    ),
    (
        SOFTMAX_PENALTY,
        "L",
        "z2 W2 w2 h1 z1 W1 w1",
        "mean",
        """
        dC/dZ₂ = (1/N) (Ŷ - Y)
        dC/dW₂ = H₁ᵀ dC/dZ₂ + α W₂
        dC/dw₂ = dC/dZ₂ᵀ 𝟏
        dC/dH₁ = dC/dZ₂ W₂ᵀ
        dC/dZ₁ = H₁ ⊙ (1 - H₁) ⊙ dC/dH₁
        dC/dW₁ = Xᵀ dC/dZ₁
        dC/dw₁ = dC/dZ₁ᵀ 𝟏
        """,
    ),
]


def lines(text):
    return [line.strip() for line in text.strip().splitlines()]


@pytest.mark.parametrize(("sheet", "of", "wrt", "expected"), EXAMPLE)
def test_one_example(sheet, of, wrt, expected):
    assert str(Equations(sheet).derive(of, wrt.split())).splitlines() == lines(expected)


@pytest.mark.parametrize(("sheet", "of", "wrt", "reduction", "expected"), BATCH)
def test_all_examples_at_once(sheet, of, wrt, reduction, expected):
    derivation = Equations(sheet).derive(of, wrt.split(), form="batch", reduction=reduction)
    assert str(derivation).splitlines() == lines(expected)


def test_the_order_of_the_request_does_not_matter():
    model = Equations(TANH_NETWORK)
    assert str(model.derive("L", ["W", "f", "b"])) == str(model.derive("L", ["f", "b", "W"]))
