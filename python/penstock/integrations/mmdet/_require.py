"""Whether MMDetection 2 is there."""

from __future__ import annotations

from penstock.errors import MissingExtraError, UnsupportedError

__all__ = ["require_mmdet"]


def require_mmdet() -> None:
    """Imports what the integration stands on.

    Raises:
        MissingExtraError: mmdet, mmcv-full or pycocotools is missing or cannot be imported.
        UnsupportedError: It is MMDetection 3.
    """
    try:
        import mmcv.ops  # noqa: F401  mmcv without its compiled operators has no such module
        import mmdet
        import pycocotools  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            f"MMDetection 2 cannot be imported: {error}",
            hint="Install it with: pip install 'penstock[mmdet]'",
        ) from error
    if not mmdet.__version__.startswith("2."):
        raise UnsupportedError(
            f"MMDetection {mmdet.__version__} is not supported yet",
            hint="Install it with: pip install 'mmdet<3'",
        )
