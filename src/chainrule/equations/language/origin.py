"""What objects made of a sheet are pickled as: its text and what was asked of it; they are made again.

No code and no node of the calculus is ever pickled, so that what is read back runs nothing that was stored.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from inspect import signature
from typing import Any, ClassVar, Concatenate, NoReturn, ParamSpec, Self, TypeVar, cast

from chainrule.errors import OptionError

# What can be asked of a sheet.
METHODS = ("derive", "hessian_product", "compile", "compile_product", "objective")

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="Text")


class Immutable:
    """What never changes is its own copy."""

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class Text(Immutable):
    """A sheet of equations, as far as this module knows it."""

    @property
    def text(self) -> str:
        """The sheet as it was given."""
        raise NotImplementedError

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.text,)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text!r})"


@dataclass(frozen=True)
class Origin:
    """A sheet's text, and the method and arguments of what was asked of it."""

    sheet: Callable[[str], Any]
    text: str
    method: str
    arguments: Mapping[str, Any]

    def __call__(self) -> Any:
        """Ask it again."""
        if self.method not in METHODS:
            raise OptionError(f"A sheet is asked for {', '.join(METHODS)}; got {self.method!r}.")
        return getattr(self.sheet(self.text), self.method)(**self.arguments)


@dataclass(frozen=True, kw_only=True)
class Remade(Immutable):
    """What is pickled as how it was made; ``again`` makes it, and ``kept`` are attributes set after that."""

    again: Callable[[], Any] | None = field(default=None, repr=False, compare=False)
    kept: ClassVar[tuple[str, ...]] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        if self.again is None:
            unpicklable(self)
        return self.again, (), {name: getattr(self, name) for name in self.kept}


def remade(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """The method of a sheet, whose result knows how it was made."""
    takes = signature(method)

    @wraps(method)
    def noted(self: S, *args: P.args, **kwargs: P.kwargs) -> R:
        arguments = dict(takes.bind(self, *args, **kwargs).arguments)
        made: Any = method(self, *args, **kwargs)
        del arguments["self"]
        # A list could change before it is asked again.
        arguments = {key: tuple(v) if isinstance(v, list) else v for key, v in arguments.items()}
        origin = Origin(type(self), self.text, method.__name__, arguments)
        return cast("R", replace(made, again=origin))

    return cast("Callable[Concatenate[S, P], R]", noted)


def unpicklable(value: object) -> NoReturn:
    """Refuse to pickle a part of the calculus."""
    raise TypeError(
        f"A {type(value).__name__} cannot be pickled; pickle the Equations that it comes from, or what it "
        "derives and compiles."
    )
