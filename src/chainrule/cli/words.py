"""What Python shows of itself, in words."""

from __future__ import annotations

import re

from chainrule.network import Network

_NAMED = re.compile(r"\b([a-z]\w*)=")


def spoken(shown: str) -> str:
    """A description as Python writes it, with words in place of the names of arguments.

    Examples
    --------
    >>> spoken("Adam(learning_rate=0.003, batch_size=32)")
    'Adam(learning rate 0.003, batch size 32)'
    """
    return _NAMED.sub(lambda found: f"{found[1].replace('_', ' ')} ", shown)


def network_in_words(network: Network) -> str:
    """The layers, the loss and the penalty of a network."""
    *lines, loss = repr(network).split("\nloss ")
    return "\n".join([*lines, f"loss {spoken(loss).replace('_', ' ')}"])
