from . import optimizers as optimizers
from .checking import check_gradient as check_gradient
from .checking import check_jacobian as check_jacobian
from .errors import ChainruleError as ChainruleError
from .network import Network as Network
from .optimize import minimize as minimize
from .parameters import Parameters as Parameters
from .training import fit as fit
