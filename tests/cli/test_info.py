"""penstock info, against what deeplake says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.lake import open_lake

Command = Callable[..., Any]
Lakes = Callable[[str], Path]


@pytest.mark.parametrize("name", ["jpeg_images", "annotations", "numeric", "many_chunks", "committed", "renamed"])
def test_json_agrees_with_deeplake(name: str, lake: Lakes, penstock_command: Command) -> None:
    said = penstock_command("info", lake(name), "--json").json
    with open_lake(lake(name)) as expected:
        assert said["path"] == str(lake(name))
        assert said["branch"] == "main"
        assert said["commit"] == expected.version_state["commit_id"]
        assert said["samples"] == len(expected)
        assert set(said["tensors"]) == set(expected.tensors)
        for key, tensor in expected.tensors.items():
            told = said["tensors"][key]
            assert told["htype"] == (tensor.htype or "generic")
            assert told["dtype"] == str(tensor.dtype)
            assert told["samples"] == len(tensor)
            assert told["sample_compression"] == tensor.meta.sample_compression
            assert told["chunk_compression"] == tensor.meta.chunk_compression
            assert told["min_shape"] == list(tensor.meta.min_shape)
            assert told["max_shape"] == list(tensor.meta.max_shape)
            assert told["chunks"] == tensor.chunk_engine.num_chunks
            assert told["class_names"] == (tensor.info.get("class_names") or None)
            assert told["unsupported"] is None


def test_text_has_a_line_for_each_tensor(lake: Lakes, penstock_command: Command) -> None:
    told = json.loads(penstock_command("info", lake("annotations"), "--json").out)
    lines = penstock_command("info", lake("annotations")).out.splitlines()
    assert lines[0] == str(lake("annotations"))
    assert f"{told['samples']} samples" in lines[1]
    table = {line.split()[0]: line for line in lines[3:]}
    assert next(iter(table)) == "tensor"
    for name, tensor in told["tensors"].items():
        assert tensor["htype"] in table[name].split()
        assert str(tensor["samples"]) in table[name].split()


def test_what_cannot_be_loaded_is_said(lake: Lakes, penstock_command: Command) -> None:
    said = penstock_command("info", lake("unsupported"), "--json").json["tensors"]
    reasons = {name: tensor["unsupported"] for name, tensor in said.items()}
    assert any(reasons.values())
    text = penstock_command("info", lake("unsupported")).out
    for reason in filter(None, reasons.values()):
        assert f"not loadable: {reason}" in text
