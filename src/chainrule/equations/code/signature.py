"""The head of a compiled function: sizes read off its inputs, shapes and labels checked."""

from collections.abc import Callable, Container, Mapping, Sequence

from chainrule.equations.language.tree import Size, size_factors, spelled
from chainrule.equations.nodes.program import Program


class Signature:
    """The inputs of a function.

    Parameters
    ----------
    program : Program
    inputs : mapping of str to str
        Variable of each input.
    used_sizes : mapping of size to str
        Variable of each size that the body uses.
    length : callable
        Gives a size a variable.
    least : mapping of size to int
        The largest position at which an axis of a size is read.
    namespace : str
        Whose functions the code calls; the values of labels are looked at in NumPy alone, since other
        libraries may only trace the code.
    """

    def __init__(
        self,
        program: Program,
        inputs: Mapping[str, str],
        used_sizes: Mapping[str, str],
        length: Callable[[Size], str],
        least: Mapping[Size, int],
        namespace: str = "np",
    ) -> None:
        self.program = program
        self.inputs = inputs
        self.used_sizes = used_sizes
        self._length = length
        self._least = least
        self._namespace = namespace

    def checks(self) -> tuple[list[str], tuple[str, ...]]:
        """Statements that read the sizes off the inputs and check the rest, and the sizes no input shows."""
        known, reads = self._shown()
        given = [(variable, self.program.symbols[name].dims) for name, variable in self.inputs.items()]
        ranks = [f"{variable}.ndim == {len(dims)}" for variable, dims in given]
        shapes = [
            f"{variable}.shape == {spelled(_length_text(size, known) for size in dims)}"
            for variable, dims in given
            if dims and all(_is_known(size, known) for size in dims)
        ]
        for size in self._least:
            self._length(size)
        shape_checks = [*self._refused(ranks), *reads, *self._refused(shapes)]
        statements = [*shape_checks, *self._position_checks(), *self._label_checks(known)]
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
                    known[size] = self._length(size)
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
        for size, position in self._least.items():
            length = self._length(size)
            need = (
                f"The subscript {position} is outside its axis of size {{{length}}}; subscripts count from 0."
            )
            statements += [f"if not {length} > {position}:", f'    raise ValueError(f"{need}")']
        return statements

    def _label_checks(self, known: Mapping[Size, str]) -> list[str]:
        statements = []
        for name, variable in self.inputs.items():
            declaration = self.program.declarations.get(name)
            if declaration is None or declaration.domain != "class" or declaration.classes is None:
                continue
            classes = known.get(declaration.classes, str(declaration.classes))
            if isinstance(declaration.classes, int) or declaration.classes in known:
                wrong = f"not {self._namespace}.isdtype({variable}.dtype, 'integral')"
                if self._namespace == "np":
                    wrong += f" or {variable}.min() < 0 or {variable}.max() >= {classes}"
                need = f'f"{name} holds labels, whole numbers from 0 to {{{classes} - 1}}."'
                statements.append(f"if {wrong}:")
                statements.append(f"    raise ValueError({need})")
        return statements


def _length_text(size: Size, known: Mapping[Size, str]) -> str:
    return " * ".join(known.get(part, str(part)) for part in size_factors(size))


def _is_known(size: Size, known: Mapping[Size, str]) -> bool:
    return all(part in known or isinstance(part, int) for part in size_factors(size))
