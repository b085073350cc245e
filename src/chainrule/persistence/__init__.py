"""Trained models on disk: one safetensors file each."""

from chainrule.persistence.architecture import network_from_dict, network_to_dict
from chainrule.persistence.files import load, save
from chainrule.persistence.model import Model, SheetModel

__all__ = ["Model", "SheetModel", "load", "network_from_dict", "network_to_dict", "save"]
