"""``chainrule derive``: the derivative of a sheet."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import click

from chainrule.cli.options import NewFile, penalty_option, reduction_option
from chainrule.cli.sheet_file import check_penalty, known_names, objective_of, read_sheet
from chainrule.cli.worked import WorkedCommand
from chainrule.equations import Derivation, Equations
from chainrule.equations.calculus.second import Moved, Second
from chainrule.equations.language.tree import Layout
from chainrule.errors import OptionError, SheetLimitError

# The notations whose text has the remarks.
REMARKED = ("plain", "explain", "markdown", "json")


@click.command(
    "derive",
    cls=WorkedCommand,
    examples=(
        "chainrule derive model.eqs",
        "chainrule derive model.eqs --of L --wrt W --wrt b --explain",
        "chainrule derive model.eqs --batch --latex",
        "chainrule derive model.eqs --of L --batch --reduction sum --penalty R",
        "chainrule derive model.eqs --code > gradient.py",
        "chainrule derive model.eqs --order 2 --wrt b",
        "chainrule derive network.eqs --order 2 --by-layer",
    ),
)
@click.argument("sheet")
@click.option("--of", metavar="NAME", help="What to differentiate; by default the sheet's objective.")
@click.option("--wrt", metavar="NAME", multiple=True, help="With respect to what; by default the parameters.")
@click.option(
    "--batch",
    "forms",
    flag_value="batch",
    multiple=True,
    help="Over all examples: data stacked, the mean or the sum taken.",
)
@click.option(
    "--per-example",
    "forms",
    flag_value="example",
    multiple=True,
    help="A sheet over all examples, for one of them: Σ_s.",
)
@reduction_option
@penalty_option
@click.option(
    "--order", type=click.Choice(["1", "2"]), default="1", help="2 gives the Hessian, block by block."
)
@click.option("--product", is_flag=True, help="The Hessian times a direction, linear in depth.")
@click.option("--layout", type=click.Choice(get_args(Layout)), help="By default the sheet's own.")
@click.option(
    "--explain",
    "notation",
    flag_value="explain",
    multiple=True,
    help="Step by step: shapes, rules, what the rules alone give.",
)
@click.option(
    "--by-layer",
    "notation",
    flag_value="by_layer",
    multiple=True,
    help="The lines of all layers written once.",
)
@click.option("--latex", "notation", flag_value="latex", multiple=True, help="As LaTeX.")
@click.option("--mathml", "notation", flag_value="mathml", multiple=True, help="As MathML.")
@click.option("--markdown", "notation", flag_value="markdown", multiple=True, help="As a list.")
@click.option("--code", "notation", flag_value="code", multiple=True, help="As a NumPy function.")
@click.option("--sheet", "notation", flag_value="sheet", multiple=True, help="As a sheet that reads back.")
@click.option("--json", "notation", flag_value="json", multiple=True, help="As JSON.")
@click.option("--html", type=NewFile(), metavar="FILE", help="As a page, written to a file.")
def command(
    sheet: str,
    of: str | None,
    wrt: tuple[str, ...],
    forms: tuple[Literal["example", "batch"], ...],
    reduction: Literal["mean", "sum"],
    penalty: str | None,
    order: str,
    product: bool,
    layout: Layout | None,
    notation: tuple[str, ...],
    html: Path | None,
) -> None:
    """Print the derivative of a sheet of equations; SHEET is a file, or - for standard input."""
    if len(notation) + bool(html) > 1:
        given = [f"--{name.replace('_', '-')}" for name in notation] + (["--html"] if html else [])
        raise click.UsageError(f"{' and '.join(given)} exclude each other; choose one.")
    if len(set(forms)) > 1:
        raise click.UsageError("--batch and --per-example exclude each other; choose one.")
    equations = read_sheet(sheet)
    names = known_names(equations, wrt, "--wrt")
    target = objective_of(equations, of, "--of", names, penalty)
    check_penalty(equations, target, penalty)
    over: Any = {"form": forms[0] if forms else None, "reduction": reduction, "penalty": penalty}
    derivation = _derived(equations, target, names or None, over, order, product, layout)
    shown = notation[0] if notation else "plain"
    if not html and shown not in REMARKED:
        for remark in derivation.remarks:
            click.echo(remark, err=True)
    if html:
        _write_page(html, equations, derivation, sheet)
        click.echo(f"wrote {html}", err=True)
        return
    click.echo(_written(equations, derivation, shown))


def _derived(
    equations: Equations,
    of: str,
    wrt: list[str] | None,
    over: dict[str, Any],
    order: str,
    product: bool,
    layout: Layout | None,
) -> Derivation:
    if product and (order == "2" or layout not in (None, "gradient")):
        raise click.UsageError("--product stands alone: it is of second order, in gradient layout.")
    try:
        if product:
            return equations.hessian_product(of, wrt, **over)
        return equations.derive(of, wrt, layout=layout, order=2 if order == "2" else 1, **over)
    except SheetLimitError as error:
        fewer = "--wrt NAME takes the derivatives by one name"
        other = ", --product in place of --order 2 that product" if order == "2" else ""
        raise SheetLimitError(f"{error} Here, {fewer}{other}.") from None


def _written(equations: Equations, derivation: Derivation, notation: str) -> str:
    if notation == "json":
        return json.dumps(derivation.to_dict(), indent=2, ensure_ascii=False)
    if notation == "code":
        return _code(equations, derivation)
    if notation == "plain":
        return str(derivation)
    text: Any = getattr(derivation, notation)()
    return str(text).rstrip("\n")


def _code(equations: Equations, derivation: Derivation) -> str:
    if derivation.layout != "gradient":
        raise OptionError(
            f"--code gives arrays in the gradient layout, but this is {derivation.layout} layout; "
            "say --layout gradient."
        )
    model = replace(derivation, lines=()).sheet()  # the stacked model without its derivative
    source = equations if derivation.of in equations.names else Equations(model)
    requested = [line.symbol.data for line in derivation.lines if line.requested]
    if any(isinstance(name, Moved) for name in requested):
        return source.compile_product(derivation.of, derivation.wrt).source.rstrip("\n")
    names = [f"d({derivation.of}, {name})" for name in derivation.wrt]
    if any(isinstance(name, Second) for name in requested):
        names = [
            f"d(d({derivation.of}, {name.wrt}), {name.then})"
            for name in requested
            if isinstance(name, Second)
        ]
    return source.compile([derivation.of, *names]).source.rstrip("\n")


def _write_page(file: Path, equations: Equations, derivation: Derivation, sheet: str) -> None:
    from chainrule.reports import Report, gradient_section, model_section, write_report  # charts need arrays

    name = "a sheet" if sheet == "-" else Path(sheet).name
    sections = (model_section(equations.text), gradient_section(derivation))
    what, _, beside = derivation.quantity.partition(" ")
    title = " ".join(filter(None, (f"The {what} of {derivation.of}", beside)))
    write_report(file, Report(f"{title} in {name}", "Derived by chainrule.", (), sections))
