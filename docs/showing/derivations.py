"""Derivations as pages ask for them, refused unless they are right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from chainrule.diagnosis import verify
from chainrule.drawing.markup import Markup
from chainrule.equations import ByLayer, Derivation, Equations
from showing.hessian import hessian_errors
from showing.panels import second_verdict, verdict

_EXAMPLES = Path(__file__).parents[2] / "examples"


def sheet_text(argument: str, content: str) -> str:
    """The sheet of a block: a file of ``examples/`` if it names one, else what stands in it."""
    return (_EXAMPLES / argument).read_text("utf-8").rstrip() if argument else content


@dataclass(frozen=True)
class Derived:
    """A sheet and a derivative of one of its names.

    Attributes
    ----------
    text : str
        The sheet.
    options : mapping of str to str
        ``of``, and if given ``wrt`` (names with spaces between them), ``form``, ``layout``, ``order`` and
        ``by-layer``.
    """

    text: str
    options: Mapping[str, str]

    @cached_property
    def equations(self) -> Equations:
        """The sheet, read."""
        return Equations(self.text)

    @property
    def of(self) -> str:
        """What is differentiated, by its name in the sheet."""
        return self.options["of"]

    @property
    def wrt(self) -> list[str] | None:
        """The names asked for, or none if they are the parameters."""
        return self.options["wrt"].split() if "wrt" in self.options else None

    @cached_property
    def derivation(self) -> Derivation:
        """The lines."""
        asked: dict[str, Any] = {key: self.options[key] for key in ("form", "layout") if key in self.options}
        return self.equations.derive(self.of, self.wrt, order=2 if self.is_second else 1, **asked)

    @property
    def written(self) -> Derivation | ByLayer:
        """The lines as they are shown."""
        return self.derivation.by_layer() if "by-layer" in self.options else self.derivation

    @property
    def is_second(self) -> bool:
        """Whether it is a Hessian."""
        return self.options.get("order") == "2"

    def verdict(self) -> Markup:
        """What the witnesses say.

        Raises
        ------
        RuntimeError
            If a block is not right.
        """
        if self.is_second:
            return second_verdict(hessian_errors(self.equations, self.derivation))
        report = verify(self.equations, self.of, self.wrt)
        if not report.ok:
            raise RuntimeError(f"the derivative of {self.of} is not right:\n{report}")
        return verdict(report)

    def source(self) -> str:
        """The compiled function's code; nothing for a Hessian or a derivation over all examples."""
        if self.is_second or self.derivation.of != self.of:
            return ""
        names = [self.of, *(f"d({self.of}, {name})" for name in self.derivation.wrt)]
        return self.equations.compile(names).source.strip("\n")
