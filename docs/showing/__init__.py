"""What the pages show: examples that are run, derivations that are derived, claims that are judged.

`examples`, `panels`, `layouts`, `notebook` and `sheets` know nothing of the program that builds the site, so
that the tests use them too; `directives` hands them to Sphinx.
"""
