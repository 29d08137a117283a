"""The model's wrapper. Torch's "meta" device stands for the GPU that a test machine may lack."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from support.require import require

require("mmdet")

from penstock.integrations.mmdet.training.device import OneDevice, moved  # noqa: E402

META = torch.device("meta")


class Model(torch.nn.Module):
    """Gives back what it gets."""

    def train_step(self, data: dict[str, Any], optimizer: Any) -> dict[str, Any]:
        return data

    def forward(self, **data: Any) -> dict[str, Any]:
        return data


def batch() -> dict[str, Any]:
    from mmcv.parallel import DataContainer

    return {
        "img": DataContainer([torch.ones(2, 3)], stack=True),
        "gt_bboxes": DataContainer([[torch.zeros(1, 4), torch.zeros(0, 4)]]),
        "img_metas": DataContainer([[{"flip": True}, {"flip": False}]], cpu_only=True),
    }


def test_batches_are_unwrapped_on_the_cpu() -> None:
    model = OneDevice(Model(), torch.device("cpu"))
    for found in (model.train_step(batch(), None), model(**batch())):
        assert torch.equal(found["img"], torch.ones(2, 3))
        assert [len(boxes) for boxes in found["gt_bboxes"]] == [1, 0]
        assert found["img_metas"] == [{"flip": True}, {"flip": False}]


def test_batches_are_unwrapped_and_moved() -> None:
    model = OneDevice(Model(), torch.device("cpu"))
    model.src_device_obj = META
    _, (found,) = model.scatter((), batch(), [0])
    assert found["img"].device == META
    assert [boxes.device for boxes in found["gt_bboxes"]] == [META, META]
    assert found["img_metas"] == [{"flip": True}, {"flip": False}]


def test_everything_but_tensors_stays_as_it_is() -> None:
    value = {"a": [torch.ones(1)], "b": (1, "x", None)}
    found = moved(value, META)
    assert found["a"][0].device == META
    assert found["b"] == (1, "x", None)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu() -> None:
    device = torch.device("cuda", 0)
    assert OneDevice(Model(), device).train_step(batch(), None)["img"].device == device
