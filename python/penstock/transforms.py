"""The steps of detection pipelines by the name that scripts know; they are :mod:`penstock.detection.steps`."""

from __future__ import annotations

from penstock.detection import steps

__all__ = ["steps"]
