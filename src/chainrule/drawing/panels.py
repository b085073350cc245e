"""Tables of a page, each in a box with a caption that is never cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chainrule.drawing.markup import Markup, element


def table_panel(
    heads: Sequence[str | Markup], rows: Iterable[Markup], caption: str, kind: str | None = None
) -> Markup:
    """A table that scrolls where it is wide, under a caption that does not.

    Parameters
    ----------
    heads : sequence of str or Markup
        An empty one heads nothing; none are no head.
    rows : iterable of Markup
    caption : str
    kind : str, optional
        Class of the table.

    Examples
    --------
    >>> table_panel(("A",), [element("tr", element("td", 1))], "One row")[:59]
    '<figure class="panel"><figcaption>One row</figcaption><div '
    """
    head = element("thead", element("tr", *map(_head, heads))) if heads else None
    table = element("table", head, element("tbody", *rows), class_=kind)
    scrolled = element("div", table, class_="scroll", tabindex=0)
    return element("figure", element("figcaption", caption), scrolled, class_="panel")


def _head(text: str | Markup) -> Markup:
    if isinstance(text, Markup):
        return text
    return element("th" if text else "td", text, scope="col" if text else None)
