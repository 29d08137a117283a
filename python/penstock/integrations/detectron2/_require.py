"""Whether Detectron2 is there."""

from __future__ import annotations

from penstock.extras import import_extra

__all__ = ["require_detectron2"]

_HINT = (
    "It is in no package index: install it from https://github.com/facebookresearch/detectron2, "
    "with pip's --no-build-isolation, after torch"
)


def require_detectron2() -> None:
    """Imports what the integration stands on.

    Raises:
        MissingExtraError: Detectron2 or pycocotools is not installed, or is installed and cannot be loaded.
    """
    purpose = "the integration of Detectron2"
    # Without its compiled part, Detectron2 imports in parts.
    import_extra("detectron2._C", purpose, "", _HINT)
    import_extra("pycocotools", purpose, "mmdet")
