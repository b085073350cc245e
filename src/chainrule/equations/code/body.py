"""What a function does, and its head: sizes read off its inputs, shapes and labels checked."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass

from chainrule.equations.code.code_facts import Dims, Statement, Variable
from chainrule.equations.language.tree import Size, size_factors, spelled
from chainrule.equations.nodes.nodes import Node
from chainrule.equations.nodes.operations import is_pick
from chainrule.equations.nodes.program import Program


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
    statements : sequence of Statement
    results : sequence of (str, str)
        Name and code of each output.
    dims : mapping of str to tuple of size
        Axes of the variables.
    formulas : callable
        The sheet's lines; they are printed when somebody reads the code.
    least : mapping of size to int
        The largest position at which an axis of a size is read.
    length : callable
        Variable or number of a size.
    fresh : callable
        A name that is not used yet, like the one that is wished for.
    """

    program: Program
    inputs: Mapping[str, str]
    used_sizes: Mapping[str, str]
    statements: Sequence[Statement]
    results: Sequence[tuple[str, str]]
    dims: Mapping[str, Dims]
    formulas: Callable[[], Sequence[str]]
    least: Mapping[Size, int]
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
    def counts(self) -> list[Size]:
        """The sizes that may count examples: the first axes of the data."""
        data = set(self.program.named("data"))
        dims = [self.program.symbols[name].dims for name in self.inputs if name in data]
        return list(dict.fromkeys(axes[0] for axes in dims if axes and isinstance(axes[0], str)))

    @property
    def known(self) -> dict[str, Variable]:
        """What is known of the inputs and sizes."""
        floats = set(self.floats)
        return {
            **{name: Variable(self.dims.get(name), name in floats) for name in self.inputs.values()},
            **dict.fromkeys(self.used_sizes.values(), Variable((), floating=False)),
        }

    def checks(self, namespace: str = "np") -> tuple[list[str], tuple[str, ...]]:
        """Statements that read the sizes off the inputs and check the rest, and the sizes no input shows.

        Parameters
        ----------
        namespace : str
            Whose functions the code calls; the values of labels are looked at in NumPy alone, since other
            libraries may only trace the code.
        """
        known, reads = self._shown()
        given = [(variable, self.program.symbols[name].dims) for name, variable in self.inputs.items()]
        ranks = [f"{variable}.ndim == {len(dims)}" for variable, dims in given]
        shapes = [
            f"{variable}.shape == {spelled(_length_text(size, known) for size in dims)}"
            for variable, dims in given
            if dims and all(_is_known(size, known) for size in dims)
        ]
        for size in self.least:
            self.length(size)
        shape_checks = [*self._refused(ranks), *reads, *self._refused(shapes)]
        statements = [*shape_checks, *self._position_checks(), *self._label_checks(known, namespace)]
        return statements, tuple(size for size in self.used_sizes if size not in known)

    def _shown(self, among: Container[str] | None = None) -> tuple[dict[Size, str], list[str]]:
        """What the sizes that are an axis of an input are called, and the statements that read them."""
        known: dict[Size, str] = {}
        reads = []
        for name, variable in self.inputs.items():
            for axis, size in enumerate(self.program.symbols[name].dims):
                if size in known or not isinstance(size, str) or "*" in size:
                    continue
                if among is None or size in among:
                    known[size] = self.length(size)
                    reads.append(f"{known[size]} = {variable}.shape[{axis}]")
        return known, reads

    def _refused(self, conditions: Sequence[str]) -> list[str]:
        if not conditions:
            return []
        return [f"if not ({' and '.join(conditions)}):", f"    raise {self._refusal()}"]

    def reads(self) -> tuple[list[str], tuple[str, ...]]:
        """Statements that read the sizes the code uses, and the sizes no input shows."""
        known, reads = self._shown(self.used_sizes)
        return reads, tuple(size for size in self.used_sizes if size not in known)

    def _refusal(self) -> str:
        expected = ", ".join(f"{name} {spelled(self.program.symbols[name].dims)}" for name in self.inputs)
        arrived = ", ".join(f"{name} {{{variable}.shape}}" for name, variable in self.inputs.items())
        return f'ValueError(f"Expected {expected}; got {arrived}.")'

    def _position_checks(self) -> list[str]:
        """An entry that is not there must not be one whose derivative is 0."""
        statements = []
        for size, position in self.least.items():
            length = self.length(size)
            need = (
                f"The subscript {position} is outside its axis of size {{{length}}}; subscripts count from 0."
            )
            statements += [f"if not {length} > {position}:", f'    raise ValueError(f"{need}")']
        return statements

    def _label_checks(self, known: Mapping[Size, str], namespace: str) -> list[str]:
        statements = []
        for name, variable in self.inputs.items():
            declaration = self.program.declarations.get(name)
            if declaration is None or declaration.domain != "class" or declaration.classes is None:
                continue
            classes = known.get(declaration.classes, str(declaration.classes))
            if isinstance(declaration.classes, int) or declaration.classes in known:
                wrong = f"not {namespace}.isdtype({variable}.dtype, 'integral')"
                if namespace == "np":
                    wrong += f" or {variable}.min() < 0 or {variable}.max() >= {classes}"
                need = f'f"{name} holds labels, whole numbers from 0 to {{{classes} - 1}}."'
                statements.append(f"if {wrong}:")
                statements.append(f"    raise ValueError({need})")
        return statements


def _length_text(size: Size, known: Mapping[Size, str]) -> str:
    return " * ".join(known.get(part, str(part)) for part in size_factors(size))


def _is_known(size: Size, known: Mapping[Size, str]) -> bool:
    return all(part in known or isinstance(part, int) for part in size_factors(size))


def largest_positions(nodes: Sequence[Node]) -> dict[Size, int]:
    """The last position at which unit vectors pick entries, for each size that may be too small."""
    found: dict[Size, int] = {}
    for node in nodes:
        # Position 0 is there whatever the size is.
        if is_pick(node) and node.data and isinstance(node.dims[0], str):
            found[node.dims[0]] = max(node.data, found.get(node.dims[0], 0))
    return found
