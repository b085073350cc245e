"""One BLAS thread for small steps, and only while the run lasts."""

from types import SimpleNamespace

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from chainrule.optimize import SGD, GradientDescent
from chainrule.training import fit
from chainrule.training.threads import suitable_threads
from sample_objectives import Logistic


def blas_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_a_small_run_uses_one_thread_and_restores_the_rest():
    seen = []
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        fit(Logistic(), epochs=1, callbacks=[lambda state: seen.append(blas_threads())])
        assert seen == [{1}]
        assert blas_threads() == before


@pytest.mark.parametrize(
    ("size", "parameters", "method", "one"),
    [
        (1797, 5_000, GradientDescent(0.1), True),
        (1797, 6_000, GradientDescent(0.1), False),
        (1797, 6_000, SGD(0.1, batch_size=32), True),
        (20, 600_000, SGD(0.1, batch_size=32), False),
        (0, 9_999_999, GradientDescent(0.1), True),
        (0, 10_000_000, GradientDescent(0.1), False),
    ],
)
def test_the_size_of_a_step_decides(size, parameters, method, one):
    objective = SimpleNamespace(size=size, parameters=SimpleNamespace(size=parameters))
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        with suitable_threads(objective, method):
            assert blas_threads() == ({1} if one else before)
