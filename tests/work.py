"""Work, counted: the same on every machine, and on a busy one."""

import cProfile
import pstats


def calls(function, *arguments):
    """How many functions are called, those of C too."""
    counter = cProfile.Profile()
    counter.enable()
    try:
        function(*arguments)
    finally:
        counter.disable()
    return pstats.Stats(counter).total_calls
