"""Tables in, numbers out: reading, kinds, missing values, encodings, splits and the bundled data sets."""

from chainrule.data.bundled import BUNDLED, bundled
from chainrule.data.column import Column
from chainrule.data.features import (
    BooleanFeature,
    CategoricalFeature,
    DateFeature,
    MissingFeature,
    NumericFeature,
)
from chainrule.data.labels import ClassEncoder, from_one_hot, from_signs, one_hot, to_signs
from chainrule.data.preprocess import Preprocessor
from chainrule.data.read import as_table, read_table
from chainrule.data.reading import MISSING
from chainrule.data.split import fold_rows, split_rows
from chainrule.data.table import Table
from chainrule.data.targets import ClassTarget, NumericTarget, infer_task

__all__ = [
    "BUNDLED",
    "MISSING",
    "BooleanFeature",
    "CategoricalFeature",
    "ClassEncoder",
    "ClassTarget",
    "Column",
    "DateFeature",
    "MissingFeature",
    "NumericFeature",
    "NumericTarget",
    "Preprocessor",
    "Table",
    "as_table",
    "bundled",
    "fold_rows",
    "from_one_hot",
    "from_signs",
    "infer_task",
    "one_hot",
    "read_table",
    "split_rows",
    "to_signs",
]
