"""Whether MMDetection 2 is there."""

from __future__ import annotations

from penstock.errors import UnsupportedError
from penstock.extras import import_extra

__all__ = ["require_mmdet"]


def require_mmdet() -> None:
    """Imports what the integration stands on.

    Raises:
        MissingExtraError: mmdet, mmcv-full or pycocotools is not installed, or is installed and cannot be loaded.
        UnsupportedError: It is MMDetection 3.
    """
    purpose = "the integration of MMDetection 2"
    # mmcv without its compiled operators has no such module.
    import_extra("mmcv.ops", purpose, "mmdet")
    mmdet = import_extra("mmdet", purpose, "mmdet")
    import_extra("pycocotools", purpose, "mmdet")
    if not mmdet.__version__.startswith("2."):
        raise UnsupportedError(
            f"MMDetection {mmdet.__version__} is installed, and this integration is for version 2",
            hint="Import penstock.integrations.mmdet3",
        )
