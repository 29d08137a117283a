"""Datasets with a history, and one with what is not read yet."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from support.images import jpeg, picture, png
from support.lake import Lake, encoded, link_tiled, new_lake

__all__ = ["branched", "committed", "renamed", "unsupported", "view_samples", "viewed"]


def committed(path: Path) -> None:
    """Three commits, a branch that was merged, and changes since the last commit: chunks in many folders."""
    with new_lake(path) as lake:
        lake.create_tensor("images", htype="image", sample_compression="jpeg", max_chunk_size=8_000)
        lake.create_tensor("labels", htype="class_label", class_names=["a", "b"], max_chunk_size=64)
        lake.create_tensor("boxes", htype="bbox", chunk_compression="lz4", max_chunk_size=400)
        _add(lake, range(0, 10))
        lake.info.update(step=1)
        lake.commit("first")
        _add(lake, range(10, 16))
        lake.commit("second")
        lake.labels[2] = np.array([1, 1, 1], dtype=np.uint32)
        lake.images[4] = encoded(jpeg(picture(50, 20, 3, seed=99)), "jpeg")
        lake.create_tensor("late", dtype="int16")
        lake.late.extend(np.arange(20, dtype="i2").reshape(20, 1))
        lake.commit("third")
        lake.checkout("side", create=True)
        _add(lake, range(16, 18))
        lake.commit("on the side")
        lake.checkout("main")
        lake.merge("side")
        lake.boxes[0] = np.full((4, 4), 7, dtype=np.float32)
        lake.labels.pop(3)
        lake.images.pop(3)
        lake.boxes.pop(3)
        _add(lake, range(18, 20))
        lake.info.update(step=2)


def renamed(path: Path) -> None:
    """A tensor and a group that were renamed: their directories keep the old names."""
    with new_lake(path) as lake:
        lake.create_tensor("old", dtype="int32")
        lake.old.extend(np.arange(6, dtype="i4").reshape(3, 2))
        lake.create_tensor("before/inner", dtype="int32")
        lake["before/inner"].extend(np.arange(3, dtype="i4"))
        lake.create_tensor("gone", dtype="int32")
        lake.gone.append(np.int32(1))
        lake.commit("before the renaming")
        lake.rename_tensor("old", "new")
        lake.rename_group("before", "after")
        lake.delete_tensor("gone")


def branched(path: Path) -> None:
    """Two branches that each created, deleted, renamed and changed tensors of their own, neither committed at the
    end; a tensor that was deleted and made anew, and one that took the name of another.
    """
    with new_lake(path) as lake:
        for name, kind in (("numbers", {"dtype": "int32"}), ("notes", {"htype": "text"})):
            lake.create_tensor(name, max_chunk_size=60, **kind)
        lake.numbers.extend(np.arange(24, dtype="i4").reshape(12, 2))
        lake.notes.extend([f"note {number}" for number in range(12)])
        lake.commit("base")
        lake.checkout("left", create=True)
        lake.rename_tensor("numbers", "values")
        lake.create_tensor("numbers", dtype="float32", chunk_compression="lz4")
        lake.numbers.extend(np.ones((12, 3), "f4"))
        lake.notes[3] = "changed on the left"
        lake.values.pop(0)
        lake.commit("left 1")
        lake.delete_tensor("notes")
        lake.create_tensor("notes", htype="json")
        lake.notes.extend([{"number": number} for number in range(5)])
        lake.commit("left 2")
        lake.notes.pop()
        lake.values[4] = np.array([-1, -2], dtype="i4")
        lake.checkout("main")
        lake.delete_tensor("numbers")
        lake.notes.extend(["one more", ""])
        lake.commit("right 1")
        lake.notes[0] = "changed on the right, and much longer than it was before"
        lake.create_tensor("outlines", htype="polygon")
        lake.outlines.extend([[np.ones((3, 2), "f4")]] * 14)


def _add(lake: Lake, numbers: range) -> None:
    for number in numbers:
        lake.images.append(encoded(jpeg(picture(20 + number, 30, 3, seed=number)), "jpeg"))
        lake.labels.append(np.arange(number % 4, dtype=np.uint32) % 2)
        lake.boxes.append(np.full((number % 4, 4), number, dtype=np.float32))


def unsupported(path: Path) -> None:
    """One tensor of each kind that is refused, and one that is not."""
    with new_lake(path) as lake:
        lake.create_tensor("fine", dtype="int32")
        lake.fine.extend(np.arange(3, dtype="i4"))
        lake.create_tensor("linked_tiles", htype="link[image]", sample_compression="png")
        file = path.parent / "tile.png"
        file.write_bytes(png(picture(8, 8)))
        lake.linked_tiles.append(link_tiled([[str(file), str(file)]]))
        lake.create_tensor("nothing")
        lake.nothing.extend([None, None, None])


def viewed(path: Path) -> None:
    """Saved views of two commits, of all kinds; a group; tensors in many small chunks."""
    with new_lake(path) as lake:
        lake.create_tensor("images", htype="image", sample_compression="jpeg", max_chunk_size=4_000)
        lake.create_tensor("values", dtype="int32", max_chunk_size=100, chunk_compression="lz4")
        lake.create_tensor("numbers", dtype="int64")
        lake.create_tensor("group/notes", htype="text", max_chunk_size=60)
        lake.create_tensor("group/inner/outlines", htype="polygon")
        view_samples(lake, range(20))
        lake.commit("first")
        lake[2:15:3].save_view(id="slice")
        lake[[5, 2, 9, 2]].save_view(id="list")
        lake[3].save_view(id="single")
        lake.filter("numbers > 11").save_view(id="query")
        lake[::-2].save_view(id="backwards", message="every other")
        lake[[5, 2, 9]].save_view(id="materialised", optimize=True, tensors=["images", "group/notes", "values"])
        lake[4].save_view(id="materialised single", optimize=True, tensors=["images", "values"])
        lake[[8, 1]].save_view(id="materialised later")
        lake[:, 0].save_view(id="cut")
        lake.images[2] = encoded(jpeg(picture(9, 9, 3, seed=99)), "jpeg")
        lake.values[5] = np.array([-5, -5, -5], dtype="i4")
        view_samples(lake, range(20, 25))
        lake.commit("second")
        lake[[2, 22, 5]].save_view(id="of the second")
        # Last: it leaves the dataset at the view's commit.
        lake.get_view("materialised later").optimize(tensors=["images", "values"])


def view_samples(lake: Lake, numbers: range) -> None:
    """Appends samples of these numbers to the tensors of :func:`viewed`."""
    for number in numbers:
        lake.images.append(encoded(jpeg(picture(12 + number, 20, 3, seed=number)), "jpeg"))
        lake["values"].append(np.arange(number, number + 1 + number % 3, dtype="i4"))
        lake.numbers.append(number)
        lake["group/notes"].append(f"note {number}")
        lake["group/inner/outlines"].append([np.full((3, 2), number, dtype="f4")] * (number % 3))
