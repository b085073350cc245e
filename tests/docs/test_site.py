"""The pages of the site: what they run runs, what they derive is right, what they say of it is true."""

import doctest
import importlib
import itertools
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import chainrule
from chainrule.equations import Equations

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS))

from showing.addresses import foreign_addresses  # noqa: E402
from showing.derivations import Derived, sheet_text  # noqa: E402
from showing.examples import Session, blocks  # noqa: E402
from showing.hessian import hessian_errors  # noqa: E402
from showing.layouts import LAYOUTS, OUTPUTS, VARIABLES, shape, table  # noqa: E402
from showing.notebook import read_cells  # noqa: E402
from showing.panels import claims_table, model_lines, second_verdict  # noqa: E402
from showing.reference import reference  # noqa: E402
from showing.sheets import SheetLexer  # noqa: E402

PAGES = {path.relative_to(DOCS).as_posix(): path.read_text("utf-8") for path in sorted(DOCS.rglob("*.md"))}
BLOCKS = {page: blocks(text) for page, text in PAGES.items() if "_build" not in page}
RUN = {page: found for page, found in BLOCKS.items() if any(one.kind in ("run", "shell") for one in found)}
DERIVATIONS = [
    pytest.param(block, id=f"{page}:{block.line}")
    for page, found in BLOCKS.items()
    for block in found
    if block.kind == "derivation"
]
CLAIMS = {
    f"{page}:{position}": block
    for page, found in BLOCKS.items()
    for position, block in enumerate(one for one in found if one.kind == "claims")
    if "errata" not in block.argument  # tests/notes holds their verdicts
}
FAILING = {
    "gallery/logistic.md:0": ["fails", "fails by shape"],
    "gallery/softmax.md:0": ["fails"],
    "gallery/factorisation.md:0": ["fails by shape"],
    "gallery/gaussian.md:0": ["holds in another layout", "fails"],
}


def test_the_pages_hold_examples_of_every_kind():
    kinds = {block.kind for found in BLOCKS.values() for block in found}
    assert kinds >= {"run", "shell", "sheet", "derivation", "claims", "shapes", "reference", "report"}
    assert len(DERIVATIONS) > 20


@pytest.mark.parametrize("page", RUN)
def test_the_examples_of_a_page_run(page, tmp_path):
    session = Session(tmp_path)
    for block in RUN[page]:
        if block.kind == "run":
            session.run(block.content)
        elif block.kind in ("sheet", "file"):
            session.write(block.argument, block.content)
        elif block.kind == "shell":
            printed = session.command(block.content, int(block.options.get("exit", 0)))
            assert printed and str(tmp_path) not in printed


@pytest.mark.parametrize("block", DERIVATIONS)
def test_a_derivation_of_a_page_is_right(block):
    derived = Derived(sheet_text(block.argument, block.content), block.options)
    assert "right" in derived.verdict()
    assert derived.derivation.mathml().startswith("<math")


@pytest.mark.parametrize("place", CLAIMS)
def test_claims_fail_where_the_page_says_so(place):
    block = CLAIMS[place]
    report = chainrule.check_claims(Equations(sheet_text(block.argument, block.content)))
    assert [claim.verdict for claim in report if not claim.ok] == FAILING.get(place, [])
    assert claims_table(report).count("<tr>") == len(report) + 1


def test_a_wrong_hessian_stops_the_build():
    with pytest.raises(RuntimeError, match="wrong"):
        second_verdict({"d²L/dw²": 1e-3})
    with pytest.raises(RuntimeError, match="wrong"):
        second_verdict({"d²L/dw²": float("nan")})


def test_the_judge_of_hessians_sees_a_factor():
    text = "data x: R[p]\nparameters w: R[p]; v: R\nL = v * exp(w.T @ x)"
    right = Equations(text).derive("L", order=2)
    assert max(hessian_errors(Equations(text), right).values()) < 1e-12
    errors = hessian_errors(Equations(text.replace("L = v", "L = 2 * v")), right)
    assert all(error == pytest.approx(0.5) for error in errors.values() if error > 0)
    assert set(errors) == {"d²L/dw²", "d²L/(dw dv)", "d²L/dv²"}


