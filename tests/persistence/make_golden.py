"""Write the golden files of the present format version; run once for a version, then never again for it."""

from pathlib import Path

import numpy as np

from chainrule.data import Preprocessor, Table
from chainrule.data.delimited import parse_delimited
from chainrule.data.reading import Reading
from chainrule.network import Network
from chainrule.network.penalties import ElasticNet
from chainrule.parameters import Parameters
from chainrule.persistence import Model, SheetModel, save

FOLDER = Path(__file__).parent / "golden"

TABLE = Table.of(
    {
        "age": [20.0, np.nan, 50.0, 80.0],
        "smokes": [True, False, False, True],
        "town": np.array(["Ulm", "Bonn", None, "Ulm"], object),
        "ill": np.array(["no", "yes", "yes", "no"]),
    }
)

SALES = b"""price;share;when;start;cost
1.250,50 EUR;5 %;3.4.2020;2020-01-31 12:30;10.5
"7,25";7 %;14.4.2021;2020-03-01 06:00;11.5
1.000;12,5 %;;2021-02-03 00:00;12.25
"""

SHEET = """
data        x: R[p];  t: R
parameters  W: R[M, p];  b: R[M];  v: R[M]
f = v.T @ tanh(W @ x + b)
L = (f - t)**2 / 2
"""


def network_model():
    """A network with everything a file can hold."""
    preprocessor = Preprocessor.fit(TABLE, "ill", missing="median", unseen="other")
    net = Network([5, 3, 2], "elu(0.5)", "softmax", "cross_entropy", ElasticNet(0.01, ratio=0.25))
    theta = Parameters(net.parameters, np.arange(net.parameters.size) / 16 - 0.75)
    record = {"epochs": 3, "history": {"loss": [1.0, 0.5, 0.25]}, "stopped": "after 3 epochs"}
    return Model(net, theta, preprocessor, record, {"ok": True, "blocks": []})


def kinds_model():
    """A network whose inputs are numbers and dates as people write them."""
    table = parse_delimited(SALES, "sales.csv", Reading())
    preprocessor = Preprocessor.fit(table, "cost", missing="median", standardize_target=True)
    net = Network([len(preprocessor.outputs), 1])
    theta = Parameters(net.parameters, np.arange(net.parameters.size) / 16 - 0.75)
    return Model(net, theta, preprocessor)


def sheet_model():
    """A sheet with its sizes and columns, in single precision."""
    arrays = {"W": np.arange(6.0).reshape(2, 3) / 4, "b": np.array([0.5, -1.0]), "v": np.array([2.0, 0.125])}
    bindings = {"x": ("pixel*",), "t": ("label",)}
    definition = SheetModel(SHEET, "L", {"M": 2, "p": 3}, bindings, "sum")
    return Model(definition, Parameters.from_arrays(arrays, np.float32))


if __name__ == "__main__":
    made = {"network": network_model(), "equations": sheet_model(), "kinds": kinds_model()}
    for name, model in made.items():
        path = FOLDER / f"{name}-v1.safetensors"
        if not path.exists():
            save(path, model)
