"""Uses an installed wheel as somebody new does: reads, decodes and trains on a dataset that deeplake wrote.

    python tools/wheel/trial.py

Needs penstock and what it depends on, and nothing else. Pixels are compared with those that deeplake reads; the files
are those of tests/data/golden. Exits with 1 and says why where something is not as it should be.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

import penstock

GOLDEN = Path(__file__).resolve().parents[2] / "tests" / "data" / "golden" / "3.9.52"


def main() -> None:
    assert penstock.HAVE_NATIVE, "the extension is missing, or does not load"
    assert GOLDEN.parents[3] not in Path(penstock.__file__).parents, "this is the source, and not an installed wheel"
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(GOLDEN / "dataset.tar.xz") as archive:
            # Python 3.11.2, which Debian 12 has, knows no filters yet. The file is ours.
            archive.extraction_filter = getattr(tarfile, "data_filter", None)
            archive.extractall(folder)
        decoded = compare(folder)
        first, last = train(folder)
    told = subprocess.run([sys.executable, "-m", "penstock", "doctor"], capture_output=True, text=True)
    assert told.returncode in (0, 1) and "libjpeg-turbo" in told.stdout, told.stdout + told.stderr
    print(f"penstock {penstock.__version__} on Python {sys.version.split()[0]}: {decoded} images are as they should be")
    print(f"the loss of a model fell from {first:.3f} to {last:.3f}")
    print(told.stdout)


def compare(dataset: str) -> int:
    """How many images were decoded, each as deeplake decodes it."""
    described = json.loads((GOLDEN / "expected.json").read_text())["states"]["main"]["tensors"]
    data = np.load(GOLDEN / "expected.npz")["data"].tobytes()
    count = 0
    for tensor in ("jpegs", "pngs"):
        with penstock.DataLoader(dataset, batch_size=1, loader_type="c++", tensors=[tensor]) as loader:
            for batch, expected in zip(loader, described[tensor], strict=True):
                offset, dtype, shape = expected["array"]
                wanted = np.frombuffer(data, dtype, int(np.prod(shape)), offset).reshape(shape)
                assert np.array_equal(batch[tensor][0].numpy(), wanted), f"{tensor}, sample {count}: other pixels"
                count += 1
    return count


def train(dataset: str) -> tuple[float, float]:
    """The loss of a small model before and after it has learned how bright the images are."""
    torch.manual_seed(0)
    # The model is so small that threads would only wait for each other.
    torch.set_num_threads(1)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(8, 1, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses: list[float] = []

    def bright(sample: dict[str, Any]) -> dict[str, Any]:
        image = sample["jpegs"].astype(np.float32) / 255
        return {"image": torch.from_numpy(image).permute(2, 0, 1), "brightness": float(image.mean())}

    with penstock.DataLoader(
        dataset, batch_size=1, shuffle=True, seed=0, loader_type="c++", tensors=["jpegs"], transform=bright
    ) as loader:
        for _ in range(30):
            total = 0.0
            for batch in loader:
                loss = (model(batch["image"]).mean((1, 2, 3)) - batch["brightness"]).square().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += float(loss.detach())
            losses.append(total)
    assert losses[-1] < losses[0] / 10, f"the model did not learn: {losses[0]} to {losses[-1]}"
    return losses[0], losses[-1]


if __name__ == "__main__":
    main()
