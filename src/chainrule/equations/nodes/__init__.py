"""Index notation: interned nodes, what holds of them by construction, and rewriting by measure."""

from chainrule.equations.nodes import elementwise_rows, operation_rows

__all__ = ["elementwise_rows", "operation_rows"]
