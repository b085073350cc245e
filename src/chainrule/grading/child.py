"""The process in which somebody's file runs: it is asked for values at points, and answers with arrays.

What it says is not trusted by whoever asks. It runs as ``python -m chainrule.grading.child``.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import numpy as np

from chainrule.grading.calls import SINGLE, answer_of, by_parameter, caller, value_of
from chainrule.grading.faults import FaultError, fault_of
from chainrule.grading.frames import Frame, FrameError, read_frame, write_frame
from chainrule.grading.limits import Limits, hold_to, refuse_writing
from chainrule.near_misses import near_misses


@dataclass
class Child:
    """Somebody's file, and what it is asked.

    Parameters
    ----------
    asked, answers : binary streams
    """

    asked: IO[bytes]
    answers: IO[bytes]
    file: Path = Path()
    limits: Limits = Limits()
    module: ModuleType | None = None
    data: dict[str, Any] = field(default_factory=dict)

    def serve(self) -> None:
        """Answer until nobody asks any more."""
        while (question := read_frame(self.asked)) is not None:
            self.answer(question)

    def answer(self, question: Frame) -> None:
        """Answer one question, with what was asked for or with a sentence on what went wrong."""
        action: Callable[[Frame], Frame] = getattr(self, f"do_{question.words['do']}")
        try:
            found = action(question)
        except BaseException as error:  # somebody's code: exit() is an answer, too
            found = Frame({"fault": fault_of(error, self.file, self.limits)})
        try:
            write_frame(self.answers, found)
        except FrameError as error:
            write_frame(self.answers, Frame({"fault": f"{self.file.name}: its answer is too large: {error}"}))

    def do_ready(self, question: Frame) -> Frame:
        """Whether Python and NumPy have started."""
        return Frame({})

    def do_open(self, question: Frame) -> Frame:
        """Run the file under its limits."""
        words = question.words
        self.file, self.limits = Path(words["file"]), Limits(words["seconds"], words["megabytes"])
        refuse_writing(Path(words["scratch"]))
        hold_to(self.limits)
        sys.path.insert(0, str(self.file.parent))
        spec = importlib.util.spec_from_file_location(self.file.stem, self.file)
        if spec is None or spec.loader is None:
            raise FaultError(f"{self.file.name} is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[self.file.stem] = module
        spec.loader.exec_module(module)
        self.module = module
        return Frame({})

    def do_has(self, question: Frame) -> Frame:
        """Whether the file has a name."""
        return Frame({"has": question.words["name"] in vars(self._module)})

    def do_value(self, question: Frame) -> Frame:
        """A value of the file, or what its function gives that takes nothing."""
        name = question.words["name"]
        value = self._named(name)
        return answer_of(value() if callable(value) else value, name)

    def do_arrays(self, question: Frame) -> Frame:
        """The arrays among the values of the file that have no underscore."""
        values = vars(self._module).items()
        found = {name: value for name, value in values if isinstance(value, np.ndarray | np.generic)}
        return answer_of(
            {name: value for name, value in found.items() if not name.startswith("_")}, "the file"
        )

    def do_data(self, question: Frame) -> Frame:
        """Take values that are no parameters."""
        self.data = {name: array.copy() for name, array in question.arrays.items()}
        return Frame({})

    def do_call(self, question: Frame) -> Frame:
        """The value of a function at a point."""
        name = question.words["name"]
        at = _point(question)
        before = {key: value.copy() for key, value in _pieces(at).items()}
        found = answer_of(self._function(name, question)(at), name)
        after = _pieces(at)
        changed = [
            key
            for key, value in before.items()
            if not np.array_equal(value, after.get(key, ()), equal_nan=True)
        ]
        return Frame({**found.words, "changed": changed}, found.arrays)

    def do_diagnose(self, question: Frame) -> Frame:
        """The mistake in a gradient of the loss, which can be traced only here."""
        from chainrule.checking import check_gradient
        from chainrule.diagnosis import diagnose

        words = question.words
        gradient: Callable[[Any], Any] = self._elsewhere
        if words["gradient"] is not None:
            function = self._function(words["gradient"], question)
            gradient = lambda at: by_parameter(function(at), at)  # noqa: E731
        loss = self._function(words["loss"], question)
        report = check_gradient(
            loss, gradient, _point(question), examples=words["examples"], seed=words["seed"]
        )
        found = diagnose(report, **words["options"])
        return Frame({"text": str(found), "found": found.to_dict()})

    def _elsewhere(self, at: Any) -> Any:
        """The gradient of another process, by way of whoever asks."""
        write_frame(self.answers, Frame({"wanted": True}, _pieces(at)))
        answer = read_frame(self.asked)
        if answer is None or "fault" in answer.words:
            raise FaultError("the gradient has no value at another point")
        return value_of(answer)

    @property
    def _module(self) -> ModuleType:
        if self.module is None:
            raise FaultError(f"{self.file.name} could not be run")
        return self.module

    def _named(self, name: str) -> Any:
        names = vars(self._module)
        if name not in names:
            own = [key for key, value in names.items() if callable(value) and not key.startswith("_")]
            raise FaultError(f"{self.file.name} has no function {name!r}{near_misses(name, own)}")
        return names[name]

    def _function(self, name: str, question: Frame) -> Callable[[Any], Any]:
        function = self._named(name)
        if not callable(function):
            raise FaultError(f"{name} in {self.file.name} is no function but {type(function).__name__}")
        blocks: Mapping[str, Any] = {} if question.words["single"] else question.arrays
        return caller(function, name, blocks, self.data, vars(self._module))


def _point(question: Frame) -> Any:
    arrays = {name: array.copy() for name, array in question.arrays.items()}
    return arrays[SINGLE] if question.words["single"] else arrays


def _pieces(at: Any) -> dict[str, Any]:
    return {SINGLE: at} if isinstance(at, np.ndarray) else dict(at)


def main() -> None:
    """Answer on what was standard output; what the file prints goes to standard error, and no input comes."""
    asked, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    warnings.simplefilter("ignore", np.exceptions.ComplexWarning)  # it is we who ask with complex numbers
    Child(asked, answers).serve()


if __name__ == "__main__":
    main()
