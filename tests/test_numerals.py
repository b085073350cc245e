"""Numbers as people write them: read back they are the number, and nobody has to count zeros."""

import math

import numpy as np
import pytest

from chainrule.numerals import numeral


@pytest.mark.parametrize("digits", [1, 2, 3, 4, 6])
def test_what_is_written_is_the_number_to_so_many_digits(digits):
    rng = np.random.default_rng(digits)
    values = rng.choice((-1, 1), 400) * 10 ** rng.uniform(-320, 308, 400)
    values = np.concatenate(
        [values, rng.standard_normal(200) * 1e5, rng.integers(-(10**7), 10**7, 50), [0.0]]
    )
    for value in values:
        text = numeral(float(value), digits)
        assert float(text.replace(",", "")) == pytest.approx(value, rel=0.51 * 10 ** (1 - digits), abs=0), (
            text
        )


def test_large_numbers_keep_all_their_digits_in_groups_of_three():
    assert [numeral(value) for value in (999.96, 1999, 13450, 9999.6, 12345678.9, 1e14)] == [
        "1000", "1999", "13,450", "10,000", "12,345,679", "100,000,000,000,000",
    ]  # fmt: skip
    assert numeral(-1234.5678, 6) == "-1234.57"


def test_where_there_is_little_room_powers_of_ten_begin_earlier():
    assert [numeral(value, largest=1e6) for value in (5e5, 1e6, -2.5e12)] == ["500,000", "1e6", "-2.5e12"]


def test_zero_has_no_sign():
    assert numeral(-0.0) == numeral(0.0) == "0"


def test_what_is_no_number_is_said_in_words():
    assert [numeral(value) for value in (math.nan, math.inf, -math.inf)] == [
        "undefined", "infinity", "-infinity",
    ]  # fmt: skip
