"""What a run is trained on, for its log and for Weights & Biases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["dataset_facts", "facts_line"]


def dataset_facts(loader: Any) -> dict[str, Any]:
    """What a loader of a training run reads, and how, in plain values.

    Returns:
        "loader_type" ("c++" or "python"), "samples" (in an epoch or evaluation) and "datasets": of each its "path",
        "commit_id", "view_id" (None where no saved view was named), "fingerprint" (16 hex digits that stand for the
        stored samples), "samples" and "tensors", the names by MMDetection's keys.
    """
    return {
        "loader_type": loader.loader_type,
        "samples": len(loader.dataset),
        "datasets": [
            {
                "path": leaf.source.path,
                "commit_id": leaf.source.commit_id,
                "view_id": leaf.source.view_id,
                "fingerprint": leaf.source.fingerprint(),
                "samples": len(leaf),
                "tensors": {key: name for key, name in vars(leaf.tensors).items() if name and key != "metric_masks"},
            }
            for leaf in loader.leaves
        ],
    }


def facts_line(split: str, facts: Mapping[str, Any]) -> str:
    """The facts of one of a run's loaders as a line for its log."""
    texts = []
    for each in facts["datasets"]:
        view = f", view {each['view_id']}" if each["view_id"] else ""
        tensors = ", ".join(f"{key}={name}" for key, name in each["tensors"].items())
        texts.append(f"{each['path']} (commit {each['commit_id']}{view}, {each['samples']} samples, {tensors})")
    return f"{split} with the {facts['loader_type']} loader: {' and '.join(texts)}"
