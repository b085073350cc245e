"""Time and length of a derivation against the depth of the network; both should grow linearly.

python -m benchmarks derivation_depth
"""

from __future__ import annotations

from benchmarks.harness import Case, Contest
from chainrule import Equations

DEPTHS = (1, 10, 100)


def sheet(depth: int) -> str:
    """A tanh network with softmax cross-entropy, every size a symbol of its own."""
    lines = ["data x: R[m0]; y: Class[K]"]
    sizes = [f"m{layer}" for layer in range(depth)] + ["K"]
    value = "x"
    for layer in range(1, depth + 1):
        lines.append(
            f"parameters W{layer}: R[{sizes[layer]}, {sizes[layer - 1]}]; b{layer}: R[{sizes[layer]}]"
        )
        inner = f"W{layer} @ {value} + b{layer}"
        value = f"h{layer}" if layer < depth else "f"
        lines.append(f"{value} = tanh({inner})" if layer < depth else f"f = {inner}")
    return "\n".join([*lines, "L = logsumexp(f) - f[y]"])


def printed(depth: int) -> Contest:
    """All gradients, derived and printed."""
    text = sheet(depth)
    return Contest(
        lambda: str(Equations(text).derive("L")),
        same=None,
        remark=lambda results: f"{len(results['chainrule']) / depth:,.0f} characters a layer",
    )


def compiled(depth: int) -> Contest:
    """Value and all gradients, compiled."""
    text = sheet(depth)

    def ours():
        model = Equations(text)
        return model.compile(["L", *(f"dL/d{name}" for name in model.parameters)])

    return Contest(ours, same=None)


CASES = [
    Case(f"{what}, {depth} layer{'s' * (depth > 1)}", lambda depth=depth, prepare=prepare: prepare(depth))
    for what, prepare in {"derive and print": printed, "compile": compiled}.items()
    for depth in DEPTHS
]
