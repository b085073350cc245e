"""What compiling gives: a function of named arrays, with its code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, cast

from chainrule.arrays import ArrayLike, np
from chainrule.equations.code.assemble import Source
from chainrule.equations.code.room import Made, Room
from chainrule.equations.formulas.structured import DEFAULT_LIMIT
from chainrule.equations.language.origin import Remade
from chainrule.equations.language.tree import Size, spelled
from chainrule.errors import DataError, ShapeError, TooLargeError

# What a traceback calls the file of compiled code.
CODE = "<compiled equations>"


@dataclass(frozen=True)
class Compiled(Remade):
    """A compiled function of named arrays.

    Attributes
    ----------
    written : Source
        Its code in parts; read it as ``source``, run it as ``function``.
    inputs : tuple of str
        Names it needs, in the order of its positional arguments.
    outputs : tuple of str
        What it returns, in order.
    sizes : tuple of str
        Sizes that no input shows; they are given by name, too, or shown by the value of another name.
    single : bool
        Whether a call returns its one output alone.
    others : mapping of str to tuple
        The names of the sheet that may be given without being needed, with their axes.
    limit : int
        Bytes that an array may take which can be larger than the inputs: a block of a Hessian, an outer
        product on the way. All that are held at once may take eight times as many.
    remarks : tuple of str
        What was taken for an example, where a sheet can be read in two ways.
    """

    written: Source = field(repr=False)
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    sizes: tuple[str, ...]
    single: bool
    others: Mapping[str, tuple[Size, ...]] = field(default_factory=dict)
    _shapes: tuple[tuple[Size, ...], ...] = field(default=(), repr=False)
    _made: Callable[[], list[Made]] = field(default=list, repr=False, compare=False)
    limit: int = DEFAULT_LIMIT
    remarks: tuple[str, ...] = ()
    kept: ClassVar = ("limit",)

    @cached_property
    def source(self) -> str:
        """Its code, self-contained but for NumPy (and SciPy for erf), or for the library of its arrays.

        The formulas in its docstring are printed when this is first asked for.
        """
        return self.written.documented()

    @cached_property
    def function(self) -> Callable[..., Any]:
        """What runs: it takes the inputs and then the sizes by place, checked by itself alone.

        The code is executed when this is first asked for: writing it needs none of what it imports.
        """
        namespace: dict[str, Any] = {"ValueError": RefusedError, "TypeError": StrangeError}
        exec(compile(self.written.code, CODE, "exec"), namespace)
        return cast(Callable[..., Any], namespace["function"])

    def __call__(self, /, *args: ArrayLike, **values: ArrayLike) -> Any:
        """Values of the outputs: a tuple, or one value if one name was compiled.

        All inputs but labels are brought to one floating type, the widest of the arrays: whole numbers and
        Python's numbers follow it, or are float64 where no array has one. No input is written to, and no two
        results share their memory, nor a result and an input.

        Raises
        ------
        DataError
            If an input is missing or unknown, no array of the kind that the function takes, or a matrix that
            is inverted is singular.
        ShapeError
            If the shapes of the inputs do not fit.
        TooLargeError
            If a result, or an array on the way, that can be larger than the inputs would take more than
            ``limit`` bytes, or all of them eight times that, which is known before anything is computed, or
            if one does not fit in memory.
        """
        if not args and values.keys() == set(self.inputs) and not self.sizes:
            given = [values[name] for name in self.inputs]
        else:
            given = bound_values(self.inputs, self.sizes, self.others, args, values)
        if self.room.arrays:
            self.room.require(given, self.limit, self.outputs, ", and limited(...) allows more")
        try:
            result = self.function(*given)
        except RefusedError as refused:
            raise ShapeError(str(refused)) from None
        except StrangeError as strange:
            raise DataError(str(strange)) from None
        except np.linalg.LinAlgError as error:
            raise DataError(
                f"The function of {', '.join(self.outputs)} cannot be computed at these inputs: "
                f"{singular(self, error)} Give one with a determinant other than 0."
            ) from error
        except MemoryError as error:
            raise TooLargeError(
                f"The function of {', '.join(self.outputs)} needs an array that does not fit in memory: "
                f"{error}. Give smaller inputs, or write the formula without building it."
            ) from None
        except ValueError:
            self._refuse_empty(given)
            raise
        result = _apart(result, given)
        return result[0] if self.single else result

    def limited(self, limit: int) -> Compiled:
        """The same function with another limit, in bytes, for each array that can outgrow the inputs."""
        return replace(self, limit=limit)

    @cached_property
    def room(self) -> Room:
        """What it makes that may be larger than its inputs."""
        return Room(self._made(), self._shapes, self.sizes)

    def _refuse_empty(self, given: Sequence[Any]) -> None:
        """Say which input has no entry: the largest of none has no value."""
        for name, value in zip(self.inputs, given, strict=False):
            if 0 in np.shape(value):
                raise ShapeError(
                    f"{name} has shape {np.shape(value)}; every axis needs at least one entry."
                ) from None

    def __repr__(self) -> str:
        text = f"<Compiled ({', '.join(self.inputs)}) -> {', '.join(self.outputs)}>"
        return "\n".join((text, *self.remarks))


def _apart(results: Sequence[Any], given: Sequence[Any]) -> tuple[Any, ...]:
    """The results, copied where they lie in the memory of an input or of an earlier one."""
    taken = {id(_owner(value)) for value in given if isinstance(value, np.ndarray)}
    own = []
    for value in results:
        if isinstance(value, np.ndarray) and id(_owner(value)) in taken:
            value = value.copy()
        elif type(value) is float:
            value = np.float64(value)
        if isinstance(value, np.ndarray):
            taken.add(id(_owner(value)))
        own.append(value)
    return tuple(own)


def _owner(array: np.ndarray[Any, Any]) -> object:
    """What holds the memory of an array."""
    owner: Any = array
    while getattr(owner, "base", None) is not None:
        owner = owner.base
    return owner


def singular(compiled: Compiled, error: Exception) -> str:
    """Which line of the code met a matrix without an inverse, in words."""
    place = error.__traceback__
    line = ""
    while place is not None:
        if place.tb_frame.f_code.co_filename == CODE:
            line = compiled.written.code.splitlines()[place.tb_lineno - 1].strip()
        place = place.tb_next
    return f"a matrix that its formula inverts is singular, in {line!r}."


class RefusedError(ValueError):
    """What the ValueError of generated code is while it runs here: shapes or labels that do not fit."""


class StrangeError(TypeError):
    """What the TypeError of generated code is while it runs here: inputs that are not the arrays it takes."""


def bound_values(
    inputs: Sequence[str],
    sizes: Sequence[str],
    others: Mapping[str, tuple[Size, ...]],
    args: Sequence[ArrayLike],
    values: Mapping[str, ArrayLike],
) -> list[ArrayLike]:
    """The values of the inputs and of the sizes that these do not show, in order.

    Parameters
    ----------
    inputs, sizes : sequence of str
        What the function takes.
    others : mapping of str to tuple
        Declared names with their axes. Their values may be given, too: they are not used, but for the sizes
        that they show.
    args : sequence of array_like
    values : mapping of str to array_like

    Raises
    ------
    DataError
        If one is missing or unknown.
    ShapeError
        If a value that only shows sizes has another number of axes, or two of them disagree.
    """
    wanted = (*inputs, *sizes)
    named = dict(zip(wanted, args, strict=False))
    twice = [name for name in named if name in values]
    beside = {name: value for name, value in values.items() if name not in wanted and name in others}
    shown = _shown(sizes, others, beside)
    given = {**shown, **named, **values}
    missing = [name for name in wanted if name not in given]
    unknown = [name for name in values if name not in wanted and name not in others]
    if len(args) > len(wanted) or twice or missing or unknown:
        found = (("missing", missing), ("unknown", unknown), ("given twice", twice))
        parts = [f"{word}: {', '.join(names)}" for word, names in found if names]
        parts = parts or [f"{len(args)} positional values arrived"]
        raise DataError(f"The function takes {', '.join(wanted)}; {'; '.join(parts)}.")
    return [given[name] for name in wanted]


def _shown(
    sizes: Sequence[str], others: Mapping[str, tuple[Size, ...]], beside: Mapping[str, ArrayLike]
) -> dict[str, int]:
    """The sizes that values beside the inputs show."""
    found: dict[str, int] = {}
    for name, value in beside.items():
        dims, shape = others[name], np.shape(value)
        if len(shape) != len(dims):
            raise ShapeError(f"{name} has shape {shape}; expected {spelled(dims)}.")
        for size, length in zip(dims, shape, strict=True):
            if isinstance(size, str) and size in sizes and found.setdefault(size, length) != length:
                raise ShapeError(
                    f"{name} has shape {shape} for {spelled(dims)}; "
                    f"another value says {size} = {found[size]}."
                )
    return found
