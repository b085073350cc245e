"""Penalties: ``Network(sizes, penalty=penalties.Frobenius(1e-4))``."""

from chainrule.network.penalties import L1, L2, PENALTIES, ElasticNet, Frobenius, Penalty

__all__ = ["L1", "L2", "PENALTIES", "ElasticNet", "Frobenius", "Penalty"]
