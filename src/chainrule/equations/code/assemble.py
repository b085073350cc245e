"""The whole function from its parts: conversions, checks, statements, what it returns."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from chainrule.equations.code.array_api import Names, standard_statements
from chainrule.equations.code.array_kernels import ARRAY_DEFINITIONS
from chainrule.equations.code.body import Body
from chainrule.equations.code.chunks import Chunked, chunked
from chainrule.equations.code.code_facts import Statement, reads
from chainrule.equations.code.in_place import Storage, in_place, results_first
from chainrule.equations.code.kernels import definitions_for
from chainrule.equations.code.room import Made, made_by
from chainrule.equations.language.tree import Size, spelled
from chainrule.errors import NoRuleError

# The branch that is not taken is computed too, and may divide by zero.
MAY_WARN = '@np.errstate(divide="ignore", invalid="ignore", over="ignore")\n'


@dataclass(frozen=True)
class Source:
    """The code of a function, and the sizes it asks for since no input shows them.

    Attributes
    ----------
    head : str
        What stands before the docstring, up to the line of the definition.
    body : str
        What stands after it.
    hidden : tuple of str
    docstring : callable
    made : callable
        Finds the arrays that it makes.
    """

    head: str
    body: str
    hidden: tuple[str, ...]
    docstring: Callable[[], str] = field(compare=False)
    made: Callable[[], list[Made]] = field(compare=False)

    @property
    def code(self) -> str:
        """What is executed."""
        return self.head + self.body

    def documented(self) -> str:
        """What is read."""
        return self.head + self.docstring() + self.body


def numpy_source(body: Body) -> Source:
    """A NumPy function that checks shapes and labels and writes to no array that is not its own."""
    return _fresh_source(body, *body.checks())


def unchecked_source(body: Body) -> Source:
    """A NumPy function that writes to no array that is not its own; its caller has checked the inputs."""
    return _fresh_source(body, *body.reads())


def _fresh_source(body: Body, checks: Sequence[str], hidden: tuple[str, ...]) -> Source:
    """The function, in place and in chunks where that pays."""
    texts = [text for _, text in body.results]
    facts = body.known, body.dims
    loops = (chunked(body.statements, texts, *facts, size, body.length, body.fresh) for size in body.counts)
    first, loop, last, texts = next(filter(None, loops), Chunked([], [], list(body.statements), texts))
    after = _in_place(body, last, set().union(*map(reads, texts)))
    before = _in_place(body, first, reads("\n".join([*loop, *map(str, last), *texts])))
    lines = [*_conversions(body), *checks, *before, *loop, *after, f"return {', '.join(texts)},"]
    # What the loop makes is as large as its parts are chosen to be.
    return _numpy_code(body, hidden, [], lines, _made_by(body, [*first, *last], texts, [*before, *after]))


def _in_place(body: Body, statements: Sequence[Statement], read: set[str]) -> list[str]:
    return in_place(results_first(statements, read), read, body.known, body.dims, body.fresh)


def array_source(body: Body) -> Source:
    """A function of the arrays of any library that follows the array API standard.

    Raises
    ------
    NoRuleError
        If something has no counterpart in the standard, or nothing shows whose arrays are meant.
    """
    if not body.inputs:
        raise NoRuleError('A function without inputs shows no array library; compile for target="numpy".')
    names = Names(*(body.fresh(name) for name in ("xp", "dtype", "device")))
    texts = [text for _, text in body.results]
    sizes = set(body.used_sizes.values())
    statements, texts = standard_statements(body.statements, texts, sizes, names)
    shapes, hidden = body.checks(names.namespace)
    last = f"return {', '.join(texts)},"
    typed = names.dtype in reads("\n".join([*statements, *texts]))
    lines = [*_arrays(body, names, typed), *shapes, *statements, last]
    head, text = _definition(body, hidden, [], lines)
    definitions = definitions_for(head + text, ARRAY_DEFINITIONS).lstrip()
    made = _made_by(body, body.statements, (text for _, text in body.results), map(str, body.statements))
    return Source(f"{definitions}\n\n{head}", text, hidden, lambda: _docstring(body), made)


def _arrays(body: Body, names: Names, typed: bool) -> list[str]:
    """Statements that find the namespace and bring the inputs into one type on one device."""
    xp, everything, floats = names.namespace, list(body.inputs.values()), ", ".join(body.floats)
    lines = [f"{xp} = _namespace({', '.join(everything)})"]
    if floats:
        lines.append(f"{_target(body.floats)} = _floats({xp}, {floats})")
        lines.append(f"{names.dtype} = {body.floats[0]}.dtype")
    elif typed:
        lines.append(f"{names.dtype} = {xp}.asarray(1.0).dtype")
    lines.append(f'{names.device} = getattr({[*body.floats, *everything][0]}, "device", None)')
    return [*lines, *(f"{name} = _labels({xp}, {name}, {names.device})" for name in body.labels)]


def stepping_source(body: Body, along: Size, returned: int) -> Source:
    """An unchecked NumPy function for many calls, which allocates little.

    It returns the first results. For each of the others it takes, after the inputs, an array to write it
    into, best with the first axis fastest, and after those a dictionary: the arrays with the axis ``along``
    stay there for the next call, which must have the same shapes and types.

    Parameters
    ----------
    body : Body
    along : size
    returned : int
        How many results are returned.
    """
    statements, arrays = list(body.statements), list[str]()
    made = {statement.names for statement in statements}
    texts = [text for _, text in body.results]
    for text in texts[returned:]:
        arrays.append(text if (text,) in made and texts.count(text) == 1 else body.fresh("into"))
        if arrays[-1] != text:
            statements.append(Statement((arrays[-1],), text))
    values = texts[:returned]
    read = set().union(*map(reads, values))
    kept = body.fresh("kept")
    ordered = results_first(statements, read | set(arrays))
    storage = Storage(frozenset(arrays), kept, along)
    lines = in_place(ordered, read, body.known, body.dims, body.fresh, storage)
    head, hidden = body.reads()
    end = f"return {', '.join(values)}," if values else "return ()"
    lines = [*_conversions(body), *head, *lines, end]
    return _numpy_code(body, hidden, [*arrays, kept], lines, _made_by(body, body.statements, texts))


def _numpy_code(
    body: Body,
    hidden: tuple[str, ...],
    extra: Sequence[str],
    lines: Sequence[str],
    made: Callable[[], list[Made]],
) -> Source:
    """The function of some lines, which makes some arrays."""
    head, text = _definition(body, hidden, extra, lines)
    guard = MAY_WARN if "np.where(" in text else ""
    definitions = definitions_for(guard + head + text)
    head = f"import numpy as np\n{definitions}\n\n{guard}{head}"
    return Source(head, text, hidden, lambda: _docstring(body), made)


def _made_by(
    body: Body, statements: Iterable[Statement], results: Iterable[str], held: Iterable[str] = ()
) -> Callable[[], list[Made]]:
    """What finds the arrays that code makes, and those held to the end, when it is first asked for."""
    sizes: dict[str, Size] = {variable: size for size, variable in body.used_sizes.items()}
    code = (*statements, *(Statement((), text) for text in results))
    return partial(made_by, code, tuple(held), body.known, body.dims, sizes)


def _definition(
    body: Body, hidden: Sequence[str], extra: Sequence[str], lines: Sequence[str]
) -> tuple[str, str]:
    """The line of the definition, and the statements under it."""
    arguments = ", ".join([*body.inputs.values(), *(body.used_sizes[size] for size in hidden), *extra])
    return f"def function({arguments}):\n", _indented(lines)


def _docstring(body: Body) -> str:
    doc = [f'"""{", ".join(name for name, _ in body.results)}', "", "Shapes"]
    doc += [f"    {body.inputs[name]}: {spelled(body.program.symbols[name].dims)}" for name in body.inputs]
    body.program.pool.refill()
    return _indented([*doc, "", "Formulas", *(f"    {line}" for line in body.formulas()), '"""'])


def _indented(lines: Sequence[str]) -> str:
    return "".join(f"    {line}\n" if line else "\n" for line in lines)


def _conversions(body: Body) -> list[str]:
    lines = [f"{name} = np.asarray({name})" for name in body.labels]
    if body.floats:
        lines.append(f"{_target(body.floats)} = _floats({', '.join(body.floats)})")
    return lines


def _target(names: Sequence[str]) -> str:
    return f"({names[0]},)" if len(names) == 1 else ", ".join(names)
