from .errors import ChainruleError as ChainruleError
from .parameters import Parameters as Parameters
