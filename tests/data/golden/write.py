"""Writes a golden dataset with the installed release of deeplake, and what that release reads of it.

    pip install --no-deps deeplake==3.4.4   # beside what it needs; numpy below 1.24 for the old ones
    python write.py DIRECTORY

makes dataset.tar.xz, expected.json, expected.npz and about.json there. Samples are small; every commit and branch
is written down, and both kinds of saved views. What a release does not know yet is left out.
"""

from __future__ import annotations

import io
import json
import os
import platform
import sys
import tarfile
import tempfile
import warnings
from pathlib import Path
from typing import Any

os.environ["BUGGER_OFF"] = "true"
warnings.filterwarnings("ignore")

import deeplake  # noqa: E402
import numpy as np  # noqa: E402
import PIL  # noqa: E402
from deeplake.core.sample import Sample  # noqa: E402
from deeplake.htype import HTYPE_CONFIGURATIONS  # noqa: E402
from PIL import Image  # noqa: E402

SIZES = [(12, 16), (9, 7), (16, 16), (1, 1)]


def main(target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dataset"
        write(str(path))
        expected = Expected()
        describe(str(path), expected)
        expected.save(target)
        # Older releases leave a lock file.
        for lock in path.rglob("*.lock"):
            lock.unlink()
        pack(path, target / "dataset.tar.xz")
    about = {"deeplake": deeplake.__version__, "python": platform.python_version()}
    about |= {"numpy": np.__version__, "pillow": PIL.__version__}
    (target / "about.json").write_text(json.dumps(about, indent=1) + "\n")


def write(path: str) -> None:
    ds = deeplake.empty(path)
    with ds:
        create(ds)
        fill(ds, range(4))
    ds.commit("first")
    ds[1:4:2].save_view(id="slice")
    # Left out: what 3.9 fails to materialise (tags), and 3.0 materialises so that it cannot read it (compressed text).
    names = [name for name in ds.tensors if name not in ("tags", "list", "text_lz4")]
    ds[[3, 0, 2]].save_view(id="materialised", optimize=True, tensors=names)
    with ds:
        # In place, of the same size and of another.
        ds["numbers"][1] = np.array([[7, 7, 7]], dtype="int32")
        ds["text"][0] = "changed, and longer than before"
        ds["jpegs"][2] = Sample(buffer=encoded(picture(8, 30, 3, 91), "JPEG"), compression="jpeg")
        fill(ds, range(4, 6))
    ds.commit("second")
    ds.checkout("side", create=True)
    with ds:
        ds.delete_tensor("json")
        ds.rename_tensor("numbers", "values")
        ds.create_tensor("numbers", dtype="float64")
        ds["numbers"].extend(np.arange(6.0))
        ds["labels"][0] = np.array([1, 1, 0], dtype="uint32")
    ds.commit("on the side")
    ds.checkout("main")
    with ds:
        # Not committed.
        fill(ds, range(6, 7))
        if hasattr(ds["group/points"], "pop"):
            ds["group/points"].pop(1)
    ds.flush()


def create(ds: Any) -> None:
    ds.info.update(author="golden", numbers=[1, 2])
    ds.create_tensor("jpegs", htype="image", sample_compression="jpeg")
    ds.create_tensor("pngs", htype="image", sample_compression="png")
    ds.create_tensor("pixels", htype="image", chunk_compression="lz4")
    ds.create_tensor("boxes", htype="bbox", coords={"type": "pixel", "mode": "LTWH"})
    ds.create_tensor("labels", htype="class_label", class_names=["cat", "dog"])
    ds.create_tensor("masks", htype="binary_mask", sample_compression="lz4")
    ds.create_tensor("numbers", dtype="int32")
    ds.create_tensor("scalars", dtype="int64", chunk_compression="lz4")
    ds.create_tensor("halves", dtype="float16", sample_compression="lz4")
    ds.create_tensor("group/points", htype="keypoints_coco")
    ds.create_tensor("text", htype="text")
    ds.create_tensor("text_lz4", htype="text", sample_compression="lz4")
    ds.create_tensor("json", htype="json")
    ds.create_tensor("list", htype="list", sample_compression="lz4")
    ds.create_tensor("sequence", htype="sequence[bbox]")
    if "polygon" in HTYPE_CONFIGURATIONS:
        ds.create_tensor("polygons", htype="polygon")
    if "tag" in HTYPE_CONFIGURATIONS:
        ds.create_tensor("tags", htype="tag")
    if "embedding" in HTYPE_CONFIGURATIONS:
        ds.create_tensor("embeddings", htype="embedding")


def fill(ds: Any, numbers: range) -> None:
    for number in numbers:
        height, width = SIZES[number % len(SIZES)]
        rng = np.random.RandomState(number)
        boxes = rng.randint(0, 40, (number % 3, 4)).astype("float32")
        ds["jpegs"].append(Sample(buffer=encoded(picture(height, width, 3, number), "JPEG"), compression="jpeg"))
        ds["pngs"].append(Sample(buffer=encoded(picture(height, width, 4, number), "PNG"), compression="png"))
        ds["pixels"].append(picture(height, width, 1, number))
        ds["boxes"].append(boxes)
        ds["labels"].append((np.arange(number % 3) % 2).astype("uint32"))
        ds["masks"].append(rng.rand(height, width, 2) < 0.5)
        ds["numbers"].append(rng.randint(-9, 9, (number % 2 + 1, 3)).astype("int32"))
        ds["scalars"].append(number**3)
        ds["halves"].append(rng.rand(2, number % 3).astype("float16"))
        ds["group/points"].append(rng.randint(0, 9, (51, number % 2)).astype("int32"))
        ds["text"].append(["plain", "", "Zürich 東京", "x" * 40][number % 4])
        ds["text_lz4"].append(f"number {number}")
        ds["json"].append([{"a": number}, {}, {"b": [1, None, "é"]}, {"c": {"d": True}}][number % 4])
        ds["list"].append([[number], [], [1, 2.5, 3], ["a"]][number % 4])
        ds["sequence"].append([rng.rand(2, 4).astype("float32") for _ in range(number % 3 + 1)])
        if "polygons" in ds.tensors:
            ds["polygons"].append([rng.rand(count, 2).astype("float32") for count in (3, 4, 5)[: number % 3 + 1]])
        if "tags" in ds.tensors:
            ds["tags"].append(["x", ["a", "b"], "é"][number % 3])
        if "embeddings" in ds.tensors:
            ds["embeddings"].append(rng.rand(5).astype("float32"))


def picture(height: int, width: int, channels: int, seed: int) -> np.ndarray:
    """Smooth, so that JPEG keeps something of it."""
    y, x, c = np.ogrid[:height, :width, :channels]
    return ((y * 9 + x * (5 + seed) + c * 70 + seed * 31) % 256).astype("uint8")


def encoded(pixels: np.ndarray, kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


class Expected:
    """Samples as the release reads them, each different array once: expected.npz has all their bytes in a row."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.known: dict[tuple[Any, ...], int] = {}
        self.states: dict[str, Any] = {}
        self.views: dict[str, Any] = {}

    def sample(self, value: Any) -> Any:
        """A sample in JSON: {"array": [offset, dtype, shape]}, {"objects": values, "shape": ...}, {"list": samples}."""
        if isinstance(value, list):
            return {"list": [self.sample(part) for part in value]}
        if value.dtype.kind in "OUS":
            values = [part.tolist() if isinstance(part, np.ndarray) else part for part in value.reshape(-1)]
            return {"objects": values, "shape": list(value.shape)}
        key = (value.dtype.str, value.shape, value.tobytes())
        if key not in self.known:
            self.known[key] = len(self.data)
            self.data += value.tobytes()
        return {"array": [self.known[key], value.dtype.str, list(value.shape)]}

    def tensors(self, ds: Any) -> dict[str, Any]:
        return {
            name: [self.sample(numpy_of(tensor[index])) for index in range(len(tensor))]
            for name, tensor in ds.tensors.items()
        }

    def save(self, target: Path) -> None:
        text = json.dumps({"states": self.states, "views": self.views}, ensure_ascii=False, separators=(",", ":"))
        (target / "expected.json").write_text(text + "\n")
        np.savez_compressed(target / "expected.npz", data=np.frombuffer(bytes(self.data), dtype=np.uint8))


def numpy_of(sample: Any) -> Any:
    return sample.numpy(aslist=True) if sample.is_sequence else sample.numpy()


def describe(path: str, expected: Expected) -> None:
    ds = deeplake.load(path, read_only=True, verbose=False)
    for address in [*ds.branches, *ds.version_state["commit_node_map"]]:
        ds.checkout(address)
        expected.states[address] = {
            "commit": ds.pending_commit_id,
            "branch": ds.branch,
            "info": dict(ds.info.items()),
            "class_names": list(ds["labels"].info.get("class_names") or []),
            "tensors": expected.tensors(ds),
        }
    ds.checkout("main")
    for view in ("slice", "materialised"):
        expected.views[view] = expected.tensors(ds.get_view(view).load())


def pack(path: Path, target: Path) -> None:
    """One archive: a dataset has more than a thousand files of a few bytes."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        # The same dataset gives the same archive.
        entry.mtime = entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return entry

    with tarfile.open(target, "w:xz", preset=9) as archive:
        for file in sorted(path.rglob("*")):
            if file.is_file():
                archive.add(file, str(file.relative_to(path)), filter=plain)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
