"""The colours of a sheet of equations."""

from __future__ import annotations

from pygments.lexer import RegexLexer, bygroups, words
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, Text

from chainrule.equations.language.functions import ALIASES, FUNCTIONS


class SheetLexer(RegexLexer):
    """Sheets: roles, types, functions, derivatives, numbers, remarks."""

    name = "chainrule"
    aliases = ("sheet",)
    filenames = ("*.eqs",)
    tokens = {
        "root": [
            (r"#.*?$", Comment.Single),
            (r"^(\s*)(data|parameters|constants)\b", bygroups(Text, Keyword.Declaration)),
            (r"^(\s*)(layout)(\s+)(\w+)", bygroups(Text, Keyword.Declaration, Text, Name.Constant)),
            (r"(:)(\s*)(R|Class|Sign|Bit|Simplex)\b", bygroups(Punctuation, Text, Keyword.Type)),
            (r"\b(for|in)\b", Keyword),
            (r"\bd(?=\()", Name.Builtin),
            (words((*FUNCTIONS, *ALIASES), prefix=r"\b", suffix=r"(?=\()"), Name.Function),
            (r"\d+(\.\d*)?(e[+-]?\d+)?", Number),
            (r"==|<=|>=|!=|\*\*|[-+*/@=<>⊙∘ᵀ²−]", Operator),
            (r"[\[\](),;:.]", Punctuation),
            (r"\w+", Name),
            (r"\s+", Text),
            (r".", Text),
        ]
    }
