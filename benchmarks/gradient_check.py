"""A right gradient of a network, checked, beside six gradients: what it may cost.

python -m benchmarks gradient_check
"""

from __future__ import annotations

from benchmarks.detection import SIZES, Net, judged
from benchmarks.harness import Case, Contest


def checked(size: int, act: str, examples: int) -> Contest:
    """The check of a claimed gradient, which is one of the six."""
    net = Net(SIZES[size], act, 0, examples)

    def six() -> None:
        for _ in range(6):
            net.gradient(net.at)

    return Contest(lambda: judged(net, net.gradient(net.at)), {"six gradients": six}, same=None)


CASES = [
    Case(
        f"check of {size:,} parameters, {act}, {examples} examples",
        lambda size=size, act=act, examples=examples: checked(size, act, examples),
        goal=1.0,
    )
    for size in (6210, 109_386)
    for act in ("tanh", "relu")
    for examples in (16, 128)
]
