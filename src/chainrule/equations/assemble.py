"""The whole function from its parts: conversions, checks, statements, what it returns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from chainrule.equations.code_facts import Dims, Variable, reads
from chainrule.equations.in_place import Storage, in_place, results_first
from chainrule.equations.kernels import definitions_for
from chainrule.equations.node_code import MAY_WARN
from chainrule.equations.program import Program
from chainrule.equations.signature import Signature, spelled
from chainrule.equations.tree import Size

__all__ = ["Body", "Source", "numpy_source", "stepping_source"]


@dataclass(frozen=True)
class Body:
    """What a function does, before it is known how it stores what it computes.

    Attributes
    ----------
    program : Program
    inputs : mapping of str to str
        Variable of each input.
    used_sizes : mapping of size to str
        Variable of each size that the statements use.
    statements : sequence of str
        Assignments; every name is assigned once.
    results : sequence of (str, str)
        Name and code of each output.
    dims : mapping of str to tuple of size
        Axes of the variables.
    formulas : sequence of str
        The sheet's lines.
    chooses : bool
        Whether it computes branches that are not taken.
    length : callable
        Variable or number of a size.
    fresh : callable
        A name that is not used yet, like the one that is wished for.
    """

    program: Program
    inputs: Mapping[str, str]
    used_sizes: Mapping[str, str]
    statements: Sequence[str]
    results: Sequence[tuple[str, str]]
    dims: Mapping[str, Dims]
    formulas: Sequence[str]
    chooses: bool
    length: Callable[[Size], str]
    fresh: Callable[[str], str]

    @property
    def floats(self) -> list[str]:
        """The variables of the inputs that are numbers."""
        return [variable for name, variable in self.inputs.items() if not self.program.is_label(name)]

    @property
    def labels(self) -> list[str]:
        """The variables of the inputs that are labels."""
        return [variable for name, variable in self.inputs.items() if self.program.is_label(name)]

    @property
    def known(self) -> dict[str, Variable]:
        """What is known of the inputs and sizes."""
        floats = set(self.floats)
        return {
            **{name: Variable(self.dims.get(name), name in floats) for name in self.inputs.values()},
            **dict.fromkeys(self.used_sizes.values(), Variable((), floating=False)),
        }


@dataclass(frozen=True)
class Source:
    """The code of a function, and the sizes it asks for since no input shows them."""

    code: str
    hidden: tuple[str, ...]


def numpy_source(body: Body, checked: bool) -> Source:
    """A NumPy function that returns new arrays.

    Parameters
    ----------
    body : Body
    checked : bool
        Whether the code checks shapes and labels; the caller must have, if not.
    """
    texts = [text for _, text in body.results]
    returned = set().union(*map(reads, texts))
    ordered = results_first(body.statements, returned)
    statements = in_place(ordered, returned, body.known, body.dims, body.fresh)
    return _function(body, checked, [], [*statements, f"return {', '.join(texts)},"])


def stepping_source(body: Body, filled: Collection[str], along: Size) -> Source:
    """A NumPy function for many calls, which allocates little.

    It takes, after the inputs, an array for each result in ``filled`` and a dictionary, and returns the rest.
    The arrays with the axis ``along`` stay in the dictionary for the next call, which must have the same
    shapes and types.

    Parameters
    ----------
    body : Body
    filled : collection of str
        Names of results.
    along : size
    """
    statements, arrays, returned = list(body.statements), list[str](), list[str]()
    made = {text.partition(" = ")[0] for text in statements}
    texts = [text for _, text in body.results]
    for name, text in body.results:
        if name not in filled:
            returned.append(text)
        elif text in made and texts.count(text) == 1:
            arrays.append(text)
        else:
            arrays.append(body.fresh("into"))
            statements.append(f"{arrays[-1]} = {text}")
    read = set().union(*map(reads, returned))
    kept = body.fresh("kept")
    ordered = results_first(statements, read | set(arrays))
    storage = Storage(frozenset(arrays), kept, along)
    lines = in_place(ordered, read, body.known, body.dims, body.fresh, storage)
    end = f"return {', '.join(returned)}," if returned else "return ()"
    return _function(body, False, [*arrays, kept], [*lines, end])


def _function(body: Body, checked: bool, extra: Sequence[str], statements: Sequence[str]) -> Source:
    signature = Signature(body.program, body.inputs, body.used_sizes, body.length)
    shapes, hidden = signature.checks() if checked else signature.reads()
    arguments = ", ".join([*body.inputs.values(), *(body.used_sizes[size] for size in hidden), *extra])
    lines = [*_conversions(body), *shapes, *statements]
    doc = [f'"""{", ".join(name for name, _ in body.results)}', "", "Shapes"]
    doc += [f"    {body.inputs[name]}: {spelled(body.program.symbols[name].dims)}" for name in body.inputs]
    doc += ["", "Formulas", *(f"    {line}" for line in body.formulas), '"""']
    text = "\n".join("    " + line if line else "" for line in [*doc, *lines])
    guard = MAY_WARN if body.chooses else ""
    code = f"{guard}def function({arguments}):\n{text}\n"
    return Source(f"import numpy as np\n{definitions_for(code)}\n\n{code}", hidden)


def _conversions(body: Body) -> list[str]:
    floats = ", ".join(body.floats)
    target = f"({floats},)" if len(body.floats) == 1 else floats
    lines = [f"{name} = np.asarray({name})" for name in body.labels]
    return [*lines, f"{target} = _floats({floats})"] if floats else lines
