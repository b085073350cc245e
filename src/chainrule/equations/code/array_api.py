"""Code for any library that follows the array API standard, from the code for NumPy: a table of spellings.

Statements are the same straight lines; ``np.`` becomes the namespace of the inputs, methods become functions,
and what the standard has no word for becomes a small function in its words.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from chainrule.equations.code.array_kernels import ARRAY_DEFINITIONS
from chainrule.equations.code.code_facts import UFUNCS, Statement, called, expression, read_lines, reads
from chainrule.errors import NoRuleError

# Functions of arrays that have the same name in the standard.
_SAME = UFUNCS | {"np.reshape", "np.linalg.inv", "np.linalg.det"}
# These have another one.
_RENAMED = {"np.arcsin": "asin", "np.arccos": "acos", "np.arctan": "atan"}
# Functions that make an array, and how many arguments stand before its type.
_CREATE = {"np.ones": 1, "np.zeros": 1, "np.full": 2, "np.eye": 1, "np.arange": 1}
# What the standard lacks is done by functions of ours.
_OURS = {"np.where": "_where", "np.kron": "_kron"}
_METHODS = {"sum": "sum", "transpose": "permute_dims"}
# These take plain numbers as they are: a bound, a sign, a number of classes, an exponent.
_COMPARISONS = {"_less", "_less_equal", "_equal", "_not_equal"}
_PLAIN = _COMPARISONS | {"_extreme", "_attains", "_onehot", "_norm", "_power", "_power_slope"}


@dataclass(frozen=True)
class Names:
    """What the namespace, the type and the device of the arrays are called in the code."""

    namespace: str
    dtype: str
    device: str


def standard_statements(
    statements: Sequence[Statement], results: Sequence[str], numbers: set[str], names: Names
) -> tuple[list[str], list[str]]:
    """The lines of statements and results in the words of the standard.

    Parameters
    ----------
    statements : sequence of Statement
        For NumPy.
    results : sequence of str
        Code of the results.
    numbers : set of str
        Variables that are plain numbers.
    names : Names

    Raises
    ------
    NoRuleError
        If something has no counterpart in the standard.

    Examples
    --------
    >>> names = Names("xp", "dtype", "device")
    >>> total = Statement(("Z",), "np.exp(X @ W.T).sum(axis=0)")
    >>> standard_statements([total], ["Z * np.ones((n,), X.dtype)"], {"n"}, names)
    (['Z = xp.sum(xp.exp(X @ W.T), axis=0)'], ['Z * xp.ones((n,), dtype=dtype, device=device)'])
    """
    speller = _Speller(set(numbers), names)
    lines = [speller.assignment(statement) for statement in statements]
    returned = [speller.expression(text) for text in results]
    # What only NumPy's way to pick entries reads is not needed.
    made = {name for statement in statements for name in statement.names}
    return read_lines(lines, set().union(*map(reads, returned)), made), returned


class _Speller(ast.NodeTransformer):
    def __init__(self, numbers: set[str], names: Names) -> None:
        self.numbers = numbers
        self.names = names

    def assignment(self, statement: Statement) -> str:
        tree = expression(statement.code)  # its own, which it changes
        if self._is_number(tree):
            self.numbers.update(statement.names)
        return str(Statement(statement.names, ast.unparse(self.visit(tree))))

    def expression(self, text: str) -> str:
        return ast.unparse(self.visit(expression(text)))

    def _is_number(self, code: ast.expr) -> bool:
        match code:
            case ast.Constant():
                return True
            case ast.Name(id=name):
                return name in self.numbers
            case ast.UnaryOp(operand=inner):
                return self._is_number(inner)
            case ast.BinOp(left=left, right=right):
                return self._is_number(left) and self._is_number(right)
            case ast.Attribute():
                return ast.unparse(code) == "np.pi"
        return False

    def visit_Name(self, node: ast.Name) -> ast.expr:
        # The type of what no floating input shows.
        return ast.Name(self.names.dtype) if node.id == "float" else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if ast.unparse(node) == "np.pi":
            return self._standard("pi")
        if node.attr == "dtype":
            return ast.Name(self.names.dtype)
        return ast.Attribute(self.visit(node.value), node.attr)

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        inner = self.visit(node.value)
        if isinstance(parts[-1], ast.Name):
            return self._ours("_pick", [inner, parts[-1]])
        if isinstance(node.slice, ast.Constant):
            # The standard wants the other axes named: eye(n)[0, ...].
            return ast.Subscript(inner, ast.Tuple([node.slice, ast.Constant(...)]))
        return ast.Subscript(inner, node.slice)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        name = called(node.func)
        if name in _CREATE:
            return self._created(name, node)
        if isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS:
            arguments = [self.visit(argument) for argument in (node.func.value, *node.args)]
            return ast.Call(self._standard(_METHODS[node.func.attr]), arguments, node.keywords)
        if name == "float":
            return self.visit(node.args[0])  # type: ignore[no-any-return]
        # Two numbers compared are no array yet, and neither is what their power gives: n**p of sizes.
        numbers = all(map(self._is_number, node.args[:2]))
        plain = name in _PLAIN and not (name in _COMPARISONS and numbers)
        arguments = [self._array(argument, name, plain) for argument in node.args]
        call = self._call(name, arguments, node.keywords)
        return self._made_an_array(call) if name == "_power" and numbers else call

    def _call(self, name: str, arguments: list[ast.expr], keywords: list[ast.keyword]) -> ast.expr:
        """A function of the standard, or one of ours that is made of those."""
        if name == "np.tensordot":
            return ast.Call(self._standard("tensordot"), arguments[:2], [ast.keyword("axes", arguments[2])])
        if name in _SAME:
            own = _RENAMED.get(name, name.removeprefix("np."))
            return ast.Call(self._standard(own), arguments, keywords)
        if name == "np.einsum":
            return self._ours("_einsum" if len(arguments) > 2 else "_diagonal", arguments)
        if _OURS.get(name, name) in ARRAY_DEFINITIONS:
            return self._ours(_OURS.get(name, name), arguments)
        raise NoRuleError(f'No array API code is known for {name}; compile for target="numpy".')

    def _array(self, argument: ast.expr, function: str, plain: bool) -> ast.expr:
        """An argument; a plain number as an array, which functions of one argument insist on."""
        alone = function in _SAME - {"np.reshape"} or function.startswith("_")
        # Asked first: a visit respells np.pi in it.
        is_lonely = alone and self._is_number(argument) and not plain
        visited: ast.expr = self.visit(argument)
        return self._made_an_array(visited) if is_lonely else visited

    def _made_an_array(self, number: ast.expr) -> ast.expr:
        names = [ast.Name(self.names.dtype), ast.Name(self.names.device)]
        return self._ours("_number", [number, *names])

    def _created(self, name: str, node: ast.Call) -> ast.expr:
        before = _CREATE[name]
        typed = len(node.args) > before or bool(node.keywords)
        keywords = [ast.keyword("dtype", ast.Name(self.names.dtype))] if typed else []
        keywords.append(ast.keyword("device", ast.Name(self.names.device)))
        return ast.Call(self._standard(name.removeprefix("np.")), node.args[:before], keywords)

    def _standard(self, name: str) -> ast.expr:
        return ast.parse(f"{self.names.namespace}.{name}", mode="eval").body

    def _ours(self, name: str, arguments: Sequence[ast.expr]) -> ast.expr:
        return ast.Call(ast.Name(name), [ast.Name(self.names.namespace), *arguments], [])
