"""Models written once as equations."""

from chainrule.catalogue.sheets import sheet, sheet_names

__all__ = ["sheet", "sheet_names"]
