from . import optimizers as optimizers
from .errors import ChainruleError as ChainruleError
from .optimize import minimize as minimize
from .parameters import Parameters as Parameters
