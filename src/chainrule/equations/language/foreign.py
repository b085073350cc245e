"""What functions of other languages are called here, and how what is no function is written."""

from __future__ import annotations

WORDS = {
    "ln": "log(x)",
    "log2": "log(x) / log(2)",
    "log10": "log(x) / log(10)",
    "exp2": "2**x",
    "logaddexp": "log(exp(a) + exp(b))",
    "logit": "log(x / (1 - x))",
    "expit": "sigmoid(x)",
    "logistic": "sigmoid(x)",
    "logsigmoid": "log_sigmoid(x)",
    "swish": "silu(x)",
    "mish": "x * tanh(softplus(x))",
    "relu6": "min(max(x, 0), 6)",
    "hardtanh": "max(-1, min(1, x))",
    "softmin": "softmax(-x)",
    "logcosh": "log(cosh(x))",
    "atan": "arctan(x)",
    "asin": "arcsin(x)",
    "acos": "arccos(x)",
    "erfc": "1 - erf(x)",
    "ndtr": "normal_cdf(x)",
    "log_ndtr": "log_normal_cdf(x)",
    "hypot": "sqrt(a**2 + b**2)",
    "rsqrt": "1 / sqrt(x)",
    "reciprocal": "1 / x",
    "fabs": "abs(x)",
    "pow": "x**2",
    "power": "x**2",
    "square": "x**2",
    "maximum": "max(a, b)",
    "minimum": "min(a, b)",
    "clip": "max(low, min(x, high))",
    "clamp": "max(low, min(x, high))",
    "var": "mean((x - mean(x))**2)",
    "variance": "mean((x - mean(x))**2)",
    "std": "sqrt(mean((x - mean(x))**2))",
    "prod": "exp(sum(log(x)))",
    "inner": "dot(x, z)",
    "vdot": "dot(x, z)",
    "matmul": "A @ B",
    "mm": "A @ B",
    "transpose": "A.T",
    "T": "A.T",
    "hadamard": "x * z",
    "multiply": "x * z",
    "inverse": "inv(A)",
    "solve": "inv(A) @ x",
    "slogdet": "logdet(A)",
    "diagonal": "diag(A)",
    "cumsum": "c[i] = sum(where(j <= i, x[j], 0) for j in n)",
    "einsum": "c[i] = sum(A[i, j] * x[j] for j in n)",
    "triu": "C[i, j] = where(i <= j, A[i, j], 0)",
    "tril": "C[i, j] = where(i >= j, A[i, j], 0)",
}
"""Name -> how it is written in a sheet."""

REMARKS = {
    "norm": "Write norm2 for the length of a vector, normF for a matrix, norm1 for sums of absolute values.",
    "identity": "Write eye(n) for the identity matrix.",
    "heaviside": "Write step(x), which is 0 at 0.",
    "argmax": "A sheet holds formulas that can be differentiated; take the largest entry of the result.",
    "grad": "Write d(L, W) for the derivative of L with respect to W.",
    "gradient": "Write d(L, W) for the derivative of L with respect to W.",
    "diff": "Write d(L, W) for the derivative of L with respect to W.",
    "stop_gradient": "Declare what stays as it is as a value of its own: constants c: R[n].",
    "detach": "Declare what stays as it is as a value of its own: constants c: R[n].",
    "vec": "Write a sum over both axes, sum(B[k, i, j] * A[i, j] for i in m for j in n).",
    "flatten": "Write a sum over both axes, sum(B[k, i, j] * A[i, j] for i in m for j in n).",
    "reshape": "Write a sum over both axes, sum(B[k, i, j] * A[i, j] for i in m for j in n).",
    "concat": "Write A @ x + B @ z, a matrix for each part.",
    "concatenate": "Write A @ x + B @ z, a matrix for each part.",
}
"""Name -> what to do where one formula does not say it."""


def here(name: str) -> str:
    """The end of an error about a function that there is not; empty if nothing is known of it."""
    remark = f"Write {WORDS[name]}." if name in WORDS else REMARKS.get(name)
    return f" {remark}" if remark else ""
