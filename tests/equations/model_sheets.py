"""The models of the five sets of notes as sheets, with the claims that are made about them.

A claim has the types on which its sides agree in its own layout, or None where it fails by shape.
"""

S0 = """
data        X: R[N, p]; y: Sign[N]; x: R[p]
parameters  W1: R[m1, p]; b1: R[m1]; W2: R[m2, m1]; b2: R[m2]; w3: R[m2]; b3: R
a1[i] = W1 @ X[i] + b1; z1[i] = relu(a1[i]); a2[i] = W2 @ z1[i] + b2; z2[i] = relu(a2[i])
f[i] = w3.T @ z2[i] + b3
C = -sum(log(1 + exp(-y[i] * f[i])) for i in N); C3 = sum(log(1 + exp(-y[i] * f[i])) for i in N)
c[i] = y[i] / (1 + exp(y[i] * f[i])); t[i] = diag(step(z1[i])) @ W2.T @ diag(step(z2[i])) @ w3
r[k] = sum(c[i] * t[i, k] for i in N)
G[k, j] = sum(c[i] * w3[k] * step(z2[i, k]) * z1[i, j] for i in N)
u1 = W1 @ x + b1; v1 = relu(u1); u2 = W2 @ v1 + b2; v2 = relu(u2)
q = diag(step(v1)) @ W2.T @ diag(step(v2)) @ w3
g1 = W1 @ relu(x) + b1; g2 = W2 @ relu(v1) + b2
"""

S1 = """
data h0: R[n0]; y: Simplex[K]; v: R[K1]; X: R[N, n0]; Y: Simplex[N, K]; A: R[m, n0]; B: R[m, n0]
constants alpha: R; eta: R
parameters W1: R[n0, n1]; w1: R[n1]; W2: R[n1, K]; w2: R[K]; V: R[n0, K]
z1 = W1.T @ h0 + w1; h1 = sigmoid(z1); hr = relu(z1); z2 = W2.T @ h1 + w2; yhat = softmax(z2)
L = -(y.T @ log(yhat)); sq = norm2(y - yhat)**2 / 2; up = w2 - eta * (yhat - y)
a = tanh(A @ h0); b = sigmoid(B @ h0); s = a.T @ b
F[i] = V.T @ X[i]; P[i] = softmax(F[i]); D = mean(logsumexp(F[i]) - Y[i].T @ F[i] for i in N)
C = D + alpha * normF(V)**2 / 2
"""

S2 = """
data x0: R[n]
parameters W0: R[h1, n]; W1: R[h2, h1]; W2: R[n, h2]
z1 = W0 @ x0; x1 = sigmoid(z1); t1 = tanh(z1); z2 = W1 @ x1; x2 = sigmoid(z2); f = W2 @ x2
e = (f - x0)**2; E = norm2(f - x0)**2
"""

S2_LOGISTIC = """
data X: R[N, d]; y: Bit[N]
parameters β: R[d]
constants λ: R
p[i] = σ(X[i]ᵀ @ β)
L = -sum(y[i] * log(p[i]) + (1 − y[i]) * log(1 − p[i]) for i in N) + λ * βᵀ @ β
"""

S3 = """
data x: R[n]; y: R[K]; t: Bit[K]; q: R[K]; g: R[n]
constants r: R; s: R[n]
parameters W1: R[m, n]; b1: R[m]; W2: R[K, m]; b2: R[K]
z1 = W1 @ x + b1; z2 = 5 * relu(z1); z3 = W2 @ z2 + b2; yhat = z3; L = norm2(y - yhat)**2
s2 = tanh(z1); s3 = W2 @ s2 + b2; p = sigmoid(s3); B = -mean(t * log(p) + (1 - t) * log(1 - p))
move(w) = w + s
"""

S4 = """
data x: R[p]; y: Class[K]; u: R[K]; X: R[N, p]; Y: Class[N, K]; th0: R[p]
parameters W: R[M, p]; b: R[M]; V: R[K, M]; c: R[K]
h = tanh(b + W @ x); f = c + V @ h; L = logsumexp(f) - f[y]
fp = exp(u); Lp = log(sum(fp)) - fp[y]; Lc = logsumexp(fp) - fp[y]
F[i] = c + V @ tanh(b + W @ X[i]); ell[i] = logsumexp(F[i]) - F[i][Y[i]]
risk = sum(ell[i] for i in N); av = mean(ell[i] for i in N)
constants alpha: R; gamma: R; S: R[p, p]
g0 = S.T @ S @ th0; p1 = alpha * g0; th1 = th0 - gamma * p1; g1 = S.T @ S @ th1
p2 = (1 - alpha) * p1 + alpha * g1; th2 = th1 - gamma * p2
"""

# Each model with sizes that all differ.
MODELS = {
    "S0": (S0, {"N": 7, "p": 3, "m1": 5, "m2": 4}),
    "S1": (S1, {"n0": 3, "n1": 4, "K": 5, "K1": 6, "N": 7, "m": 2}),
    "S2": (S2, {"n": 3, "h1": 5, "h2": 4}),
    "S2 logistic": (S2_LOGISTIC, {"N": 7, "d": 3}),
    "S3": (S3, {"n": 3, "m": 5, "K": 4}),
    "S4": (S4, {"p": 3, "M": 5, "K": 4, "N": 7}),
}

