"""What a node is seen as: a function of u, a number plus a term, a product that sums nothing."""

from collections.abc import Collection, Iterable
from fractions import Fraction

from chainrule.equations.nodes.nodes import Factor, Node, coefficient_terms

ONE = Fraction(1)


def argument_of(node: Node, *names: str) -> Node | None:
    """The u of f(u), if the node is one of these functions."""
    return node.args[0] if node.kind == "fn" and node.data in names else None


def base_and_exponent(node: Node) -> tuple[Node, Fraction]:
    """The u and k of uᵏ; of anything else itself and 1."""
    return (node.args[0], node.data) if node.kind == "pow" else (node, ONE)


def is_sum(node: Node) -> bool:
    """Whether a node has several terms."""
    return node.kind == "lin" and len(node.args) > 1


def number_and_rest(node: Node) -> tuple[Fraction, list[tuple[Fraction, Node]]]:
    """The number among the terms of a node, 0 if there is none, and the other terms."""
    terms = coefficient_terms(node)
    number = sum((c for c, term in terms if term.kind == "ones"), Fraction(0))
    return number, [(c, term) for c, term in terms if term.kind != "ones"]


def number_plus_term(node: Node) -> tuple[Fraction, Fraction, Node] | None:
    """The a, c and v of a + c v, if a node is a number that is not 0 and one other term."""
    number, rest = number_and_rest(node)
    return (number, *rest[0]) if number and len(rest) == 1 else None


def summed_labels(factors: Iterable[Factor], out: Collection[int]) -> set[int]:
    """The labels of factors over which their product sums."""
    return {label for _, own in factors for label in own}.difference(out)
