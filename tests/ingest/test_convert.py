"""Folders of several formats: refused, or converted, and how."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.errors import DatasetFormatError
from penstock.ingest import ingest_coco, ingest_folder
from support.image_folders import coco_file, image_file, write_file
from support.images import jpeg, picture, png, webp

pillow = pytest.importorskip("PIL.Image")


def folder_of(root: Path, **files: bytes) -> Path:
    for name, data in files.items():
        stem, _, suffix = name.rpartition("_")
        write_file(root / "class" / f"{stem}.{suffix}", data)
    return root


def stored(out: Path, index: int = 0) -> Any:
    return penstock.open(out)["images"][index]


def test_without_convert_a_mixture_is_refused(tmp_path: Path) -> None:
    files = coco_file(tmp_path, ["jpeg", "png", "png"])
    with pytest.raises(DatasetFormatError, match=r"--convert png: without loss.*1 are jpeg, 2 png"):
        ingest_coco(*files, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_to_png_nothing_is_lost(tmp_path: Path) -> None:
    files = coco_file(tmp_path, ["jpeg", "png", "jpeg"])
    summary = ingest_coco(*files, tmp_path / "out", convert="png")
    assert (summary["converted"], summary["compression"], summary["images"]) == (2, "png", 3)
    dataset = penstock.open(tmp_path / "out")
    assert dataset["images"].bytes(1) == (files[1] / "2.png").read_bytes()
    ingest_folder(folder_of(tmp_path / "set", one_jpeg=image_file(0), three_jpeg=image_file(2)), tmp_path / "jpegs")
    for index, place in ((0, 0), (2, 1)):
        # The same decoder reads the JPEG as it was.
        np.testing.assert_array_equal(dataset["images"][index], stored(tmp_path / "jpegs", place))
    assert [dataset["boxes"][index].tolist() for index in range(3)] == [
        [[1, 2, 11, 9]],
        [[1, 2, 12, 9]],
        [[1, 2, 13, 9]],
    ]


def test_to_jpeg_at_a_quality(tmp_path: Path) -> None:
    array = picture(40, 60, 3)
    root = folder_of(tmp_path / "set", a_jpeg=jpeg(array), b_png=png(array))
    sizes = {}
    for quality in (95, 30):
        out = tmp_path / str(quality)
        assert ingest_folder(root, out, convert="jpeg", quality=quality)["converted"] == 1
        dataset = penstock.open(out)
        assert dataset["images"].bytes(0) == jpeg(array)
        sizes[quality] = len(dataset["images"].bytes(1))
        with pillow.open(io.BytesIO(dataset["images"].bytes(1))) as opened:
            assert (opened.format, opened.size, [part[1:3] for part in opened.layer]) == (
                "JPEG",
                (60, 40),
                [(1, 1)] * 3,
            )
    assert sizes[30] < sizes[95]
    assert np.abs(stored(tmp_path / "95", 1).astype(int) - array).mean() < 4


def test_other_formats_are_converted_too(tmp_path: Path) -> None:
    array = picture(40, 60, 3)
    files = {"a_png": png(array), "b_webp": webp(array, lossless=True)}
    for kind in ("bmp", "tiff"):
        stream = io.BytesIO()
        pillow.fromarray(array).save(stream, kind)
        files[f"{kind}_{kind}"] = stream.getvalue()
    root = folder_of(tmp_path / "set", **files)
    with pytest.raises(DatasetFormatError, match=r"neither a JPEG nor a PNG file.*--convert"):
        ingest_folder(root, tmp_path / "out")
    assert ingest_folder(root, tmp_path / "out", convert="png")["converted"] == 3
    for index in range(4):
        np.testing.assert_array_equal(stored(tmp_path / "out", index), array)


@pytest.mark.parametrize(("mode", "kept"), [("L", "L"), ("LA", "L"), ("P", "RGB"), ("RGBA", "RGB"), ("1", "L")])
def test_modes_of_png_in_jpeg(mode: str, kept: str, tmp_path: Path) -> None:
    data = png(picture(40, 60, 3), mode)
    root = folder_of(tmp_path / "set", a_png=data)
    ingest_folder(root, tmp_path / "out", convert="jpeg")
    with (
        pillow.open(io.BytesIO(penstock.open(tmp_path / "out")["images"].bytes(0))) as opened,
        pillow.open(io.BytesIO(data)) as before,
    ):
        assert opened.mode == kept
        wanted = np.asarray(before.convert("RGBA" if "A" in mode else kept).convert(kept)).astype(int)
        assert np.abs(np.asarray(opened).astype(int) - wanted).mean() < 12


def test_more_than_eight_bits_are_not_cut_off(tmp_path: Path) -> None:
    deep = io.BytesIO()
    pillow.fromarray(np.arange(40 * 60, dtype=np.uint16).reshape(40, 60)).save(deep, "PNG")
    root = folder_of(tmp_path / "set", a_png=deep.getvalue(), b_jpeg=image_file(0))
    with pytest.raises(DatasetFormatError, match=r"a\.png' has more than 8 bits a channel, which jpeg does not keep"):
        ingest_folder(root, tmp_path / "out", convert="jpeg")
    summary = ingest_folder(root, tmp_path / "out", convert="jpeg", skip_bad=True)
    assert (summary["images"], summary["odd"][0]["file"]) == (1, str(root / "class" / "a.png"))


def test_several_pictures_in_a_file_are_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    frames = [pillow.fromarray(picture(40, 60, 3, seed)) for seed in range(3)]
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    root = folder_of(tmp_path / "set", a_gif=stream.getvalue())
    with pytest.raises(DatasetFormatError, match=r"a\.gif' holds 3 pictures, not one"):
        ingest_folder(root, tmp_path / "out", convert="png")


@pytest.mark.parametrize(("kind", "to"), [("jpeg", "png"), ("png", "jpeg"), ("webp", "png")])
@pytest.mark.parametrize("exif", ["apply", "keep"])
def test_an_orientation_is_applied_on_the_way(kind: str, to: Any, exif: Any, tmp_path: Path) -> None:
    notes = pillow.Exif()
    notes[0x0112] = 6
    array = picture(40, 64, 3)
    write = {"jpeg": jpeg, "png": png, "webp": webp}[kind]
    turned = write(array, exif=notes.tobytes())
    root = folder_of(tmp_path / "set", **{f"a_{kind}": turned, f"b_{to}": png(array) if to == "png" else jpeg(array)})
    summary = ingest_folder(root, tmp_path / "out", convert=to, exif=exif)
    with pillow.open(io.BytesIO(turned)) as opened:
        upright = np.asarray(opened.convert("RGB"))
    upright = np.rot90(upright, -1) if exif == "apply" else upright
    if to == "png":
        np.testing.assert_array_equal(stored(tmp_path / "out"), upright)
    else:
        assert stored(tmp_path / "out").shape == upright.shape
        assert np.abs(stored(tmp_path / "out").astype(int) - upright).mean() < 4
    assert summary["turned_lossless"] == (1 if exif == "apply" else 0)
    assert b"Exif" not in penstock.open(tmp_path / "out")["images"].bytes(0)


def test_wrong_options(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "set", a_jpeg=image_file(0))
    for options in ({"convert": "gif"}, {"quality": 0}, {"exif": "ask"}, {"limit": 0}, {"checkpoint_bytes": 0}):
        with pytest.raises(ValueError, match=next(iter(options))):
            ingest_folder(root, tmp_path / "out", **options)  # type: ignore[arg-type]
