"""Text in any encoding as UTF-8."""

from __future__ import annotations

import codecs

from chainrule.errors import DataError

MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order marks; that of UTF-32 begins with one of UTF-16."""


def utf8(content: bytes, source: str, encoding: str | None) -> bytes:
    """The text in UTF-8, without a byte order mark; one without a mark is left as it is.

    Raises
    ------
    DataError
        If it is not in the encoding, or may be UTF-16 without a mark.

    Examples
    --------
    >>> utf8("Köln".encode("utf-16"), "towns", None).decode()
    'Köln'
    """
    mark = next((mark for mark in MARKS if content.startswith(mark)), b"")
    if mark == codecs.BOM_UTF8 and encoding is None:
        return content[len(mark) :]
    found = encoding or MARKS.get(mark)
    if found is None:
        even, odd = content[:2000:2].count(0), content[1:2000:2].count(0)
        if 2 * max(even, odd) > len(content[:2000:2]) > 1:
            order = "utf-16-be" if even > odd else "utf-16-le"
            raise DataError(
                f"{source} seems to be UTF-16 without a mark; read it with the option encoding='{order}'."
            )
        return content
    try:
        return content.decode(found).encode().removeprefix(codecs.BOM_UTF8)
    except (UnicodeError, LookupError) as error:
        raise DataError(f"{source} is no text in {found}: {error}.") from None


def not_utf8(content: bytes, source: str) -> DataError:
    """What is wrong with a text that is not UTF-8."""
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line, byte = content.count(b"\n", 0, error.start) + 1, content[error.start : error.start + 1]
        meant = byte.decode("cp1252", "replace")
        return DataError(
            f"{source}, line {line}: byte 0x{byte.hex()} is not UTF-8; save it as UTF-8 text, or, where "
            f"it is meant to be {meant!r}, read it with the option encoding='cp1252'."
        )
    raise AssertionError("the text was not UTF-8 a moment ago")
