"""What a sum over the examples counts more than once, in words."""

from chainrule.equations.calculus.asked import Asked
from chainrule.equations.calculus.penalty import Repeated
from chainrule.equations.formulas.glyphs import unicode_name
from chainrule.equations.formulas.matrixform import matrix_form
from chainrule.equations.formulas.print_unicode import UnicodePrinter


def remarks_on(asked: Asked) -> tuple[str, ...]:
    """What was taken for an example, and what the sum over the examples repeats, in words."""
    repeated = "" if asked.repeated is None else repetition_remark(asked.repeated)
    return tuple(filter(None, (asked.remark, repeated)))


def repetition_remark(repeated: Repeated) -> str:
    """That terms of a sum count once for each example, and what to do if they should not."""
    program, of, terms, times = repeated
    writer = UnicodePrinter(lambda node: unicode_name(str(node.data)), tuple(program.symbols))
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