CELLS = list(itertools.product(OUTPUTS, VARIABLES, LAYOUTS))
AXES = {"t": (), "x": ("n",), "W": ("p", "q"), "s": (), "v": ("m",), "F": ("k", "r")}
SIZES = {"n": 2, "p": 3, "q": 4, "m": 5, "k": 6, "r": 7}


def _expected(of, wrt, layout):
    outputs, variable = AXES[of], AXES[wrt]
    if layout == "gradient":
        return outputs + variable
    return outputs + variable[::-1] if layout == "numerator" else variable + outputs[::-1]


@pytest.mark.parametrize(("of", "wrt", "layout"), CELLS)
def test_the_table_of_shapes_is_the_rule_of_its_layout(of, wrt, layout):
    axes = _expected(of, wrt, layout)
    is_row = {"gradient": False, "numerator": (of, wrt) == ("s", "x"), "denominator": (of, wrt) == ("v", "t")}
    text = f"({', '.join(axes)}{',' if len(axes) == 1 else ''})" if axes else ""
    assert shape(of, wrt, layout) == ("row " if is_row[layout] else "") + text


@pytest.mark.parametrize(("of", "wrt", "layout"), CELLS)
def test_numbers_have_the_shapes_of_the_table(of, wrt, layout):
    sheet = f"""
    parameters  t: R; x: R[n]; W: R[p, q]
    constants   a: R[m]; B: R[k, r]
    s = exp(t) * norm2(x)**2 * normF(W)**2
    v = s * a
    F = s * B
    layout {layout}
    J = d({of}, {wrt})
    """
    shapes = {"t": (), "x": (2,), "W": (3, 4), "a": (5,), "B": (6, 7)}
    value = Equations(sheet).evaluate("J", {name: np.ones(size) for name, size in shapes.items()})
    assert value.shape == tuple(SIZES[axis] for axis in _expected(of, wrt, layout))


def test_every_shape_stands_in_its_table():
    for layout in LAYOUTS:
        rows = table(layout).splitlines()[2:]
        for of, row in zip(OUTPUTS, rows, strict=True):
            cells = [cell.strip().strip("`") for cell in row.split("|")[2:-1]]
            assert cells == [shape(of, wrt, layout) or "a number" for wrt in VARIABLES]


