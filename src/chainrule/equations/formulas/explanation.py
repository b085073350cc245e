"""What a derivation says beside its formulas: the rules of each line, the line before others were put in.

A *naive* line is what the rules alone give, over the names of the lines above. The *fused* line is what is
printed: other lines put into it, factors cancelled, the sheet's names in place of bodies.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap

from chainrule.equations.calculus.asked import Asked
from chainrule.equations.calculus.naming import Line
from chainrule.equations.calculus.penalty import Repeated
from chainrule.equations.formulas.glyphs import unicode_name
from chainrule.equations.formulas.letters import indices_in
from chainrule.equations.formulas.line_names import Spelling, unicode_line
from chainrule.equations.formulas.matrixform import matrix_form
from chainrule.equations.formulas.print_unicode import UnicodePrinter
from chainrule.equations.language.tree import Size
from chainrule.equations.nodes.nodes import Node, topological
from chainrule.equations.nodes.program import Cotangent, Program, symbols_of


def remarks_on(asked: Asked) -> tuple[str, ...]:
    """What was taken for an example, and what the sum over the examples repeats, in words."""
    repeated = "" if asked.repeated is None else repetition_remark(asked.repeated)
    return tuple(filter(None, (asked.remark, repeated)))


def repetition_remark(repeated: Repeated) -> str:
    """That terms of a sum count once for each example, and what to do if they should not."""
    program, of, terms, times = repeated
    writer = UnicodePrinter(taken=tuple(program.symbols))
    texts = [writer.text(matrix_form(term)) for term in terms]
    verb, them = ("counts", "it") if len(texts) == 1 else ("count", "them")
    name, how = program.name_of.get(terms[0]), f"leave it out of {of} and name it"
    if len(terms) > 1 or name not in program.bodies:
        name = next(free for free in ("R", "P", "penalty_") if free not in program.symbols)
        how = f"move {them} from {of} to a line of its own, {name} = ..., and name that"
    return (
        f"{' and '.join(texts)} {verb} {times} times, once for each example, as no data enter {them}. "
        f'To count {them} once, {how}: penalty="{name}" (--penalty {name}).'
    )


PAGE, FORMULA_COLUMNS, RULE_COLUMNS = 110, 56, 40
NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a derivation.

    Attributes
    ----------
    name : str
        The left side, in Unicode.
    formula : str
        The right side, in Unicode.
    rule : str
        Where it comes from, in words.
    shape : tuple of int or str
        Sizes of its axes in the derivation's layout.
    requested : bool
        Whether the line was asked for.
    naive : str or None
        In an explained derivation what the rules alone give, over the names of the steps above, where that is
        not the formula; ``rule`` then says how the formula comes from it.
    naive_rule : str
        The rules that lead to ``naive``, in words.
    """

    name: str
    formula: str
    rule: str
    shape: tuple[Size, ...]
    requested: bool
    naive: str | None = None
    naive_rule: str = ""

    def __str__(self) -> str:
        return f"{self.name} = {self.formula}"


def explained_lines(lines: list[Line]) -> list[Line]:
    """The requested lines, those they use, and those that a naive form among them uses."""
    wanted: set[Node] = set()
    kept = []
    for line in reversed(lines):
        if line.requested or line.symbol in wanted:
            kept.append(line)
            wanted.update(symbols_of(line.expression))
            if line.naive is not None:
                wanted.update(symbols_of(line.naive))
    return kept[::-1]


def was_fused(line: Line) -> bool:
    """Whether the line differs from what the rules alone give."""
    return line.naive is not None and line.naive is not line.expression


def rule(line: Line, of: str, spelled: Spelling) -> str:
    """Where a line of the derivative of ``of`` comes from, in words: what it went through, then the rules."""
    named = [symbol for symbol in line.inside if isinstance(symbol.data, Cotangent)]
    words = (_through(line, named, of, spelled), grouped(line.rules, spelled), *_of_indices(line))
    return "; ".join(filter(None, words))


def _of_indices(line: Line) -> list[str]:
    """What the letters and brackets of a line stand for, where indices are numbers."""
    numbers, brackets = indices_in([line.expression])
    return ["indices count from 0"] * numbers + ["[…] is 1 where it holds, else 0"] * brackets


def fused_rule(program: Program, line: Line, of: str, lines: Sequence[Line], spelled: Spelling) -> str:
    """How a line comes from its naive form, in words."""
    bodies = [
        f"{unicode_name(spelled(name))} in place of its body" for name in _recognised(program, line, lines)
    ]
    return "; ".join(filter(None, (_through(line, line.inside, of, spelled), *bodies)))


