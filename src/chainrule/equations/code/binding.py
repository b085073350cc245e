"""What a compiled function is called with: its inputs by place or by name, and the sizes that others show."""

from collections.abc import Mapping, Sequence

from chainrule.arrays import ArrayLike, np
from chainrule.equations.language.tree import Size, spelled
from chainrule.errors import DataError, ShapeError


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
