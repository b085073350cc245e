"""The table of cases is complete and agrees with the library about what goes with what."""

import pytest

import cases
from chainrule.errors import OptionError
from chainrule.network import ACTIVATIONS, LOSSES, OUTPUTS, PENALTIES, Network, pairing
from chainrule.network.losses import loss
from chainrule.network.outputs import output


def test_every_item_of_the_library_is_a_case():
    assert set(cases.ACTIVATIONS) == set(ACTIVATIONS)
    assert set(cases.OUTPUTS) == set(OUTPUTS)
    assert {name.split("(")[0] for name in cases.LOSSES} == set(LOSSES)
    assert set(cases.PENALTIES) == set(PENALTIES)


@pytest.mark.parametrize("loss_name", cases.LOSSES)
@pytest.mark.parametrize("output_name", cases.OUTPUTS)
def test_how_outputs_and_losses_meet(output_name, loss_name):
    case = cases.LOSSES[loss_name]
    kind = pairing(output(output_name), loss(loss_name))
    if output_name in case.canonical:
        assert kind == "canonical"
    elif output_name in case.through:
        assert kind == "jacobian"
    else:
        assert kind == "refused"
        with pytest.raises(OptionError, match=r"does not go with .*use output='"):
            Network([3, 2], output=output_name, loss=loss_name)
        return
    assert Network([3, 2], output=output_name, loss=loss_name).depth == 1
