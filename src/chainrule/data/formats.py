"""The formats of files: one row for each, with how it is known, what it is called and how it is read."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import PurePath

from chainrule.data.archive import parse_archive, parse_array
from chainrule.data.arrow_file import parse_feather, parse_parquet
from chainrule.data.delimited import parse_delimited
from chainrule.data.infer import as_asked
from chainrule.data.json_lines import parse_json_lines
from chainrule.data.reading import Reading
from chainrule.data.svmlight import parse_svmlight
from chainrule.data.table import Table
from chainrule.data.text import utf8
from chainrule.errors import DataError

Parser = Callable[[bytes, str, Reading], Table]


@dataclass(frozen=True)
class Format:
    """A format.

    Parameters
    ----------
    name : str
        What a file of it is, as in "a Parquet file".
    parse : callable or None
        ``parse(content, source, reading)``; None where it is only known by name.
    magic : tuple of bytes
        How its files begin, one or the other.
    pattern : bytes
        A regular expression that its first bytes match.
    suffixes : tuple of str
        Ends of names that say so where the content does not.
    member : str
        The beginning of a name in a zip archive.
    remedy : str
        What to do with one that is not read.
    """

    name: str
    parse: Parser | None = None
    magic: tuple[bytes, ...] = ()
    pattern: bytes = b""
    suffixes: tuple[str, ...] = ()
    member: str = ""
    remedy: str = "save the table as CSV, or its arrays as npz"

    def fits(self, content: bytes, members: list[str], suffix: str) -> bool:
        """Whether a file is of this format."""
        if suffix in self.suffixes:
            return True
        if self.magic and content.startswith(self.magic):
            return not self.member or any(name.startswith(self.member) for name in members)
        return bool(self.pattern and re.match(self.pattern, content[:4096], re.DOTALL))


def _unpack(content: bytes, source: str, reading: Reading) -> Table:
    """The table in a gzip file; its size is counted while it is unpacked."""
    unpacker = zlib.decompressobj(wbits=31)
    parts: list[bytes] = []
    rest, size = content, 0
    try:
        while rest:
            parts.append(unpacker.decompress(rest, reading.limit + 1 - size))
            size += len(parts[-1])
            if size > reading.limit:
                raise DataError(f"{source} unpacks to more than {reading.limit} bytes, which are not read.")
            if not unpacker.eof:
                break
            rest = unpacker.unused_data.lstrip(b"\0")
            unpacker = zlib.decompressobj(wbits=31)
    except zlib.error as error:
        raise DataError(f"{source} is compressed with gzip and damaged: {error}.") from None
    if rest and not unpacker.eof:
        raise DataError(f"{source} is compressed with gzip and ends too early.")
    unpacked = b"".join(parts)
    if unpacked.startswith(b"\x1f\x8b"):
        raise DataError(f"{source} is compressed with gzip twice; unpack it once.")
    return parse(unpacked, source.removesuffix(".gz"), reading)


ZIP = (b"PK\x03\x04", b"PK\x05\x06")
WORKBOOK = "save the sheet as CSV"
UNPACKED = "unpack it first, or compress it with gzip"

FORMATS = (
    Format("compressed with gzip", _unpack, (b"\x1f\x8b",)),
    Format("a Parquet file", parse_parquet, (b"PAR1",)),
    Format("a Feather file", parse_feather, (b"ARROW1", b"FEA1")),
    Format("an Excel workbook", None, ZIP, member="xl/", remedy=WORKBOOK),
    Format("an OpenDocument spreadsheet", None, ZIP, member="mimetype", remedy=WORKBOOK),
    Format("an npz archive", parse_archive, ZIP),
    Format("an array", parse_array, (b"\x93NUMPY",)),
    Format("an old Excel workbook", None, (b"\xd0\xcf\x11\xe0",), remedy=WORKBOOK),
    Format(
        "a pickle, which can run code when it is loaded",
        None,
        pattern=rb"\x80[\x02-\x05][\x95\x8a(}\]cX\x8c]",
        suffixes=(".pkl", ".pickle", ".joblib"),
    ),
    Format(
        "a model file (safetensors)", None, pattern=rb".{3}\0{5}\{\"", suffixes=(".safetensors",),
        remedy="expected a table; a model comes first, as in: chainrule predict MODEL TABLE",
    ),
    Format("compressed with bzip2", None, (b"BZh",), remedy=UNPACKED),
    Format("compressed with xz", None, (b"\xfd7zXZ\0",), remedy=UNPACKED),
    Format("compressed with zstd", None, (b"\x28\xb5\x2f\xfd",), remedy=UNPACKED),
    Format("an SQLite database", None, (b"SQLite format 3",)),
    Format("an HDF5 file", None, (b"\x89HDF",)),
    Format("a PDF file", None, (b"%PDF",)),
    Format("a Stata file", None, (b"<stata_dta>",)),
    Format("an R workspace", None, (b"RDX2\n", b"RDX3\n")),
    Format("a page of HTML", None, pattern=rb"(?i)\s*<(!doctype html|html)", remedy=WORKBOOK),
    Format(
        "JSON lines", parse_json_lines, pattern=rb"\s*\{[^\n]*\}\s*(\r?\n|$)", suffixes=(".jsonl", ".ndjson")
    ),
    Format(
        "JSON", None, pattern=rb"\s*(\{\s*(\"|\})|\[\s*[\[{])", suffixes=(".json",),
        remedy="write one object a line (JSON lines), or save the table as CSV",
    ),
    Format(
        "svmlight", parse_svmlight,
        pattern=rb"(\s*#[^\n]*\n)*[-+.\deE]+( +(qid|\d+):[-+.\deE]+)+ *(#[^\n]*)?(\r?\n|$)",
        suffixes=(".svm", ".svmlight", ".libsvm"),
    ),
)  # fmt: skip
"""Asked in this order; what fits none is delimited text."""

BINARY = tuple(magic for row in FORMATS for magic in row.magic)


def parse(content: bytes, source: str, reading: Reading) -> Table:
    """Read a table of any format.

    Raises
    ------
    DataError
        If the format is not read, or the content is not what it says.
    """
    members = _members(content)
    suffix = PurePath(source).suffix.lower()
    if not content.startswith(BINARY):
        content = utf8(content, source, reading.encoding)
    found = next((row for row in FORMATS if row.fits(content, members, suffix)), None)
    if found is None:
        return parse_delimited(content, source, reading)
    if found.parse is None:
        raise DataError(f"{source} is {found.name}; {found.remedy}.")
    table = found.parse(content, source, reading)
    for name in reading.kinds:
        table[name]
    asked = reading.asked
    columns = tuple(as_asked(each, asked[each.name], table) if each.name in asked else each for each in table)
    return replace(table, columns=columns)


def _members(content: bytes) -> list[str]:
    if not content.startswith(ZIP):
        return []
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, OSError):
        return []
