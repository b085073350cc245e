"""HTML by construction: every text is escaped unless it is markup already."""

from __future__ import annotations

from html import escape

_VOID = {"img", "meta"}


class Markup(str):
    """Text that is HTML already; anything else is escaped where it enters a page."""

    __slots__ = ()


def join(*children: object) -> Markup:
    """Children one after another; None is left out.

    Examples
    --------
    >>> join("a < b", None, Markup("<br>"))
    'a &lt; b<br>'
    """
    return Markup("".join(_text(child) for child in children if child is not None))


def element(tag: str, *children: object, **attributes: object) -> Markup:
    """An element with its children and attributes.

    Parameters
    ----------
    tag : str
    *children : Markup or object
        Markup as it is, anything else as escaped text; None is left out.
    **attributes : object
        Escaped; None is left out. A trailing underscore is dropped and other underscores become hyphens, so
        ``class_`` and ``aria_label`` can be written.

    Examples
    --------
    >>> element("p", "2 < 3", class_="note", title='say "so"')
    '<p class="note" title="say &quot;so&quot;">2 &lt; 3</p>'
    >>> element("img", src="data:,", alt="")
    '<img src="data:," alt="">'
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _VOID:
        return Markup(f"<{tag}{written}>")
    return Markup(f"<{tag}{written}>{join(*children)}</{tag}>")


def _text(child: object) -> str:
    return child if isinstance(child, Markup) else escape(str(child))
