"""Image files of one format made of another one's, with Pillow."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from penstock.errors import DatasetFormatError, PenstockError
from penstock.extras import import_extra
from penstock.ingest.orientation import orientation_of
from penstock.ingest.turning import transposed

__all__ = ["converted"]

#: Modes of Pillow's that a format keeps; others become RGB.
_KEPT = {"jpeg": ("L", "RGB"), "png": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")}
_GRAY = ("1", "L", "LA", "La")
_DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
_HINT = "Convert the file yourself, or leave out all files that are bad (--skip-bad, skip_bad=True)"


def converted(data: bytes, kind: str, to: str, quality: int, file: Path, *, upright: bool) -> tuple[bytes, bool]:
    """An image file in another format, and whether it was turned.

    To PNG: the pixels are those that the file decodes to, without loss; a JPEG becomes several times as large. To
    JPEG: encoded at ``quality``, chroma at full resolution; transparency is dropped, as OpenCV drops it. Gray stays
    gray, palettes become RGB in JPEG, CMYK becomes RGB. Colour profiles stay; other notes (EXIF) do not.

    Args:
        data: The file.
        kind: Its format, as :func:`penstock.ingest.image_files.format_of` names it.
        to: "jpeg" or "png".
        quality: Of JPEG files, 1 to 100.
        file: Its name, for errors.
        upright: Turn it as its EXIF orientation says, where it has one; that loses nothing.

    Raises:
        DatasetFormatError: A file that cannot be decoded, holds several pictures, or has more than eight bits a channel
            where the other format keeps no more.
        MissingExtraError: Pillow is not installed.
    """
    pillow = import_extra("PIL.Image", "converting images", "ingest")
    stream = io.BytesIO()
    try:
        with pillow.open(io.BytesIO(data), formats=(kind.upper(),)) as picture:
            if kind != "jpeg" and getattr(picture, "n_frames", 1) > 1:
                raise DatasetFormatError(f"'{file}' holds {picture.n_frames} pictures, not one", hint=_HINT)
            deep = picture.mode in _DEEP and picture.mode not in _KEPT[to]
            if deep or (to, _png_bits(data, kind)) == ("jpeg", 16):
                raise DatasetFormatError(
                    f"'{file}' has more than 8 bits a channel, which {to} does not keep", hint=_HINT
                )
            profile = picture.info.get("icc_profile")
            transparency = picture.info.get("transparency")
            orientation = _orientation(picture, data, kind) if upright else 1
            picture = _in_kept_mode(transposed(picture, orientation), to)
            options: dict[str, Any] = {"icc_profile": profile} if profile else {}
            if to == "jpeg":
                options |= {"quality": quality, "subsampling": 0}
            elif transparency is not None and picture.mode in ("P", "L", "RGB"):
                options["transparency"] = transparency
            # Pillow writes what it has noted of the file, EXIF too.
            picture.info = {}
            picture.save(stream, to.upper(), **options)
    except PenstockError:
        raise
    except Exception as error:
        # Pillow's plugins raise whatever their parsing trips over.
        raise DatasetFormatError(f"the image '{file}' cannot be converted: {error}", hint=_HINT) from error
    return stream.getvalue(), orientation != 1


def _in_kept_mode(picture: Any, to: str) -> Any:
    if picture.mode in _KEPT[to]:
        return picture
    # Pillow would make a fourth channel of a palette's transparency.
    picture.info.pop("transparency", None)
    return picture.convert("L" if picture.mode in _GRAY else "RGB")


def _orientation(picture: Any, data: bytes, kind: str) -> int:
    if kind in ("jpeg", "png"):
        return orientation_of(data, kind)
    value = picture.getexif().get(0x0112, 1)
    return value if value in range(1, 9) else 1


def _png_bits(data: bytes, kind: str) -> int:
    """Of a PNG's channels; Pillow opens those of 16 bits in colour as if they had eight."""
    return data[24] if kind == "png" and len(data) > 24 else 8
