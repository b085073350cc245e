"""Judging derivatives as black boxes: finite differences, the complex step, and verdicts on what is claimed.

Nothing here knows whose function it judges. `check_gradient` and `check_jacobian` give a report per block,
`check_hessian` and `check_hessian_product` one per pair of blocks; `check_stages` finds the guilty stage of a
composed function; `central_difference` and `complex_step` are the oracles by themselves.
"""

from chainrule.checking.complex_step import complex_step
from chainrule.checking.differences import DifferenceEstimate, central_difference, difference_estimate
from chainrule.checking.gradient import check_gradient, check_jacobian
from chainrule.checking.hessian import check_hessian, check_hessian_product
from chainrule.checking.report import BlockVerdict, CheckReport, Entry, StagesReport
from chainrule.checking.stages import check_stages

__all__ = [
    "BlockVerdict",
    "CheckReport",
    "DifferenceEstimate",
    "Entry",
    "StagesReport",
    "central_difference",
    "check_gradient",
    "check_hessian",
    "check_hessian_product",
    "check_jacobian",
    "check_stages",
    "complex_step",
    "difference_estimate",
]
