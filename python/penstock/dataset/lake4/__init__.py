"""Deep Lake 4 datasets, read through the ``deeplake`` 4 package (the ``deeplake4`` extra), which is imported when one
is opened.
"""

from penstock.dataset.lake4.dataset import Lake4Dataset
from penstock.dataset.lake4.forking import prepare_for_fork
from penstock.dataset.lake4.opening import is_deeplake4_object, open_directory, open_object, what_to_pass
from penstock.dataset.lake4.tensor import Lake4Tensor

__all__ = [
    "Lake4Dataset",
    "Lake4Tensor",
    "is_deeplake4_object",
    "open_directory",
    "open_object",
    "prepare_for_fork",
    "what_to_pass",
]
