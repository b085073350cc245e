"""Random sheets over the whole language: every public call, judged by an evaluator of the tests' own."""

import re

import numpy as np
import pytest

from chainrule import verify
from chainrule.equations import Equations
from chainrule.equations.language.functions import ALIASES, FUNCTIONS
from chainrule.equations.nodes.operations import ELEMENTWISE
from chainrule.errors import ChainruleError
from equations.complex_steps import close
from equations.expression_generator import LABELS, SHAPES, SIZES, WHOLE, RandomSheet, decisions, values_of

array_api_strict = pytest.importorskip("array_api_strict")

STEP = 1e-6
DATA = tuple({**LABELS, **WHOLE})


def arguments(function, values):
    known = {**values, **SIZES}
    return {name: known[name] for name in (*function.inputs, *function.sizes)}


class Judged:
    """One sheet, and what is true of it; every method raises where a call does not agree."""

    def __init__(self, seed, depth):
        self.sheet, self.values = RandomSheet(seed, depth), values_of(seed)
        self.draws = np.random.default_rng(seed + 1)
        self.model = Equations(self.sheet.text)
        used = self.model.program.ancestors(["L"])
        self.names = [name for name in SHAPES if name in used]
        with np.errstate(all="ignore"):
            self.loss = self.sheet.value(self.values)
            self.truth = {name: self.sheet.gradient(self.values, name) for name in self.names}

    @property
    def is_tame(self):
        """Whether differences can judge it: finite, not steep, and no condition is decided by rounding."""
        parts = [np.atleast_1d(self.loss), *self.truth.values()]
        if not self.names or not all(np.all(np.abs(part) < 1e6) for part in parts):
            return False
        with np.errstate(all="ignore"):
            return not any(by_rounding for _, by_rounding in decisions(self.sheet.value, self.values))

    def evaluates(self):
        for name in self.sheet.names:
            with np.errstate(all="ignore"):
                expected = self.sheet.value(self.values, name)
            close(self.model.evaluate(name, self.values, sizes=SIZES), expected, 1e-8)

    def derives(self):
        derivation = self.model.derive("L", self.names)
        for words in (str(derivation), derivation.latex(), derivation.mathml(), derivation.explain()):
            assert words
        printed = Equations(derivation.sheet())
        for name, truth in self.truth.items():
            found = printed.evaluate(f"dL_d{name}", self.values, sizes=SIZES)
            if derivation.kinks and not np.all(np.isfinite(found)):
                # As printed, k u**(k-1) is 0 ∞ where u and k are 0; it is 0 in code.
                continue
            close(np.broadcast_to(found, truth.shape) if not np.any(truth) else found, truth, 1e-7)
        for form in ("example", "batch"):
            try:
                assert self.model.derive("L", self.names, form=form).latex()
            except ChainruleError:
                continue

    def compiles(self):
        requests = ["L", *(f"dL/d{name}" for name in self.names)]
        function = self.model.compile(requests)
        value, *found = function(**arguments(function, self.values))
        close(value, self.loss, 1e-8)
        for gradient, truth in zip(found, self.truth.values(), strict=True):
            close(gradient, truth, 1e-7)
        try:
            other = self.model.compile(requests, target="array_api")
        except ChainruleError:
            return
        known = {name: array_api_strict.asarray(value) for name, value in self.values.items()}
        value, *found = other(**arguments(other, known))
        close(np.asarray(value), self.loss, 1e-8)
        for gradient, truth in zip(found, self.truth.values(), strict=True):
            close(np.asarray(gradient), truth, 1e-7)

    def curves(self):
        """Products with a direction, against differences of the gradient; a block of the Hessian."""
        product = self.model.compile_product("L", self.names)
        directions = {name: self.draws.normal(size=np.shape(self.values[name])) for name in self.names}
        given = {**self.values, **{f"v_{name}": v for name, v in directions.items()}}
        found = product(**arguments(product, given))
        ends = [
            {n: v + way * STEP * directions[n] if n in directions else v for n, v in self.values.items()}
            for way in (1, -1)
        ]
        with np.errstate(all="ignore"):
            for name, value in zip(self.names, found, strict=True):
                ahead, behind = (self.sheet.gradient(at, name) for at in ends)
                expected = (ahead - behind) / (2 * STEP)
                close(value, expected, 1e-4 * (1 + np.max(np.abs(self.truth[name]))))
        assert str(self.model.hessian_product("L", self.names))
        derivation = self.model.derive("L", self.names[0], order=2)
        assert str(derivation) and derivation.latex() and derivation.mathml() and derivation.explain()
        block = derivation.structured(self.values, SIZES).dense()
        name = self.names[0]
        along = np.tensordot(block, directions[name], directions[name].ndim)
        (alone,) = self.model.compile_product("L", name)(
            **arguments(self.model.compile_product("L", name), given)
        )
        close(along, alone, 1e-6)

    def trains(self):
        data = {name: self.values[name] for name in DATA}
        objective = self.model.objective("L", data, sizes=SIZES)
        theta = objective.parameters.pack({name: self.values[name] for name in objective.parameters.names})
        value, gradient = objective.value_and_gradient(theta)
        close(value, self.loss, 1e-8)
        views = objective.parameters.views(gradient)
        for name, truth in self.truth.items():
            close(views[name], truth, 1e-7)

    def lifts(self):
        """The mean over examples of the loss and of its gradient, where the data are given for each."""
        examples = [values_of(seed) for seed in (7, 8, 9)]
        data = {name: np.stack([each[name] for each in examples]) for name in DATA}
        objective = self.model.objective("L", data, sizes=SIZES)
        theta = objective.parameters.pack({n: self.values[n] for n in objective.parameters.names})
        value, gradient = objective.value_and_gradient(theta)
        points = [{**self.values, **{name: each[name] for name in DATA}} for each in examples]
        with np.errstate(all="ignore"):
            losses = [self.sheet.value(point) for point in points]
            truth = {
                n: np.mean([self.sheet.gradient(point, n) for point in points], axis=0) for n in self.names
            }
        if not np.all(np.abs(losses) < 1e6) or not all(np.all(np.abs(part) < 1e6) for part in truth.values()):
            return
        close(value, np.mean(losses), 1e-8)
        views = objective.parameters.views(gradient)
        for name in self.names:
            close(views[name], truth[name], 1e-7)

    def meets_zero(self):
        """The gradient where names and entries are 0, wherever both one-sided differences agree on it."""
        values = {name: np.array(value) for name, value in self.values.items()}
        for name in self.draws.choice(list(SHAPES), 4, replace=False):
            values[name].flat[: max(1, values[name].size // 2)] = 0
        function = self.model.compile([f"dL/d{name}" for name in self.names])
        with np.errstate(all="ignore"):
            found = function(**arguments(function, values))
            found = found if isinstance(found, tuple) else (found,)
            for name, gradient in zip(self.names, found, strict=True):
                slopes, agree = one_sided(self.sheet, values, name)
                scale = 1 + np.max(np.abs(slopes[agree]), initial=0)
                assert np.all(np.abs(gradient - slopes)[agree] <= 1e-3 * scale), (name, gradient, slopes)

    def verifies(self):
        report = verify(self.model, "L", self.names[:2], points=1)
        assert all(block.verdict != "wrong" for block in report), str(report)


def one_sided(sheet, values, name):
    """Differences ahead and behind, and where they are finite and the same: there is a derivative there.

    One of the sides must take the branches that the point takes: an equality may hold at the point alone, and
    code differentiates its branch.
    """
    at = values[name]
    sides, same = np.zeros((2, *at.shape)), np.zeros((2, *at.shape), bool)
    base, branches = sheet.value(values), decisions(sheet.value, values)
    for place in np.ndindex(at.shape):
        for side, step in ((0, STEP), (1, -STEP)):
            moved = at.copy()
            moved[place] += step
            sides[(side, *place)] = (sheet.value({**values, name: moved}) - base) / step
            taken = decisions(sheet.value, {**values, name: moved})
            pairs = zip(branches, taken, strict=True)
            same[(side, *place)] = all(np.array_equal(own[0], other[0]) for own, other in pairs)
    scale = 1 + np.abs(sides).max(axis=0)
    agree = np.isfinite(sides).all(axis=0) & (np.abs(sides[0] - sides[1]) <= 1e-4 * scale)
    return sides.mean(axis=0), agree & same.any(axis=0) & (np.abs(sides[0]) < 1e4)


EVERYTHING = ("evaluates", "derives", "compiles", "curves", "trains", "lifts", "meets_zero")


def judge(seed, depth, checks=EVERYTHING):
    """Whether the sheet of a seed can be judged; asserts that all calls agree if so."""
    judged = Judged(seed, depth)
    if not judged.is_tame:
        return False
    for check in checks:
        try:
            getattr(judged, check)()
        except Exception as error:
            raise AssertionError(f"seed {seed}, depth {depth}, {check}:\n{judged.sheet.text}") from error
    return True


def test_every_function_of_the_language_is_drawn():
    drawn = set()
    for seed in range(400):
        drawn |= set(re.findall(r"([^\W\d]\w*)\(", RandomSheet(seed, 3).text))
    assert set(FUNCTIONS) | set(ALIASES) - {"Tr"} <= drawn


def test_a_wrong_rule_is_found(monkeypatch):
    monkeypatch.setitem(ELEMENTWISE, "sigmoid", ELEMENTWISE["sigmoid"]._replace(slope=lambda u, v: v))
    with pytest.raises(AssertionError, match="seed"):
        for seed in range(120):
            judge(seed, 2, ["compiles"])


@pytest.mark.parametrize("start", range(0, 40, 10))
def test_forty_sheets(start):
    assert sum(judge(seed, depth=2) for seed in range(start, start + 10)) >= 7


def test_one_deep_sheet_and_its_verdict():
    assert judge(4, 4, [*EVERYTHING, "verifies"])


@pytest.mark.full
@pytest.mark.parametrize("start", range(1000, 4000, 50))
def test_three_thousand_sheets(start):
    checks = [*EVERYTHING, "verifies"] if start % 500 == 0 else EVERYTHING
    assert sum(judge(seed, 2 + seed % 3, checks) for seed in range(start, start + 50)) >= 30
