"""Tokens to statements: the grammar is Python's, which its own parser judges."""

import ast
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.equations.language.expressions import MAX_DEPTH
from chainrule.equations.language.lexer import Source
from chainrule.equations.language.parse import (
    ClaimLine,
    DeclarationLine,
    DefinitionLine,
    FunctionLine,
    parse_expression,
    parse_line,
)
from chainrule.equations.language.statements import statements
from chainrule.equations.language.syntax import (
    Comparison,
    Flip,
    Group,
    Invocation,
    Literal,
    Name,
    Operation,
    Subscript,
    Unary,
)
from chainrule.errors import SheetLimitError, SheetSyntaxError

_OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**", ast.MatMult: "@"}
_COMPARISONS = {ast.Lt: "<", ast.Gt: ">", ast.LtE: "<=", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}


def _ours(text):
    source = Source(text)
    (statement,) = statements(source)
    return _shape(parse_expression(source, statement))


def _shape(node):
    match node:
        case None:
            return ":"
        case Group(inner=inner):
            return _shape(inner)
        case Name(name=name):
            return name
        case Literal(value=value):
            return value
        case Unary(op=op, operand=operand):
            return (op, _shape(operand))
        case Operation(op=op, left=left, right=right) | Comparison(op=op, left=left, right=right):
            return (op, _shape(left), _shape(right))
        case Flip(base=base):
            return ("T", _shape(base))
        case Subscript(base=base, items=items):
            return ("[]", _shape(base), *map(_shape, items))
        case Invocation(function=function, args=args, axis=axis, loops=loops):
            bound = tuple((loop.index.name, _shape(loop.size)) for loop in loops)
            return ("()", function.name, *map(_shape, args), _shape(axis) if axis else None, bound)
    raise AssertionError(node)


def _pythons(text):
    return _python_shape(ast.parse(text, mode="eval").body)


def _python_shape(node):
    match node:
        case ast.Name(id=name):
            return name
        case ast.Constant(value=value):
            return Fraction(str(value))
        case ast.UnaryOp(op=op, operand=operand):
            return ("-" if isinstance(op, ast.USub) else "+", _python_shape(operand))
        case ast.BinOp(op=op, left=left, right=right):
            return (_OPERATORS[type(op)], _python_shape(left), _python_shape(right))
        case ast.Compare(ops=[op], left=left, comparators=[right]):
            return (_COMPARISONS[type(op)], _python_shape(left), _python_shape(right))
        case ast.Attribute(value=value, attr="T"):
            return ("T", _python_shape(value))
        case ast.Slice(lower=None, upper=None, step=None):
            return ":"
        case ast.Subscript(value=value, slice=ast.Tuple(elts=items)):
            return ("[]", _python_shape(value), *map(_python_shape, items))
        case ast.Subscript(value=value, slice=item):
            return ("[]", _python_shape(value), _python_shape(item))
        case ast.Call(func=ast.Name(id=name), args=[ast.GeneratorExp(elt=elt, generators=loops)]):
            bound = tuple((loop.target.id, _python_shape(loop.iter)) for loop in loops)
            return ("()", name, _python_shape(elt), None, bound)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=options):
            axis = _python_shape(options[0].value) if options else None
            return ("()", name, *map(_python_shape, args), axis, ())
    raise AssertionError(ast.dump(node))


def _grow(inner):
    operator = st.sampled_from(["+", "-", "*", "/", "**", "@"])
    return st.one_of(
        st.tuples(inner, operator, inner).map(" ".join),
        st.tuples(st.sampled_from("+-"), inner).map("".join),
        inner.map("({})".format),
        inner.map("({}).T".format),
        inner.map("({})[i, :]".format),
        st.tuples(inner, inner).map(lambda parts: f"f({parts[0]}, {parts[1]})"),
        inner.map("sum({}, axis=1)".format),
        inner.map("mean({} for i in N for j in 3)".format),
        st.tuples(inner, st.sampled_from(["<", "==", ">=", "!="]), inner, inner).map(
            lambda parts: f"where({parts[0]} {parts[1]} {parts[2]}, {parts[3]}, b)"
        ),
    )


_ATOMS = st.sampled_from(["a", "W.T", "x[i]", "F[i][y[i]]", "3", "0.25", "2e3", "tanh(z)", "lam"])
EXPRESSIONS = st.recursive(_ATOMS, _grow, max_leaves=12)


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS)
def test_expressions_are_read_as_python_reads_them(text):
    assert _ours(text) == _pythons(text)


@pytest.mark.parametrize(
    "text", ["-x**2", "2**-x**2", "a-b-c", "a**b**c", "-a@b", "a/b*c", "a@b@c", "--a", "x.T[0].T"]
)
def test_precedence(text):
    assert _ours(text) == _pythons(text)


def test_numbers_are_exact():
    assert _ours("0.1") == Fraction(1, 10)


def _line(text):
    source = Source(text)
    (statement,) = statements(source)
    return parse_line(source, statement.tokens)


def test_kinds_of_statements():
    declaration = _line("W: R[M, 3]")
    assert isinstance(declaration, DeclarationLine)
    assert (declaration.name.text, declaration.kind.text, declaration.sizes) == ("W", "R", ("M", 3))
    definition = _line("h[i, j] = a")
    assert isinstance(definition, DefinitionLine)
    assert [token.text for token in definition.indices] == ["i", "j"]
    function = _line("swish(t, u) = t*sigmoid(u)")
    assert isinstance(function, FunctionLine)
    assert [token.text for token in function.parameters] == ["t", "u"]
    assert isinstance(_line("d(L, V) == d(L, f) @ h.T"), ClaimLine)
    assert isinstance(_line("h = where(a == b, 1, 2)"), DefinitionLine)


def test_the_depth_of_an_expression_is_bounded():
    assert _ours("+".join("a" * (MAX_DEPTH - 1)))
    for text in ("+".join("a" * (MAX_DEPTH + 50)), "-" * 5000 + "a", "a" + "**a" * 500, "a" + ".T" * 500):
        with pytest.raises(SheetLimitError):
            _ours(text)


@pytest.mark.parametrize(
    "text",
    ["1e999999999", "1e301", "9" * 200, "0." + "1" * 100],
)
def test_numbers_are_bounded(text):
    with pytest.raises(SheetLimitError):
        _ours(text)


@pytest.mark.parametrize(
    "text", ["a b", "a +", "f(a,,b)", "f(a for i in)", "a[1:2]", "a[]", "f()()", "()", "a.b", "3(x)"]
)
def test_what_is_not_an_expression(text):
    with pytest.raises(SheetSyntaxError):
        _ours(text)
