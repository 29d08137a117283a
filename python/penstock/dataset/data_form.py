"""A sample with what its dataset says of it, as Deep Lake 3's ``Tensor.data()`` gives it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock.dataset.interface import Tensor
from penstock.dataset.names import IMAGE_HTYPES
from penstock.format.values import TEXT

__all__ = ["INFO_HTYPES", "data_form"]

#: The types of which Deep Lake gives with a sample what it noted when the sample was written.
INFO_HTYPES = IMAGE_HTYPES


def data_form(tensor: Tensor, value: Any, sample_info: Any) -> dict[str, Any]:
    """The sample as a dict.

    Args:
        tensor: The tensor it is of; of a sequence, the items' type counts.
        value: The sample, as the tensor gives it.
        sample_info: Of images: what Deep Lake noted of the file (a dict), of a sequence of each; None for nothing.

    Returns:
        ``"value"``: text as a ``str``, JSON as what it stands for (of sequences a list of them), everything else as it
        is: an array, of lists and tags an array of objects. Of labels with class names also ``"text"``: the names,
        nested as the labels are, None for a label without a name. Of images also ``"sample_info"``.
    """
    htype = tensor.base_htype
    if htype in (TEXT, "json"):
        return {"value": _values(value, tensor.is_sequence, htype == TEXT)}
    if htype in INFO_HTYPES:
        return {"value": value, "sample_info": sample_info or {}}
    if htype == "class_label" and (names := tensor.class_names) is not None:
        return {"value": value, "text": _names(value, names)}
    return {"value": value}


def _values(value: Any, is_sequence: bool, is_text: bool) -> Any:
    if is_sequence:
        return [_values(item, False, is_text) for item in value]
    # Only a column of Deep Lake 4 gives text and JSON without an array around them.
    single = value[0] if isinstance(value, np.ndarray) else value
    return str(single) if is_text and single is not None else single


def _names(labels: Any, names: Sequence[str]) -> Any:
    if isinstance(labels, list) or np.ndim(labels):
        return [_names(label, names) for label in labels]
    return names[labels] if labels < len(names) else None
