"""What the pages show: examples that are run, derivations that are derived, claims that are judged.

`directives` hands it all to Sphinx; the other modules know nothing of the program that builds the site, so
that the tests use them too.
"""
