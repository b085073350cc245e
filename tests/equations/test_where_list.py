"""LaTeX with a list of what the names stand for."""

from chainrule.equations import Equations

SHEET = """
    data        x: R[p];  y: Class[K]; t: Simplex[K]; s: Sign; g: Bit[3]
    parameters  W1: R[M, p];  V: R[K, M]
    h = tanh(W1 @ x)
    f = V @ h
    unused = norm2(x)
    L = logsumexp(f) - f[y] + t.T @ f + s * sum(g)
"""


def test_the_list_follows_the_sheet_and_holds_what_the_lines_use():
    text = Equations(SHEET).derive("L", ["V", "W1"]).latex(where=True)
    lines, where = text.split("\\quad\\text{where}\\quad\n")
    assert lines.rstrip("\n") == Equations(SHEET).derive("L", ["V", "W1"]).latex()
    assert where.splitlines() == [
        r"\begin{aligned}",
        r"x &\in \mathbb{R}^{p} \\",
        r"y &\in \{0, \dots, K - 1\} \\",
        r"t &\in \Delta^{K} \\",
        r"W_{1} &\in \mathbb{R}^{M \times p} \\",
        r"V &\in \mathbb{R}^{K \times M} \\",
        r"h &= \tanh\left(W_{1}\, x\right) \\",
        r"f &= V\, h",
        r"\end{aligned}",
    ]


def test_signs_and_bits_have_their_sets():
    text = Equations(SHEET + "    d1 = d(L, V)\n    Q = s * L * sum(g)").derive("Q", "V").latex(where=True)
    assert r"s &\in \{-1, +1\}" in text
    assert r"g &\in \{0, 1\}^{3}" in text


def test_a_number_of_classes_is_a_number():
    """Of Class[10] the last digit was a subscript."""
    sheet = "data y: Class[10]; parameters w: R[10]\nL = w[y]"
    assert r"y &\in \{0, \dots, 10 - 1\}" in Equations(sheet).derive("L").latex(where=True)
