"""Code of sums of exponentials: one statement for a sum, which its logarithm and all its parts read.

``shift, total, log_total = _exponentials((1,), x, w)`` holds Σ w exp(x) as total times exp(shift); a part of
it is ``np.exp(x - shift) / total``.
"""

from collections.abc import Iterator
from typing import NamedTuple

from chainrule.equations.code.node_code import Spelling, plain, repeated_axes, repeats
from chainrule.equations.language.tree import spelled
from chainrule.equations.nodes.log_space import KINDS, log_of, terms_of
from chainrule.equations.nodes.nodes import Node, is_number, is_zero


class Names(NamedTuple):
    """The variables of one sum: it is total times exp(shift)."""

    shift: str
    total: str
    log: str


def operands(node: Node) -> tuple[Node, ...]:
    """The nodes whose code a node's code reads: of what only repeats along some axes, what it repeats."""
    if node.kind not in KINDS:
        return node.args
    found: list[Node] = []
    for arg, spread in _placed(node):
        if spread:
            found += [inner for inner in arg.args if inner.kind != "ones"]
        elif not is_number(arg):
            found.append(arg)
    return tuple(found)


def _placed(node: Node) -> Iterator[tuple[Node, bool]]:
    """Each argument and whether it may be left to broadcast."""
    rank = len(log_of(terms_of(node)).dims)
    if node.kind == "share":
        a, v = node.args[:2]
        yield a, repeats(a) and set(range(rank, len(a.dims))) <= _covered(a)
        yield v, repeats(v) and not is_number(a)
    for s, w, _ in terms_of(node):
        whole = set(range(len(s.dims))) <= _covered(s) | _covered(w)
        yield s, repeats(s) and whole
        yield w, repeats(w)


def _covered(node: Node) -> set[int]:
    """The axes along which a node is not the same by construction."""
    return set(range(len(node.dims))) - repeated_axes(node)


def total_code(node: Node, said: Spelling) -> str:
    """The call that computes the sum behind a node."""
    placed = list(_placed(node))[2 * (node.kind == "share") :]
    texts = [plain(said, arg, spread) for arg, spread in placed]
    return f"_exponentials({spelled(node.data)}, {', '.join(texts)})"


def part_code(node: Node, names: Names, said: Spelling) -> str:
    """The code of a logarithm, a sign or a part v exp(a) / T."""
    if node.kind == "logabs":
        return f"np.log(_abs({names.total})) + {names.shift}"
    return f"_sign({names.total})" if node.kind == "sumsign" else _share(node, names, said)


def _share(node: Node, names: Names, said: Spelling) -> str:
    lead, rank = len(log_of(terms_of(node)).dims), len(node.dims)
    wide = f"[{':, ' * lead}{', '.join(['None'] * (rank - lead))}]" if 0 < lead < rank else ""
    (a, spread), (v, weight_spread), *_ = _placed(node)
    exponent = f"-{names.shift}{wide}"
    if not is_zero(a):
        exponent = f"{plain(said, a, spread)} - {names.shift}{wide}"
    if v.kind == "ones":
        return f"np.exp({exponent}) / {names.total}{wide}"
    return f"_weighted_exp({plain(said, v, weight_spread)}, {exponent}) / {names.total}{wide}"
