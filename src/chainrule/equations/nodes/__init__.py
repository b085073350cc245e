"""Index notation: interned nodes, what holds of them by construction, and rewriting by measure."""
