"""A greedy covering array: every feasible pair of levels of any two factors appears in some row."""

import itertools
import random


def pairs_of(row):
    return set(itertools.combinations(sorted(row.items(), key=lambda item: item[0]), 2))


def feasible_pairs(factors, allowed, bound):
    """The pairs that some row has; only the two factors of ``bound`` restrict each other."""
    pairs = set()
    for a, b in itertools.combinations(factors, 2):
        for first, second in itertools.product(factors[a], factors[b]):
            row = {a: first, b: second}
            if {a, b} != set(bound) or allowed(row):
                pairs |= pairs_of(row)
    return pairs


def feasible_rows(factors, allowed):
    names = list(factors)
    for levels in itertools.product(*factors.values()):
        row = dict(zip(names, levels, strict=True))
        if allowed(row):
            yield row


def covering_rows(factors, allowed, feasible_pairs, seed=0, candidates=25):
    """Rows that cover the pairs; each is the best of a few random completions of an uncovered pair."""
    rng = random.Random(seed)
    uncovered, rows = set(feasible_pairs), []
    while uncovered:
        first, second = min(uncovered, key=repr)
        tries = []
        while len(tries) < candidates:
            row = {name: rng.choice(levels) for name, levels in factors.items()} | dict([first, second])
            if allowed(row):
                tries.append(row)
        best = max(tries, key=lambda row: len(pairs_of(row) & uncovered))
        rows.append(best)
        uncovered -= pairs_of(best)
    return rows