@pytest.fixture(scope="module")
def quickstart():
    spec = importlib.util.spec_from_file_location("make_quickstart", DOCS / "make_quickstart.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_notebook_is_what_its_script_shows_today(quickstart):
    assert quickstart.PAGE.read_text("utf-8") == quickstart.page(), "run python docs/make_quickstart.py"


def test_the_notebook_is_one(quickstart):
    text = quickstart.PAGE.read_text("utf-8")
    data = json.loads(text)
    assert (data["nbformat"], data["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in data["cells"]}) == len(data["cells"])
    assert {cell["cell_type"] for cell in data["cells"]} == {"markdown", "code"}
    shown = [cell.output for cell in read_cells(text) if cell.output]
    assert any(output.latex and output.html for output in shown)
    assert not re.search(r"/home|/tmp|/root|site-packages|Traceback", text)


def test_blocks_are_found_with_their_options():
    text = "```{run} name\n:hide:\n:exit: 1\n\na = 1\n```\n:::{container} x\n````{sheet}\n```\n````\n"
    first, second = blocks(text)
    assert (first.kind, first.argument, first.content, first.line) == ("run", "name", "a = 1", 1)
    assert first.options == {"hide": "", "exit": "1"}
    assert (second.kind, second.content) == ("sheet", "```")


def test_a_session_shows_what_is_printed_then_the_last_value(tmp_path):
    session = Session(tmp_path)
    assert session.run("x = 3").text == ""
    output = session.run("print('a')\nx + 1")
    assert (output.text, output.html) == ("a\n4", "")
    derived = session.run("import chainrule\nchainrule.Equations('parameters w: R; L = w**2').derive('L')")
    assert derived.html.startswith("<div><math") and derived.latex.startswith("$$")


def test_what_goes_wrong_in_an_example_is_not_hidden(tmp_path):
    session = Session(tmp_path)
    with pytest.raises(ZeroDivisionError):
        session.run("1 / 0")
    with pytest.raises(RuntimeWarning):
        session.run("import numpy\nnumpy.log(numpy.zeros(2))")
    with pytest.raises(RuntimeError, match="not 0"):
        session.command("chainrule derive nowhere.eqs")
    with pytest.raises(RuntimeError, match="only chainrule"):
        session.command("rm -r .")


def test_the_model_of_a_sheet_is_shown_without_its_claims():
    sheet = Equations(
        "# A title.\ndata x: R[p]\nL = norm2(x)**2  # squared\nlayout numerator\nd(L, x) == 2 * x.T"
    )
    assert model_lines(sheet) == "data x: R[p]\nL = norm2(x)**2"


@pytest.mark.parametrize("name", ["addresses", "examples", "layouts", "reference", "transcripts"])
def test_the_examples_in_docstrings_are_true(name):
    failed, tried = doctest.testmod(importlib.import_module(f"showing.{name}"))
    assert tried > 0 == failed


def test_a_sheet_is_coloured_and_stays_as_it_is():
    text = "data x: R[p]  # an input\nh = tanh(2 * x)\nd(h, x) == eye(p)\nlayout numerator\nsum_of = 3.5\n"
    tokens = list(SheetLexer().get_tokens(text))
    assert "".join(word for _, word in tokens) == text
    kinds = {word: str(kind).removeprefix("Token.") for kind, word in tokens}
    assert kinds["data"] == kinds["layout"] == "Keyword.Declaration"
    assert kinds["R"] == "Keyword.Type"
    assert kinds["tanh"] == kinds["eye"] == "Name.Function"
    assert kinds["d"] == "Name.Builtin"
    assert kinds["# an input"] == "Comment.Single"
    assert kinds["sum_of"] == kinds["x"] == "Name"
    assert "Error" not in kinds.values()


def test_every_public_module_is_in_the_reference():
    documented = {block.argument for found in BLOCKS.values() for block in found if block.kind == "reference"}
    stub = (Path(chainrule.__file__).parent / "__init__.pyi").read_text("utf-8")
    sources = {f"chainrule.{name}" for name in re.findall(r"from \.(\w+) import", stub)}
    assert sources <= documented
    for module in documented:
        text = reference(module)
        assert all(f"{module}.{name}\n" in text for name in importlib.import_module(module).__all__)


def test_addresses_are_seen_however_they_are_written():
    assert foreign_addresses('<a href="https://a.b/c">') == ["https://a.b/c"]
    assert foreign_addresses("<img src=//a.b>") == ["//a.b"]
    assert foreign_addresses("<style>x { background: url(http://a.b/c) } @import 'ftp://d'</style>") == [
        "http://a.b/c",
        "ftp://d",
    ]
    assert not foreign_addresses('<svg xmlns="http://a.b"><a href="c.html#d"> see http://e.f </a></svg>')


def test_the_example_of_the_readme_prints_what_stands_below_it(tmp_path):
    readme = (DOCS.parent / "README.md").read_text("utf-8")
    code, printed = re.search(r"```python\n(.*?)```.*?```\n(.*?)```", readme, re.DOTALL).groups()
    session = Session(tmp_path)
    session.run(
        "from chainrule.data import bundled\ndigits = bundled('digits')\n"
        "X, y = digits.matrix('pixel*') / 16, digits.matrix('label')[:, 0].astype(int)"
    )
    *lines, last = session.run(code).text.splitlines()
    *expected, numbers = printed.splitlines()
    assert lines == expected
    # The last digits of a loss after 300 steps differ between machines.
    loss, shape_of_weights = last.split(" ", 1)
    assert shape_of_weights == numbers.split(" ", 1)[1]
    assert float(loss) == pytest.approx(float(numbers.split(" ", 1)[0]), rel=1e-6)
