"""What stands before the rows of delimited text: comment lines, and the names of the columns."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from chainrule.data.splitting import pieces, records
from chainrule.errors import DataError

DELIMITERS = (",", ";", "\t", "|")
MAX_COLUMNS = 100_000
SNIFFED_LINES = 30
LINE_END = re.compile(rb"\r\n|\n|\r")
COMMENTS = re.compile(rb"(?:[ \t]*(?:#[^\r\n]*)?(?:\r\n|\n|\r))*")
SEPARATOR = re.compile(rb"sep=([ -~\t])\r?\n")
"""The first line of a file for Excel may name the delimiter."""

BLANKS = re.compile(rb'"(?:[^"\r\n]|"")*"|[ \t]+')
BLOCK = 1 << 22
LONG_LINE = 1 << 17

ROW_NAMES = "row_names"
"""Name of a first column without one, as R and pandas write the names of the rows."""


@dataclass(frozen=True)
class Heading:
    """The names of the columns, and where the rows begin.

    Parameters
    ----------
    names : tuple of str
        "" where a column has none.
    place : str
        Of the names, in words.
    start : int
        The byte where the rows begin.
    first_line : int
        The line that begins there.
    """

    names: tuple[str, ...]
    place: str
    start: int
    first_line: int


def delimiter_of(content: bytes, has_header: bool) -> str:
    """The delimiter that splits the first lines into the same number of fields, and into the most.

    A space, which stands for any number of blanks, only where no other splits them and numbers come out.
    """
    if found := SEPARATOR.match(content):
        return found[1].decode()
    begin = _end_of_comments(content)
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", errors="replace", newline="")
    text.seek(begin)
    lines = list(itertools.islice((line for line in text if line.strip()), SNIFFED_LINES))

    def quality(delimiter: str) -> tuple[bool, int]:
        counts = [len(row) for row in _rows(lines, delimiter)]
        return min(counts, default=0) == counts[0] > 1 if counts else False, counts[0] if counts else 0

    best = max(DELIMITERS, key=quality)
    # After comments, one of which may be the header, the first line may be a row.
    is_spaced = _is_spaced(lines, has_header) or (begin > 0 and _is_spaced(lines, False))
    return " " if not quality(best)[0] and is_spaced else best


def _rows(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter == " "))
    except csv.Error:
        return []


def _is_spaced(lines: Sequence[str], has_header: bool) -> bool:
    """Whether blanks part fields: as many in each line, and numbers in one column."""
    rows = _rows([line.strip() for line in lines], " ")
    body = rows[1:] if has_header else rows
    if not body or {len(row) for row in body} != {len(body[0])} or len(rows[0]) < 2:
        return False
    return len(rows[0]) in (len(body[0]), len(body[0]) - 1) and any(
        all(map(_is_number, column)) for column in zip(*body, strict=True)
    )


def tabbed(content: bytes) -> bytes:
    r"""Text between blanks, one or more, as text between tabs.

    Examples
    --------
    >>> tabbed(b'a   b\n1  "x y"\n')
    b'a\tb\n1\t"x y"\n'
    """
    return b"".join(map(_tabbed, map(bytes, pieces(content, 0, BLOCK))))


def _tabbed(block: bytes) -> bytes:
    lines = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    if b'"' in block:
        return b"\n".join(BLANKS.sub(_tab, line.strip()) for line in lines)
    return b"\n".join(b"\t".join(line.split()) for line in lines)


def _tab(found: re.Match[bytes]) -> bytes:
    return found[0] if found[0].startswith(b'"') else b"\t"


def _end_of_comments(content: bytes) -> int:
    """The byte after the comment lines at the top; 0 where there are none."""
    found = COMMENTS.match(content)
    end = found.end() if found else 0
    return end if b"#" in content[:end] else 0


def without_comments(content: bytes, delimiter: str) -> tuple[bytes, int]:
    """The text, and the byte where it begins after the comment lines at its top.

    Where there are such, later lines that begin with #, and are no rows, are blank. The last one at the top
    holds the names if the next line has as many fields, and numbers or, as after #name, no blank parts the
    names from the mark.
    """
    if found := SEPARATOR.match(content):
        return content, found.end()
    end = _end_of_comments(content)
    if not end:
        return content, 0
    if content.find(b"\n#", end - 1) >= 0 and b'"' not in content:
        content = content[:end] + _without_later_ones(content[end:], delimiter.encode())
    last = content.rfind(b"#", 0, end)
    last = max(content.rfind(mark, 0, last) for mark in (b"\n", b"\r")) + 1
    names = last + len(re.match(rb"[# \t]*", content[last:end])[0])  # type: ignore[index]
    named, row = (_fields(content, place, delimiter) for place in (names, end))
    is_header = any(map(_is_number, row)) or names == last + 1
    is_header &= len(named) == len(row) > 1 and not all(map(_is_number, named))
    return content, names if is_header else end


def _without_later_ones(content: bytes, delimiter: bytes) -> bytes:
    """Lines that begin with # blank, unless they have the fields of a row: #ff0000 is a colour."""
    fields = LINE_END.split(content[:LONG_LINE], maxsplit=1)[0].count(delimiter)

    def kept(line: re.Match[bytes]) -> bytes:
        return line[0] if 0 < fields == line[0].count(delimiter) else b""

    return re.sub(rb"(?m)^#[^\r\n]*", kept, content)


