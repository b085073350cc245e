"""What `diagnose` makes of planted mistakes: expected word by word found, and how long it takes.

    python -m benchmarks.confusion                       20 networks for each head, every door
    python -m benchmarks.confusion --networks 5          fewer
    python -m benchmarks.confusion --door sheet --wrong  one door, with a line for each that is not named

A row of a matrix is what was planted, a column what was said; a mistake is named if the word is the verdict's
own or one of its equivalents (then it counts in its own column). The doors: the loss as a ``callable`` that
is recorded, a loss that is not, with the ``network`` or the ``sheet`` as its model, and one that is
``opaque``. ``pairs`` are two mistakes at once, ``nothing`` is what is no mistake of the vocabulary.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from benchmarks.planted import HEADS, Mistake, Planted, differs, mistakes, planted, unknown
from chainrule import Equations, check_gradient, diagnose
from chainrule.catalogue import network_equations
from chainrule.diagnosis import Diagnosis
from chainrule.diagnosis.diagnosed import KINDS

DOORS = ("callable", "network", "sheet", "opaque")
RATIOS = ("batch", "bias", "sign", "constant", "penalty")


@dataclass
class Confusion:
    """Counts of (expected, found), seconds of processor time, and a line for each that is not named."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def add(self, words: Iterable[str], found: Diagnosis, seconds: float, what: str) -> None:
        expected, *others = words
        said = {found.mistake, *found.equivalents}
        is_named = bool(said & {expected, *others})
        self.counts[expected, expected if is_named else found.mistake] += 1
        self.seconds.append(seconds)
        if not is_named:
            self.lines.append(f"{what}: {str(found)[:160]}")

    def total(self, words: Iterable[str] = ()) -> int:
        kept = set(words)
        return sum(count for (word, _), count in self.counts.items() if not kept or word in kept)

    def named(self, words: Iterable[str] = ()) -> int:
        kept = set(words)
        return sum(
            c for (word, said), c in self.counts.items() if word == said and (not kept or word in kept)
        )

    @property
    def misnamed(self) -> int:
        """Another class than what was planted, `unknown` apart."""
        return sum(c for (word, said), c in self.counts.items() if said not in (word, "unknown"))

    def __str__(self) -> str:
        rows = [word for word in (*KINDS, "pair", "unknown") if any(word == w for w, _ in self.counts)]
        columns = [word for word in (*rows, "unknown") if any(word == said for _, said in self.counts)]
        columns += sorted({said for _, said in self.counts} - {*columns})
        columns = list(dict.fromkeys(columns))
        head = f"{'':12}" + "".join(f"{word[:9]:>10}" for word in columns)
        body = [
            f"{row:12}" + "".join(f"{self.counts[row, column] or '.':>10}" for column in columns)
            for row in rows
        ]
        total = max(1, self.total())
        share = (
            f"named {self.named()} of {self.total()} ({self.named() / total:.2%}), "
            f"another class {self.misnamed} ({self.misnamed / total:.2%}); "
            f"CPU seconds: mean {np.mean(self.seconds or [0]):.3f}, most {max(self.seconds, default=0):.2f}"
        )
        return "\n".join([head, *body, share])


def opaque(loss):
    """As compiled code: it takes plain arrays alone."""
    return lambda q: loss({name: np.array(value.tolist()) for name, value in q.items()})


def diagnosed(net: Planted, rules, door: str = "callable") -> tuple[Diagnosis, float]:
    """The verdict on a network's gradient with rules planted, and the processor's seconds."""
    hidden = net.loss if door == "callable" else opaque(net.loss)
    report = check_gradient(hidden, lambda q: net.gradient(q, rules), net.at, examples=net.n)
    model = None
    if door == "network":
        model = net.network.objective(net.X, net.targets)
    elif door == "sheet":
        model = sheet(net).objective("C", {"X": net.X, "Y": net.targets})
    start = time.process_time()
    found = diagnose(report, model)
    return found, time.process_time() - start


