"""A training that can be killed at any time: the same command goes on with the batch that would have come next.

timeout -s KILL 15 python examples/tutorials/resume.py
python examples/tutorials/resume.py
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

import penstock
from classification import make_loader, make_model

SAVE_EVERY = 20


def save(file: Path, run: dict[str, Any]) -> None:
    """Writes a checkpoint. A process that is killed meanwhile leaves the checkpoint before it."""
    new = file.with_suffix(".new")
    torch.save(run, new)
    new.replace(file)


def train(dataset: Path, epochs: int, checkpoint: Path) -> list[dict[str, Any]]:
    """Trains from the checkpoint on, if there is one; returns the loss and the samples of each step."""
    torch.manual_seed(0)
    classes = penstock.open(dataset).tensors["labels"].class_names
    model = make_model(len(classes))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003)
    history: list[dict[str, Any]] = []

    with make_loader(dataset, train=True) as loader:
        steps = epochs * len(loader)
        if checkpoint.exists():
            run = torch.load(checkpoint)
            model.load_state_dict(run["model"])
            optimizer.load_state_dict(run["optimizer"])
            loader.load_state_dict(run["loader"])
            torch.set_rng_state(run["random"])
            history = run["history"]
            print(f"goes on after step {len(history)} of {steps}", flush=True)

        while len(history) < steps:
            for batch in loader:
                loss = nn.functional.cross_entropy(model(batch["image"]), batch["label"])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                history.append({"loss": loss.item(), "samples": batch["index"].tolist()})
                if len(history) % SAVE_EVERY == 0:
                    run = {
                        "model": model.state_dict(),
                        "optimizer": optimizer.state_dict(),
                        "loader": loader.state_dict(),
                        "random": torch.get_rng_state(),
                        "history": history,
                    }
                    save(checkpoint, run)
                    print(f"step {len(history)} of {steps}: loss {history[-1]['loss']:.4f}", flush=True)
    return history


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, help="the dataset to train on; default: pictures of shapes")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--out", type=Path, default=Path("demo/resume"), help="default: demo/resume")
    arguments = parser.parse_args()
    dataset = arguments.train
    if dataset is None:
        from sample_data import classification_datasets

        dataset = classification_datasets(arguments.out, train=601, val=161)["train"]
    arguments.out.mkdir(parents=True, exist_ok=True)
    history = train(dataset, arguments.epochs, arguments.out / "checkpoint.pt")
    (arguments.out / "history.json").write_text(json.dumps(history))
    print(f"the end: step {len(history)}, loss {history[-1]['loss']:.4f}")


if __name__ == "__main__":
    main()
