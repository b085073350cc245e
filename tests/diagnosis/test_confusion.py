"""The rates at which planted mistakes are named: a sample here, all of them in the long run."""

import numpy as np
import pytest
from benchmarks import confusion
from benchmarks.confusion import DOORS, RATIOS, Confusion, main, nothing, pairs, singles

import chainrule as cr

long = pytest.mark.full


def shares(found: Confusion) -> tuple[float, float]:
    assert found.total() > 10
    return found.named() / found.total(), found.misnamed / found.total()


@pytest.mark.parametrize(
    ("door", "networks", "first"),
    [
        ("callable", 1, 9),
        ("network", 1, 12),
        ("sheet", 1, 8),
        pytest.param("callable", 60, 20, marks=long),
        pytest.param("network", 20, 40, marks=long),
        pytest.param("sheet", 20, 60, marks=long),
    ],
)
def test_mistakes_of_networks_are_named(door, networks, first):
    found = singles(networks, door, first)
    named, another = shares(found)
    assert named >= 0.99 and another <= 0.01, f"{found}\n" + "\n".join(found.lines)


@pytest.mark.parametrize(("networks", "first"), [(1, 9), pytest.param(20, 20, marks=long)])
def test_of_a_loss_that_is_not_recorded_ratios_are_named(networks, first):
    found = singles(networks, "opaque", first)
    named, another = shares(found)
    ratios = found.named(RATIOS) / found.total(RATIOS)
    assert named >= 0.45 and ratios >= 0.9 and another <= 0.01, f"{found}\n" + "\n".join(found.lines)


@pytest.mark.parametrize(("networks", "first"), [(1, 13), pytest.param(40, 20, marks=long)])
def test_two_mistakes_are_named(networks, first):
    found = pairs(networks, 12, first)
    assert found.named() >= 0.85 * found.total(), f"{found}\n" + "\n".join(found.lines)


@pytest.mark.parametrize(
    ("door", "networks", "first"),
    [
        ("callable", 1, 4),
        ("opaque", 1, 5),
        pytest.param("callable", 40, 20, marks=long),
        pytest.param("opaque", 20, 20, marks=long),
    ],
)
def test_what_is_no_mistake_has_no_name(door, networks, first):
    found = nothing(networks, door, first)
    assert found.named() == found.total() >= 12 * networks, "\n".join(found.lines)


def test_the_matrix_is_printed(capsys, monkeypatch):
    found = Confusion()
    found.add(("sign",), cr.Diagnosis("sign"), 0.1, "one")
    found.add(("bias", "batch"), cr.Diagnosis("sign", "b", "", ("batch",)), 0.3, "two")
    found.add(("bias",), cr.Diagnosis("unknown"), 0.2, "three")
    assert (found.named(), found.total(), found.misnamed) == (2, 3, 0)
    assert [line.split() for line in str(found).splitlines()[:3]] == [
        ["sign", "bias", "unknown"],
        ["sign", "1", ".", "."],
        ["bias", ".", "1", "1"],
    ]
    monkeypatch.setattr(confusion, "singles", lambda *_: found)
    main(["--door", "opaque", "--networks", "1", "--wrong"])
    said = capsys.readouterr().out
    assert "named 2 of 3 (66.67%)" in said and "three: unknown" in said


def test_every_door_has_a_verdict():
    net = confusion.Planted(1)
    words = [confusion.diagnosed(net, {"W2": lambda v, **_: -v}, door)[0].mistake for door in DOORS]
    assert words == ["sign"] * len(DOORS)


def test_the_value_of_an_objective_is_its_own_model():
    net = confusion.Planted(5)
    objective = net.network.objective(net.X, net.targets)
    theta = cr.Parameters(objective.parameters, np.concatenate([v.ravel(order="F") for v in net.at.values()]))

    def claim(q):
        return net.gradient(dict(q), {"down1": lambda v, up, **_: up})

    assert cr.diagnose(cr.check_gradient(objective.value, claim, theta)).mistake == "activation"
    sheet = confusion.sheet(net).objective("C", {"X": net.X, "Y": net.targets})
    at = objective.parameters.vector(theta)
    flat = cr.diagnose(cr.check_gradient(sheet.value, lambda v: -sheet.value_and_gradient(v)[1], at))
    assert flat.mistake == "sign"


def test_a_model_without_data_is_refused():
    net = confusion.Planted(1)
    report = cr.check_gradient(net.loss, lambda q: net.gradient(q, {"W1": lambda v, **_: -v}), net.at)
    with pytest.raises(cr.ChainruleError, match="Network, which has no data; give its objective, obj"):
        cr.diagnose(report, net.network)
    with pytest.raises(cr.ChainruleError, match="Equations, which has no data"):
        cr.diagnose(report, confusion.sheet(net))
