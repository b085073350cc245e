"""Assertions on derivatives: right, or an exception of two kinds, wrong and not checked."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import chainrule.checking.gradient as gradients
from chainrule.checking.gradient import SAMPLE, Entries, check_gradient, check_jacobian
from chainrule.checking.hessian import check_hessian
from chainrule.checking.point import At
from chainrule.checking.report import CheckReport
from chainrule.diagnosis.diagnosed import Diagnosis
from chainrule.diagnosis.mistake import diagnose
from chainrule.diagnosis.naming.diagnosis import Loss
from chainrule.errors import ChainruleError, OptionError, UncheckableError, WrongDerivativeError

OURS = Path(gradients.__file__).parents[1]


def assert_gradient(
    loss: Callable[[Any], Any],
    gradient: Any,
    at: At,
    *,
    entries: Entries = SAMPLE,
    examples: int | None = None,
    seed: int = 0,
    model: Loss | None = None,
) -> CheckReport:
    """Raise unless a gradient is right, with the report and the mistake by name; for test suites.

    There is no tolerance to choose: it follows from the types and from what the true derivative is known to.

    Parameters
    ----------
    loss, gradient, at, entries, examples, seed
        As in `check_gradient`.
    model : callable, optional
        The loss in plain NumPy, to name a mistake where ``loss`` is not; see `diagnose`.

    Returns
    -------
    CheckReport
        A right one.

    Raises
    ------
    WrongDerivativeError
        An `AssertionError`, with the attributes ``report`` and ``diagnosis``.
    UncheckableError
        No `AssertionError`: if nothing could be said, which is never a pass.

    Examples
    --------
    >>> import numpy as np
    >>> assert_gradient(lambda x: np.sum(x**2), lambda x: 2 * x, np.array([1.0, 2.0]))
    <CheckReport right: x right>
    >>> assert_gradient(lambda x: np.sum(np.tanh(x)), lambda x: np.ones(3), np.array([1.0, 2.0, 0.5]))
    Traceback (most recent call last):
    chainrule.errors.WrongDerivativeError: the gradient is wrong: activation, tanh behind x
    x  wrong     all entries; worst x[1]: yours 1, true 0.07065
    judged by complex step, ... evaluations
    named by diagnose: activation, tanh behind x: the derivative of tanh is left out; 3 entries agree...
    """
    __tracebackhide__ = True

    def check() -> CheckReport:
        return check_gradient(loss, gradient, at, entries=entries, examples=examples, seed=seed)

    return held("gradient", check, by_model(model))


def assert_jacobian(
    function: Callable[[Any], Any],
    jacobian: Any,
    at: At,
    *,
    entries: Entries = SAMPLE,
    seed: int = 0,
    model: Loss | None = None,
) -> CheckReport:
    """Raise unless a Jacobian is right; as `assert_gradient`, for functions that give an array.

    Parameters
    ----------
    function, jacobian, at, entries, seed
        As in `check_jacobian`.
    model : callable, optional
        The function in plain NumPy, as in `assert_gradient`.

    Returns
    -------
    CheckReport

    Raises
    ------
    WrongDerivativeError, UncheckableError
        As in `assert_gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 4.0]])
    >>> assert_jacobian(lambda x: A @ x, A, np.array([1.0, 2.0, 3.0]))
    <CheckReport right: x right>
    """
    __tracebackhide__ = True

    def check() -> CheckReport:
        return check_jacobian(function, jacobian, at, entries=entries, seed=seed)

    return held("Jacobian", check, by_model(model))


def assert_hessian(
    loss: Callable[[Any], Any],
    hessian: Any,
    at: At,
    *,
    gradient: Callable[[Any], Any] | None = None,
    entries: Entries = SAMPLE,
    seed: int = 0,
    model: Loss | None = None,
) -> CheckReport:
    """Raise unless a Hessian is right; as `assert_gradient`.

    Parameters
    ----------
    loss, hessian, at, entries, seed
        As in `check_hessian`.
    gradient : callable, optional
        Of the loss, by which the Hessian is judged; it is judged itself first.
    model : callable, optional
        The gradient in plain NumPy, to name a mistake where ``gradient`` is not. Mistakes are named at one
        array, by the gradient.

    Returns
    -------
    CheckReport

    Raises
    ------
    WrongDerivativeError, UncheckableError
        As in `assert_gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.array([[2.0, 1.0], [1.0, 3.0]])
    >>> assert_hessian(lambda x: x @ A @ x, 2 * A, np.array([1.0, -2.0]), gradient=lambda x: 2 * A @ x)
    <CheckReport right: x right>
    """
    __tracebackhide__ = True
    if gradient is not None:
        assert_gradient(loss, gradient, at, seed=seed)

    def check() -> CheckReport:
        return check_hessian(gradient or loss, hessian, at, entries=entries, seed=seed, of=of)

    def named(report: CheckReport) -> Diagnosis:
        if gradient is None or isinstance(at, Mapping):
            return Diagnosis("unknown", evidence="a Hessian's mistake is named at one array, by its gradient")
        return diagnose(check_jacobian(gradient, hessian, at, seed=seed), model)

    of: Literal["loss", "gradient"] = "loss" if gradient is None else "gradient"
    return held("Hessian", check, named)


@dataclass(frozen=True)
class Assertions:
    """The assertions of this module with their verdicts kept: what the fixture ``derivatives`` of pytest is.

    Parameters
    ----------
    keep : callable
        Takes the name of what was judged and the verdict, in one line.
    """

    keep: Callable[[str, str], None]

    def gradient(self, *args: Any, **options: Any) -> CheckReport:
        """As `assert_gradient`."""
        __tracebackhide__ = True
        return self._kept("gradient", assert_gradient, *args, **options)

    def jacobian(self, *args: Any, **options: Any) -> CheckReport:
        """As `assert_jacobian`."""
        __tracebackhide__ = True
        return self._kept("Jacobian", assert_jacobian, *args, **options)

    def hessian(self, *args: Any, **options: Any) -> CheckReport:
        """As `assert_hessian`."""
        __tracebackhide__ = True
        return self._kept("Hessian", assert_hessian, *args, **options)

    def _kept(
        self, what: str, assertion: Callable[..., CheckReport], *args: Any, **options: Any
    ) -> CheckReport:
        __tracebackhide__ = True
        try:
            report = assertion(*args, **options)
        except (WrongDerivativeError, UncheckableError) as error:
            self.keep(what, str(error).partition("\n")[0])
            raise
        self.keep(what, f"right by {report.method}, {report.evaluations} evaluations")
        return report


Naming: TypeAlias = Callable[[CheckReport], Diagnosis]


def by_model(model: Loss | None) -> Naming:
    """How `diagnose` names the mistake."""
    return lambda report: diagnose(report, model)


def held(what: str, check: Callable[[], CheckReport], named: Naming) -> CheckReport:
    """The report of a check if it is right; what else comes of it as one exception without our frames."""
    __tracebackhide__ = True
    try:
        report = check()
    except ChainruleError as error:
        if place := _place(error):
            error.add_note(place)
        raise error.with_traceback(None) from None
    if report.ok:
        return report
    if report.status != "wrong":
        raise UncheckableError(f"the {what} could not be judged\n{report}")
    diagnosis = _named(report, named)
    raise WrongDerivativeError(_message(what, report, diagnosis), report, diagnosis)


def _named(report: CheckReport, named: Naming) -> Diagnosis:
    try:
        return named(report)
    except OptionError:
        raise
    except Exception as error:  # the verdict stands, whatever the search for its name meets
        return Diagnosis("unknown", evidence=f"the search for a name failed, {type(error).__name__}: {error}")


def _message(what: str, report: CheckReport, diagnosis: Diagnosis) -> str:
    if diagnosis.mistake == "unknown":
        return f"the {what} is wrong\n{report}\nnot named by diagnose: {diagnosis.evidence}"
    place = f", {diagnosis.place}" if diagnosis.place else ""
    return f"the {what} is wrong: {diagnosis.mistake}{place}\n{report}\nnamed by diagnose: {diagnosis}"


def _place(error: BaseException) -> str:
    """Where somebody's function failed: the last of their lines, in words."""
    cause = error.__cause__
    if cause is None:
        return ""
    frames = [f for f in traceback.extract_tb(cause.__traceback__) if not _is_under(f.filename, OURS)]
    theirs = [frame for frame in frames if "site-packages" not in Path(frame.filename).parts]
    if not frames:
        return ""
    frame = (theirs or frames)[-1]
    return f"raised at {frame.filename}:{frame.lineno}, in {frame.name}: {frame.line}"


def _is_under(file: str, folder: Path) -> bool:
    return Path(file).is_relative_to(folder)