def _fields(content: bytes, place: int, delimiter: str) -> list[str]:
    line = LINE_END.split(content[place : place + LONG_LINE], maxsplit=1)[0].decode("utf-8", "replace")
    return next(iter(_rows([line], delimiter)), [])


def read_heading(content: bytes, source: str, delimiter: str, has_header: bool, begin: int) -> Heading:
    """The names, from the first record; column0, column1, ... without a header.

    Rows with one field more than the header have a delimiter at their end, or the names of the rows first.

    Raises
    ------
    DataError
        If a name occurs twice, all are numbers, or there are too many.
    """
    first_line = 1 + sum(1 for _ in LINE_END.finditer(content[:begin]))
    found = itertools.islice(records(content, source, delimiter, begin, first_line), SNIFFED_LINES)
    line, after, first = next(found, (first_line, first_line, []))
    if len(first) > MAX_COLUMNS:
        raise DataError(f"{source} has {len(first)} columns; at most {MAX_COLUMNS} are read.")
    place = f"{source}, line {line}"
    if not has_header:
        names = [f"column{j}" for j in range(len(first))]
        return Heading(tuple(names), place, _start(content, begin, line - first_line), line)
    names = _without_single_quotes([name.strip() for name in first])
    _refuse_numbers([name for name in names if name], place)
    names = _completed(names, [record for _, _, record in found])
    times = Counter(filter(None, names))
    if twice := [name for name, count in times.items() if count > 1]:
        remedy = "names must differ"
        if any(map(_is_number, times)):
            remedy += "; if this line is a row, read the file with the option header=False"
        raise DataError(f"{place}: the column name {twice[0]!r} occurs twice; {remedy}.")
    return Heading(tuple(names), place, _start(content, begin, after - first_line), after)


def _without_single_quotes(names: list[str]) -> list[str]:
    """Names without the single quotes that stand around each of them."""
    quoted = all(len(name) > 2 and name[0] == name[-1] == "'" for name in names)
    return [name[1:-1].strip() for name in names] if quoted else names


def _completed(names: list[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The names with what is said by the rows: of the rows' names, of a delimiter at the end of each line."""
    if rows and all(len(row) == len(names) + 1 for row in rows):
        if not any(row[-1].strip() for row in rows):
            return [*names, ""]
        if len(names) > 1 and _name_rows([row[0].strip() for row in rows]):
            names = ["", *names]
    is_first = len(names) > 1 and not names[0] and any(names)
    return [ROW_NAMES, *names[1:]] if is_first and ROW_NAMES not in names else names


def _name_rows(texts: Sequence[str]) -> bool:
    """Whether texts are names of rows: all different, and no numbers or counting up."""
    if len(set(texts)) < len(texts) or "" in texts:
        return False
    if all(text.isdecimal() for text in texts):
        return [int(text) for text in texts] == list(range(int(texts[0]), int(texts[0]) + len(texts)))
    return not any(map(_is_number, texts))


def _start(content: bytes, begin: int, lines: int) -> int:
    """The byte where a line begins, so many after the one at ``begin``."""
    ends = itertools.islice(LINE_END.finditer(content, begin), lines - 1, lines) if lines else ()
    return next((end.end() for end in ends), len(content) if lines else begin)


def _refuse_numbers(names: Sequence[str], place: str) -> None:
    if names and all(map(_is_number, names)):
        raise DataError(
            f"{place}: the header holds only numbers ({', '.join(names[:3])}...); if the file has no "
            "header, read it with the option header=False."
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