def sheet(net: Planted) -> Equations:
    """The network's equations, over all examples."""
    return network_equations(net.network, "batch")


def singles(networks: int, door: str = "callable", first: int = 0) -> Confusion:
    """Every mistake on so many networks."""
    found = Confusion()
    for seed in range(first, first + networks):
        for net, mistake in planted(Planted(seed), Planted(seed, equal=True)):
            with np.errstate(all="ignore"):
                said, seconds = diagnosed(net, mistake.rules, door)
            found.add(mistake.words, said, seconds, f"{seed} {net}, {mistake.name} [{mistake.words[0]}]")
    return found


def nothing(networks: int, door: str = "callable", first: int = 0) -> Confusion:
    """What has no name, and right gradients."""
    found = Confusion()
    for seed in range(first, first + networks):
        net = Planted(seed)
        assert diagnosed(net, {}, door)[0].mistake == "none"
        for name, rules in unknown(net, seed):
            if differs(net, Mistake(name, (), rules)):
                found.add(("unknown",), *diagnosed(net, rules, door), f"{seed} {net}, {name}")
    return found


def pairs(networks: int, each: int = 12, first: int = 0) -> Confusion:
    """Two mistakes at once, drawn among those of a network; named if both words are said."""
    found = Confusion()
    for seed in range(first, first + networks):
        net, rng = Planted(seed), np.random.default_rng(seed)
        tried = [mistake for mistake in mistakes(net) if differs(net, mistake)]
        for one, other in _drawn(tried, each, rng):
            rules = {**one.rules, **other.rules}
            if not _both_show(net, one, other, rules):
                continue
            said, seconds = diagnosed(net, rules)
            words = _words(said)
            is_named = bool(words & {*one.words}) and bool(words & {*other.words})
            found.counts[
                "pair", "pair" if is_named else "unknown" if said.mistake == "unknown" else "other"
            ] += 1
            found.seconds.append(seconds)
            if not is_named:
                found.lines.append(f"{seed} {net}, {one.name} and {other.name}: {str(said)[:240]}")
    return found


def _drawn(tried: list[Mistake], each: int, rng: np.random.Generator) -> Iterator[tuple[Mistake, Mistake]]:
    for _ in range(each):
        i, j = rng.choice(len(tried), 2, replace=False)
        if not set(tried[i].rules) & set(tried[j].rules):
            yield tried[i], tried[j]


def _both_show(net: Planted, one: Mistake, other: Mistake, rules) -> bool:
    """Whether neither hides the other."""
    grads = [net.gradient(net.at, each) for each in (rules, one.rules, other.rules)]
    return all(
        any(not np.allclose(grads[0][name], alone[name], rtol=1e-6, atol=1e-9) for name in alone)
        for alone in grads[1:]
    )


def _words(said: Diagnosis | None) -> set[str]:
    return {said.mistake, *said.equivalents} | _words(said.second) if said else set()


def main(arguments: list[str] | None = None) -> None:
    """Print the matrices."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.confusion",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--networks", type=int, default=20 * len(HEADS))
    parser.add_argument("--first", type=int, default=0, help="seed of the first network")
    parser.add_argument("--door", choices=(*DOORS, "pairs", "nothing"), action="append")
    parser.add_argument("--wrong", action="store_true", help="a line for each that is not named")
    options = parser.parse_args(arguments)
    for door in options.door or (*DOORS, "pairs", "nothing"):
        start = time.process_time()
        if door in ("pairs", "nothing"):
            found = (pairs if door == "pairs" else nothing)(options.networks, first=options.first)
        else:
            found = singles(options.networks, door, options.first)
        print(f"\n{door}, {options.networks} networks, {time.process_time() - start:.0f} s\n{found}")
        if door == "opaque":
            print(f"of {', '.join(RATIOS)}: {found.named(RATIOS)} of {found.total(RATIOS)}")
        if options.wrong:
            print("\n".join(found.lines))


if __name__ == "__main__":
    main()
