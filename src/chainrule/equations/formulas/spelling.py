"""Names that would print alike, kept apart: R beside R_, W1 beside W_1, lam beside lambda."""

from collections.abc import Callable, Iterable
from typing import Any

from chainrule.equations.calculus.second import Direction
from chainrule.equations.formulas.glyphs import AS_TYPED, unicode_name
from chainrule.equations.language.free_names import underscored
from chainrule.equations.language.tree import size_factors
from chainrule.equations.nodes.program import Program

Spelling = Callable[[Any], Any]


def spelling_of(program: Program) -> Spelling:
    """What gives a name, or a name made of names, as it is to be printed beside all others of a sheet."""
    sizes = {
        part for symbol in program.symbols.values() for size in symbol.dims for part in size_factors(size)
    }
    names = dict.fromkeys([*program.symbols, *sorted(size for size in sizes if isinstance(size, str))])
    typed = {name: AS_TYPED + name for name in _alike(names)}

    def spelled(name: Any) -> Any:
        if isinstance(name, str):
            return typed.get(name, name)
        if isinstance(name, Direction) and f"v_{name.wrt}" in names:
            # A sheet may have a v_W; the direction of W is v_W_ then, as for compiled functions.
            return Direction(AS_TYPED + underscored(f"v_{name.wrt}", names).removeprefix("v_"))
        if isinstance(name, tuple) and hasattr(name, "_fields"):
            return type(name)(*map(spelled, name))
        return name

    return spelled


def _alike(names: Iterable[str]) -> list[str]:
    """The names to be written as they are typed: of all that would look alike one keeps its looks."""
    looks: dict[str, list[str]] = {}
    for name in names:
        looks.setdefault(unicode_name(name), []).append(name)
    plain = {look: look if look in own else own[0] for look, own in looks.items()}
    return [name for look, own in looks.items() for name in own if name != plain[look]]
