"""Datasets whose samples are put together of several pieces, lie elsewhere, or are missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from support.images import jpeg, picture, png
from support.lake import encoded, link, new_lake

__all__ = ["linked", "sequences", "sparse", "tiled"]

# Of some thousand bytes, so that small samples are cut.
_SMALL: dict[str, Any] = {"tiling_threshold": 1_000, "max_chunk_size": 2_000}


def tiled(path: Path) -> None:
    """Samples in tiles among whole ones, of all kinds of tensors, with changes in a later commit."""
    import deeplake

    whole, wide, tall = picture(9, 8), picture(40, 90, seed=1), picture(77, 31, seed=2)
    floats = np.arange(40 * 31 * 3, dtype="f4").reshape(40, 31, 3)
    with new_lake(path) as lake:
        for name, kind in {
            "jpeg": {"htype": "image", "sample_compression": "jpeg"},
            "png": {"htype": "image", "sample_compression": "png"},
            "raw": {"htype": "image", "sample_compression": None},
            "lz4": {"htype": "image", "sample_compression": "lz4"},
            "lz4_chunk": {"htype": "image", "chunk_compression": "lz4"},
        }.items():
            lake.create_tensor(name, **kind, **_SMALL)
            lake[name].extend([whole, wide, whole, whole, tall, wide])
        lake.jpeg.append(encoded(jpeg(picture(60, 60, seed=5)), "jpeg"))
        lake.create_tensor("gray", htype="image.gray", sample_compression="png", **_SMALL)
        lake.gray.extend([picture(70, 50, 0, seed=3), picture(5, 6, 0)])
        lake.create_tensor("mask", htype="segment_mask", sample_compression="lz4", dtype="uint8", **_SMALL)
        lake.mask.extend([picture(60, 70, 0, seed=4), picture(5, 6, 0)])
        for name, kind in {"floats": {}, "floats_lz4": {"chunk_compression": "lz4"}}.items():
            lake.create_tensor(name, dtype="float32", **kind, **_SMALL)
            lake[name].extend([floats[:2], floats, floats[:, :30] + 1, floats[:1]])
        lake.create_tensor("equal", dtype="uint8", **_SMALL)
        lake.equal.extend([picture(60, 60, 0, seed=n) for n in range(3)])
        lake.equal[1][20:40, 3:50] = np.zeros((20, 47), "u1")
        lake.create_tensor("filled_later", htype="image", sample_compression="png", **_SMALL)
        lake.filled_later.append(deeplake.tiled(sample_shape=(70, 90, 3), tile_shape=(40, 40, 3), dtype="uint8"))
        lake.filled_later[0][35:50, 10:60, :] = picture(15, 50)
        lake.filled_later.append(whole)
        lake.commit("written")
        lake.png[0] = wide
        lake.raw.pop(1)
        lake.floats[0] = floats[::-1]


def sequences(path: Path) -> None:
    """Sequences of everything: ragged, empty, of equal and of different items, changed in a later commit."""
    boxes = [np.full((number, 4), number, "f4") for number in range(4)]
    with new_lake(path) as lake:
        for name, kind, samples in (
            ("labels", {"htype": "class_label"}, [[1, 2], [], [3, 4, 5], [6, 7]]),
            ("numbers", {"htype": "generic", "dtype": "int16", "max_chunk_size": 64}, [[[1, 2]] * 9, [[3, 4]] * 9]),
            ("boxes", {"htype": "bbox", "max_chunk_size": 200}, [boxes, [], boxes[:1] * 2, boxes[2:3] * 3]),
            ("boxes_lz4", {"htype": "bbox", "chunk_compression": "lz4"}, [boxes[1:2] * 2, boxes[2:], boxes[:2]]),
            ("text", {"htype": "text"}, [["a", "bcd"], [], ["x"]]),
            ("json", {"htype": "json"}, [[{"a": 1}], [], [{"a": [2]}, {}]]),
            ("list", {"htype": "list"}, [[[1, 2], [3]], [[1, "x"], [2, None]], []]),
            ("polygons", {"htype": "polygon"}, [[[boxes[3][:, :2]], [boxes[3][:, :2]] * 2], []]),
            ("empty", {"htype": "class_label"}, [[], [], []]),
        ):
            lake.create_tensor(name, **{**kind, "htype": f"sequence[{kind['htype']}]"})
            lake[name].extend(samples)
        for compression in ("jpeg", "png", None):
            name = f"images_{compression}"
            lake.create_tensor(name, htype="sequence[image]", sample_compression=compression, max_chunk_size=9_000)
            for sizes in ([(8, 9)] * 3, [], [(8, 9), (12, 7)], [(20, 30)] * 2, [(8, 9)] * 3):
                lake[name].append([picture(*size, seed=seed) for seed, size in enumerate(sizes)])
        lake.create_tensor("in_tiles", htype="sequence[image]", sample_compression="png", **_SMALL)
        lake.in_tiles.extend([[picture(40, 60)] * 2, [picture(50, 60), picture(4, 5)], [picture(4, 5)]])
        lake.commit("written")
        lake.labels[0] = [8, 9]
        lake.labels.append([1])
        lake.boxes.pop(1)
        lake.images_png.append([picture(5, 5)])


def linked(path: Path) -> None:
    """Links to image files, to none, and to sequences of them."""
    files = path.parent / "files"
    files.mkdir()
    (files / "a.jpg").write_bytes(jpeg(picture(20, 30)))
    (files / "b.png").write_bytes(png(picture(25, 14, 4, seed=1)))
    (files / "c.png").write_bytes(png(picture(6, 7, 0, seed=2)))
    with new_lake(path) as lake:
        lake.create_tensor("images", htype="link[image]", sample_compression="jpeg")
        lake.images.extend([link(str(files / name)) for name in ("a.jpg", "b.png", "c.png", "a.jpg")])
        lake.images.append(None)
        lake.create_tensor("unverified", htype="link[image]", sample_compression="png", verify=False)
        lake.unverified.extend([link(str(files / "b.png"))] * 3)
        lake.create_tensor("masks", htype="link[segment_mask]", sample_compression="png")
        lake.masks.append(link(str(files / "c.png")))
        lake.create_tensor("sequences", htype="sequence[link[image]]", sample_compression="jpeg")
        lake.sequences.extend([[link(str(files / "a.jpg"))] * 2, [], [link(str(files / "b.png"))]])
        lake.create_tensor("beside", dtype="int32")
        lake.beside.extend(np.arange(5, dtype="i4"))
        lake.commit("written")
        lake.images[1] = link(str(files / "c.png"))
        lake.images.pop(0)


def sparse(path: Path) -> None:
    """Tensors assigned to beyond their ends, of different lengths, in groups, without their hidden helpers."""
    with new_lake(path) as lake:
        lake.create_tensor("numbers", dtype="int32")
        lake.numbers.append([1, 2])
        lake.numbers[4] = [3, 4]
        lake.create_tensor("late/boxes", htype="bbox", chunk_compression="lz4")
        lake["late/boxes"][3] = np.ones((2, 4), "f4")
        lake.create_tensor("late/deep/images", htype="image", sample_compression="jpeg")
        lake["late/deep/images"][2] = picture(9, 12)
        lake["late/deep/images"][9] = picture(14, 12)
        lake.create_tensor("notes", htype="text")
        lake.notes[3] = "written"
        lake.create_tensor("labels", htype="sequence[class_label]")
        lake.labels.append([1, 2])
        lake.create_tensor("never")
        lake.create_tensor("never_labelled", htype="class_label")
        lake.create_tensor(
            "alone",
            htype="image",
            sample_compression="png",
            create_shape_tensor=False,
            create_id_tensor=False,
            create_sample_info_tensor=False,
        )
        lake.alone.extend([picture(5, 6), picture(7, 6)])
        lake.create_tensor("kept_hidden", dtype="uint8", hidden=True)
        lake.kept_hidden.extend(np.arange(3, dtype="u1"))
        lake.commit("written")
        lake.numbers[2] = [5]
        lake.numbers[8] = [6, 7, 8]
        lake.notes.pop(0)
