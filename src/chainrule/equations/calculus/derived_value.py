"""The value of a derivative that is met while a sheet is evaluated."""

from dataclasses import dataclass
from functools import cached_property

from chainrule.arrays import Array, np
from chainrule.equations.calculus.lower import lower_value
from chainrule.equations.language.evaluate import Environment
from chainrule.equations.language.sheet import Sheet
from chainrule.equations.language.tree import Derivative
from chainrule.equations.nodes.adjugates import with_cofactors
from chainrule.equations.nodes.nodes import Node, topological
from chainrule.equations.nodes.numeric import compute
from chainrule.equations.nodes.program import Program, stages_of
from chainrule.errors import NoRuleError


@dataclass(frozen=True, eq=False)
class Derived:
    """A ``d(of, wrt)`` of a sheet, derived; it can be evaluated anywhere.

    Attributes
    ----------
    node : Node
        Its formula.
    stages : list of (Node, Node)
        Symbols in it that stand for cotangents, with their formulas, in the order in which they are computed.
    open : tuple of str
        The open indices, which are the leading axes of the node.
    symbols : dict of str to Node
        The symbols in it by name.
    steps : int
        How many steps of the rules it took.
    """

    node: Node
    stages: list[tuple[Node, Node]]
    open: tuple[str, ...]
    symbols: dict[str, Node]
    steps: int

    @cached_property
    def orders(self) -> list[tuple[Node, Node, tuple[Node, ...]]]:
        """Each symbol with its formula and the nodes of that, each after its arguments; the formula last."""
        every = [*self.stages, (self.node, self.node)]
        return [(symbol, formula, tuple(topological([formula]))) for symbol, formula in every]

    def value(self, environment: Environment) -> Array:
        """Its value where the derivative stands."""
        evaluation = environment.evaluation
        memory, arithmetic = evaluation.memory, evaluation.arithmetic
        memory |= {symbol: evaluation.named(name) for name, symbol in self.symbols.items()}
        with arithmetic.context():
            for symbol, formula, order in self.orders:
                if symbol not in memory:
                    compute(order, evaluation.sizes, arithmetic, memory)
                    memory[symbol] = memory[formula]
        result = memory[self.node]
        return np.asarray(result[tuple(environment.indices[index] for index in self.open)])


def derived(sheet: Sheet, program: Program, term: Derivative) -> Derived:
    """Derive a ``d(of, wrt)``.

    Parameters
    ----------
    sheet : Sheet
    program : Program
        The sheet in index notation; it assumes nothing of ``wrt``.
    term : Derivative
    """
    done: dict[Node, Node] = {}
    try:
        # A third derivative of a determinant has inverses.
        value = lower_value(
            sheet, program.adjugate, term, lambda node: with_cofactors(node, done), in_stages=True
        )
        program = program.adjugate
    except NoRuleError:
        value = lower_value(sheet, program, term, in_stages=True)
    stages = stages_of(program, value.node)
    nodes = (value.node, *(formula for _, formula in stages))
    names = dict.fromkeys(name for node in nodes for name in program.names_in(node))
    symbols = {name: program.symbols[name] for name in names}
    return Derived(value.node, stages, value.open, symbols, program.pool.limit - program.pool.left)
