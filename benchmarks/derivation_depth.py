"""Time and length of a derivation against the depth of the network; both should grow linearly.

python -m benchmarks.derivation_depth
"""

from __future__ import annotations

import time

from chainrule import Equations

DEPTHS = (1, 3, 10, 30, 100)


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


def main() -> None:
    """Print a line per depth."""
    print("Derivation of all gradients of a tanh network")
    print(f"{'layers':>6}{'read':>10}{'derive, print':>16}{'compile':>10}{'characters':>13}{'per layer':>11}")
    for depth in DEPTHS:
        start = time.perf_counter()
        model = Equations(sheet(depth))
        read = time.perf_counter()
        text = str(model.derive("L"))
        derived = time.perf_counter()
        model.compile(["L", *(f"dL/d{name}" for name in model.parameters)])
        compiled = time.perf_counter()
        figures = [1e3 * (read - start), 1e3 * (derived - read), 1e3 * (compiled - derived)]
        print(
            f"{depth:>6}{figures[0]:>7.0f} ms{figures[1]:>13.0f} ms{figures[2]:>7.0f} ms"
            f"{len(text):>13,}{len(text) / depth:>11.0f}"
        )


if __name__ == "__main__":
    main()