# (ledger id, sheet, layout, claim, axes on which both sides agree; None if it fails by shape)
CLAIMS = [
    ("S0.E1", S0, "gradient", "C == sum(log(1 + exp(-y[i] * f[i])) for i in N)", ()),
    ("S0.E1b", S0, "gradient", "d(C3, b3) == sum(c[i] for i in N)", ()),
    ("S0.E3", S0, "gradient", "d(g2, v1) == W2 @ diag(step(v1))", ("m2", "m1")),
    ("S0.E4", S0, "gradient", "d(u1, x) == W1 @ diag(step(x))", ("m1", "p")),
    ("S0.E5", S0, "gradient", "d(u2, b1) == eye(m1)", None),
    ("S0.E6", S0, "gradient", "d(C, b1) == sum(c[i] for i in N) * q", ("m1",)),
    ("S0.E7", S0, "gradient", "d(C, w3) == G[k]", None),
    ("S0.14", S0, "gradient", "d(C, W2)[k] == G[k]", ("m1",)),
    ("S0.E8", S0, "gradient", "d(C, W1) == r @ X[j].T", ("m1", "p")),
    ("S1.E1", S1, "gradient", "h1 == sigmoid(eye(n1) @ h0 + w1)", None),
    ("S1.E2", S1, "gradient", "yhat == softmax(W2.T @ yhat + w2)", None),
    ("S1.E6", S1, "gradient", "L == sum(y[k] * log(yhat[k]) for k in K)", ()),
    ("S1.E7", S1, "numerator", "d(L, yhat) == -(y.T @ inv(diag(yhat)) @ y)", None),
    ("S1.18", S1, "numerator", "d(L, yhat) == -(y.T @ inv(diag(yhat)))", ("K",)),
    ("S1.E8", S1, "numerator", "d(L, yhat) == -v", None),
    ("S1.E9", S1, "denominator", "d(s, h0) == d(a, h0) @ b + a.T @ d(b, h0)", None),
    ("S1.23", S1, "denominator", "d(s, h0) == d(a, h0) @ b + d(b, h0) @ a", ("n0",)),
    ("S1.20", S1, "numerator", "d(s, h0) == a.T @ d(b, h0) + b.T @ d(a, h0)", ("n0",)),
    ("S1.E11", S1, "gradient", "d(yhat, z2) == diag(yhat) - exp(z2) @ exp(z2).T / sum(z2)**2", ("K", "K")),
    ("S1.E12", S1, "gradient", "d(L, z2)[k] == sum(d(L, z2)[k] for j in K) * (h1 @ eye(K)[k].T)", None),
    ("S1.E13", S1, "numerator", "up == w2 - eta * d(L, w2)", None),
    ("S1.E13", S1, "gradient", "up == w2 - eta * d(L, w2)", ("K",)),
    ("S1.E13", S1, "denominator", "up == w2 - eta * d(L, w2)", ("K",)),
    ("S1.E14", S1, "gradient", "d(hr, z1) == diag(hr / hr)", ("n1", "n1")),
    ("S1.E15", S1, "gradient", "d(L, W1) == d(L, z1).T @ (h0 @ ones(n1).T)", None),
    ("S1.E16", S1, "gradient", "d(D, V)[j, k] == mean(X[i, j] * (P[i, k] - Y[i, k]) for i in N)", ()),
    ("S1.E17", S1, "gradient", "d(C, V) == d(D, V) + alpha * V", ("n0", "K")),
    ("S1.E19", S1, "gradient", "normF(W1)**2 == sum(W1[j, i]**2 for i in n1 for j in n0)", ()),
    ("S1.E19", S1, "gradient", "normF(W1)**2 == sum(W1[i, j]**2 for i in n1 for j in n0)", None),
    ("S2.6", S2, "gradient", "d(f, W1)[i, j, k] == d(f, z2)[i, j] * x1[k]", ()),
    ("S2.E2", S2, "gradient", "d(z2, x1) == W2", None),
    ("S2.E3", S2, "gradient", "d(E, W1) == d(e, W1)", None),
    ("S3.E2", S3, "numerator", "d(L, W2) == d(L, z3) @ z2.T", None),
    ("S3.E2", S3, "gradient", "d(L, W2) == d(L, z3) @ z2.T", ("K", "m")),
    ("S3.9", S3, "numerator", "d(L, W2) == z2 @ d(L, z3)", ("m", "K")),
    ("S3.E3", S3, "gradient", "d(L, z3) @ z2.T == z2 @ d(L, z3)", None),
    ("S3.E6", S3, "numerator", "d(z2, z1) == diag(5 * step(q))", None),
    ("S3.E9", S3, "gradient", "B == mean(-(t[i] * log(p[i]) + (1 - t[i]) * (1 - log(p[i]))) for i in K)", ()),
    ("S3.E10", S3, "numerator", "d(B, p) == -1 * (t / p - (1 - t) / (1 - p)).T", ("K",)),
    ("S3.E11", S3, "gradient", "softmax(z3) == 1 - step(max(softmax(z3)) - softmax(z3))", ("K",)),
    ("S3.E12", S3, "gradient", "move(r * x + (1 - r) * g) == r * move(x) + (1 - r) * move(g)", ("n",)),
    ("S4.E1b", S4, "gradient", "d(Lp, fp) == softmax(fp) - onehot(y)", ("K",)),
    ("S4.11", S4, "gradient", "d(L, W) == ((1 - h*h) * (V.T @ d(L, f))) @ x.T", ("M", "p")),
    ("S4.E2", S4, "gradient", "d(L, W) == (1 - h*h) * ((V.T @ d(L, f)) @ x.T)", None),
    ("S4.E3", S4, "gradient", "d(risk, c) == N * d(av, c)", ("K",)),
    ("S4.E4", S4, "gradient", "th2 == th1 - gamma * alpha * g1 + (1 - alpha) * (th1 - th0)", ("p",)),
]
