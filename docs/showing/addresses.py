"""Addresses of elsewhere in a page, which should have none."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"(?:(?:href|src|action)\s*=\s*|url\(\s*|@import\s+)[\"']?((?:\w+:)?//[^\"'\s)>]+)")


def foreign_addresses(html: str) -> list[str]:
    """Addresses that a page would fetch or lead to.

    Examples
    --------
    >>> foreign_addresses('<a href="check.html">x</a> <img src=//example.org/a.png>')
    ['//example.org/a.png']
    """
    return _ADDRESS.findall(html)
