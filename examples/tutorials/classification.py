"""A folder of images, a Deep Lake dataset of it, and a plain PyTorch loop that learns its classes.

python examples/tutorials/classification.py                              pictures of shapes, drawn here
python examples/tutorials/classification.py --train DIR --val DIR        a folder with a folder of images for each class
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

import penstock
from penstock.ingest import ingest_folder
from sample_data import folders_of_shapes

SIDE = 40


def train_transform(sample: dict[str, Any]) -> dict[str, Any]:
    """A random part of the image, sometimes mirrored, with its label and its number in the dataset."""
    image = Image.fromarray(sample["images"]).convert("RGB")
    width, height = image.size
    share = np.random.uniform(0.8, 1.0)
    left = np.random.uniform(0, width * (1 - share))
    top = np.random.uniform(0, height * (1 - share))
    image = image.resize((SIDE, SIDE), box=(left, top, left + width * share, top + height * share))
    pixels = as_floats(image)
    if np.random.random() < 0.5:
        pixels = pixels[:, :, ::-1].copy()
    return {"image": pixels, "label": np.int64(sample["labels"][0]), "index": sample["index"]}


def val_transform(sample: dict[str, Any]) -> dict[str, Any]:
    """The whole image, with its label and its number in the dataset."""
    image = Image.fromarray(sample["images"]).convert("RGB").resize((SIDE, SIDE))
    return {"image": as_floats(image), "label": np.int64(sample["labels"][0]), "index": sample["index"]}


def as_floats(image: Image.Image) -> np.ndarray:
    """The pixels as float32 [3, height, width], about -2 to 2."""
    return (np.asarray(image, np.float32).transpose(2, 0, 1) - 128) / 64


def make_loader(dataset: penstock.Dataset | Path | str, *, train: bool, **arguments: Any) -> penstock.DataLoader:
    """A loader of batches: "image" float32 [n, 3, 40, 40], "label" and "index" int64 [n]."""
    return penstock.DataLoader(
        dataset,
        batch_size=16,
        shuffle=train,
        tensors=["images", "labels"],
        transform=train_transform if train else val_transform,
        seed=0,
        return_index=True,
        pin_memory=torch.cuda.is_available(),
        **arguments,
    )


def make_model(classes: int) -> nn.Module:
    """A small convolutional network."""

    def block(inputs: int, outputs: int) -> list[nn.Module]:
        convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        return [convolution, nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]

    features = [*block(3, 16), *block(16, 32), *block(32, 64), *block(64, 64)]
    return nn.Sequential(*features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes))


def train_epoch(model: nn.Module, optimizer: torch.optim.Optimizer, loader: penstock.DataLoader) -> float:
    """One pass over the data; returns the mean loss."""
    model.train()
    device = next(model.parameters()).device
    losses = []
    for batch in loader:
        found = model(batch["image"].to(device))
        loss = nn.functional.cross_entropy(found, batch["label"].to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


@torch.no_grad()
def accuracy(model: nn.Module, loader: penstock.DataLoader) -> float:
    """The share of images whose class the model finds."""
    model.eval()
    device = next(model.parameters()).device
    right = seen = 0
    for batch in loader:
        found = model(batch["image"].to(device)).argmax(1).cpu()
        right += int((found == batch["label"]).sum())
        seen += len(found)
    return right / seen


def draw_curve(accuracies: list[float], out: Path) -> None:
    """The accuracy after each epoch, as a picture."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.add_subplot(xlabel="epoch", ylabel="accuracy", ylim=(0, 1))
    axes.plot(range(1, len(accuracies) + 1), accuracies, marker="o")
    axes.grid(alpha=0.3)
    figure.savefig(out, dpi=100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, help="a folder with a folder of images for each class")
    parser.add_argument("--val", type=Path, help="another one, of the same classes")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path("demo/classification"), help="default: demo/classification")
    arguments = parser.parse_args()
    folders = {"train": arguments.train, "val": arguments.val}
    if arguments.train is None:
        folders = folders_of_shapes(arguments.out / "pictures", train=601, val=161)

    datasets = {split: arguments.out / split for split in folders}
    for split, folder in folders.items():
        if not datasets[split].exists():
            summary = ingest_folder(folder, datasets[split])
            print(f"{datasets[split]}: {summary['images']} images, {summary['classes']}")

    torch.manual_seed(0)
    classes = penstock.open(datasets["train"]).tensors["labels"].class_names
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = make_model(len(classes)).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003)
    accuracies = []
    with make_loader(datasets["train"], train=True) as train, make_loader(datasets["val"], train=False) as val:
        print(train.explain())
        for epoch in range(arguments.epochs):
            loss = train_epoch(model, optimizer, train)
            accuracies.append(accuracy(model, val))
            print(f"epoch {epoch + 1}: loss {loss:.3f}, accuracy {accuracies[-1]:.3f}")
        print(train.limit())

    torch.save(model.state_dict(), arguments.out / "model.pt")
    draw_curve(accuracies, arguments.out / "accuracy.png")


if __name__ == "__main__":
    main()