def grouped(rules: Sequence[str], spelled: Spelling = str) -> str:
    """Rules in words, those of one definition together.

    Examples
    --------
    >>> grouped(["sum rule in z1", "product rule in z1", "σ' = σ (1 - σ) in h1"])
    "sum rule, product rule in z₁; σ' = σ (1 - σ) in h₁"
    """
    words: dict[str, list[str]] = {}
    for text in rules:
        word, _, user = text.rpartition(" in ")
        words.setdefault(user if word else "", []).append(word or text)
    return "; ".join(
        ", ".join(parts) + (f" in {unicode_name(spelled(user))}" if user else "")
        for user, parts in words.items()
    )


def _through(line: Line, symbols: Sequence[Node], of: str, spelled: Spelling) -> str:
    if not symbols:
        return ""
    text = "through " + ", ".join(_put_in(symbol, of, spelled) for symbol in dict.fromkeys(symbols))
    return f"{text}; factors cancel" if line.cancelled else text


def _put_in(symbol: Node, of: str, spelled: Spelling) -> str:
    """The name a reader knows a line by: ŷ for dL/dŷ, otherwise its own."""
    if isinstance(symbol.data, Cotangent) and symbol.data.of == of:
        return unicode_name(spelled(symbol.data.wrt))
    return unicode_line(spelled(symbol.data))


def _recognised(program: Program, line: Line, lines: Sequence[Line]) -> Iterator[str]:
    """Names whose bodies the naive form or a line put into it has, and the line no longer."""
    before = [line.naive, *(other.expression for other in lines if other.symbol in line.inside)]
    gone = set(topological([node for node in before if node is not None]))
    gone -= set(topological([line.expression]))
    shown = set(symbols_of(line.expression))
    for name, body in program.bodies.items():
        if body in gone and program.symbols[name] in shown:
            yield name


def numbered(steps: Sequence[Step], spelled: Spelling = str) -> str:
    """The steps as a numbered table: formula, shape, rule; a fused formula below its naive one.

    A formula too long for its column has its shape and rule on the next line.
    """
    names = max((len(step.name) for step in steps if len(step.name) <= FORMULA_COLUMNS // 2), default=0)
    rows = [row for number, step in enumerate(steps, 1) for row in _rows(number, step, names, spelled)]
    lengths = [len(text) for text, _, _ in rows]
    left = max((length for length in lengths if length <= FORMULA_COLUMNS), default=0)
    middle = max((len(shape) for _, shape, _ in rows), default=0)
    printed = []
    for text, shape, words in rows:
        first, *more = _wrapped(words, max(RULE_COLUMNS, PAGE - left - middle - 4))
        if len(text) > left and (shape or words):
            printed.append(text)
            text = ""
        printed.append(f"{text:<{left}}  {shape:<{middle}}  {first}")
        printed += [f"{'':<{left + middle + 4}}{part}" for part in more]
    return "\n".join(row.rstrip() for row in printed)


def _rows(number: int, step: Step, names: int, spelled: Spelling) -> Iterator[tuple[str, str, str]]:
    """Text, shape and words of the rows of a step."""
    sizes = [unicode_name(spelled(size)) if isinstance(size, str) else size for size in step.shape]
    shape = str(tuple(sizes)).replace("'", "") if sizes else "scalar"
    start = f"{number:>2}. {step.name:<{names}} = "
    if step.naive is None:
        yield f"{start}{step.formula}", shape, step.rule
        return
    yield f"{start}{step.naive}", shape, step.naive_rule
    yield f"{'= ':>{len(start)}}{step.formula}", "", step.rule


def _wrapped(words: str, width: int) -> list[str]:
    """Rules in lines, broken between rules and never inside a formula."""
    held = words.replace(" ", NO_BREAK).replace(f";{NO_BREAK}", "; ").replace(f",{NO_BREAK}", ", ")
    lines = wrap(held, width, break_long_words=False, break_on_hyphens=False)
    return [line.replace(NO_BREAK, " ") for line in lines] or [""]


def markdown(steps: Sequence[Step]) -> str:
    """The steps as a Markdown list with their rules."""
    rows = []
    for number, step in enumerate(steps, 1):
        last = f"`{step}` — {escape(step.rule, quote=False)}"
        if step.naive is not None:
            first = f"`{step.name} = {step.naive}` — {escape(step.naive_rule, quote=False)}"
            last = f"{first}  \n   `= {step.formula}` — {escape(step.rule, quote=False)}"
        rows.append(f"{number}. {last}")
    return "\n".join(rows)
