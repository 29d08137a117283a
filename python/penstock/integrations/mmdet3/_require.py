"""Whether MMDetection 3 is there."""

from __future__ import annotations

from importlib import metadata

from penstock.errors import UnsupportedError
from penstock.extras import import_extra

__all__ = ["require_mmdet3"]

_PURPOSE = "the integration of MMDetection 3"
_INSTALL = "Install it with: pip install 'penstock[mmdet3]'"


def require_mmdet3() -> None:
    """Imports what the integration stands on.

    Raises:
        MissingExtraError: mmdet, mmengine, mmcv or pycocotools is not installed, or is installed and cannot be loaded.
        UnsupportedError: It is MMDetection 2, or its mmcv is of a version that it refuses.
    """
    version = _version_of("mmdet", "onedl-mmdetection")
    if version is not None and not version.startswith("3."):
        raise UnsupportedError(
            f"MMDetection {version} is installed, and this integration is for version 3",
            hint="Import penstock.integrations.mmdet" if version.startswith("2.") else _INSTALL,
        )
    import_extra("mmengine", _PURPOSE, "mmdet3")
    # mmcv 1 has no such module, and mmcv-lite, without compiled operators, not the next.
    import_extra("mmcv.transforms", _PURPOSE, "mmdet3")
    import_extra("mmcv.ops", _PURPOSE, "mmdet3")
    import_extra("pycocotools", _PURPOSE, "mmdet3")
    try:
        import_extra("mmdet", _PURPOSE, "mmdet3")
    except AssertionError as error:
        # So it says that mmcv or mmengine is too old or too new for it.
        raise UnsupportedError(f"MMDetection refuses what is installed beside it: {error}", hint=_INSTALL) from error


def _version_of(*names: str) -> str | None:
    for name in names:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None
