"""Trains on several GPUs, or in several processes of a CPU, with DistributedDataParallel.

torchrun --nproc-per-node 2 examples/tutorials/several_gpus.py
torchrun --nproc-per-node 8 --nnodes 2 --rdzv-backend c10d --rdzv-endpoint HOST:29500 examples/tutorials/several_gpus.py
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import penstock
from classification import make_loader, make_model


def start() -> torch.device:
    """Joins the other processes; returns the device of this one."""
    if not torch.cuda.is_available():
        dist.init_process_group("gloo")
        return torch.device("cpu")
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    torch.cuda.set_device(device)
    dist.init_process_group("nccl", device_id=device)
    return device


def val_loader(dataset: Path) -> penstock.DataLoader:
    """This rank's share of the validation data: each sample comes once, and some ranks have one sample more."""
    everything = penstock.open(dataset)
    mine = range(dist.get_rank(), len(everything), dist.get_world_size())
    return make_loader(everything, train=False, sampler=mine)


def train_epoch(model: nn.Module, optimizer: torch.optim.Optimizer, loader: penstock.DataLoader) -> list[int]:
    """One pass over this rank's share; returns the indices of its samples."""
    model.train()
    device = next(model.parameters()).device
    seen: list[int] = []
    for batch in loader:
        found = model(batch["image"].to(device))
        loss = nn.functional.cross_entropy(found, batch["label"].to(device))
        optimizer.zero_grad()
        loss.backward()  # waits for the other ranks, and averages with theirs
        optimizer.step()
        seen += batch["index"].tolist()
    return seen


@torch.no_grad()
def evaluate(model: DistributedDataParallel, loader: penstock.DataLoader) -> tuple[float, list[int]]:
    """The accuracy over the samples of all ranks, and the indices of this rank's."""
    model.eval()
    device = next(model.parameters()).device
    counts = torch.zeros(2, device=device)
    seen: list[int] = []
    for batch in loader:
        # The module within DistributedDataParallel does not wait for ranks that have no batch any more.
        found = model.module(batch["image"].to(device)).argmax(1)
        counts += torch.stack([(found == batch["label"].to(device)).sum(), torch.tensor(len(found), device=device)])
        seen += batch["index"].tolist()
    dist.all_reduce(counts)
    return float(counts[0] / counts[1]), seen


def train_rank(datasets: dict[str, Path], epochs: int, device: torch.device, out: Path) -> None:
    """Trains and evaluates on this rank, and notes which samples it got."""
    torch.manual_seed(0)
    classes = penstock.open(datasets["train"]).tensors["labels"].class_names
    model = DistributedDataParallel(make_model(len(classes)).to(device))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003)
    notes: list[dict[str, Any]] = []
    with make_loader(datasets["train"], train=True) as train, val_loader(datasets["val"]) as val:
        for epoch in range(epochs):
            seen = train_epoch(model, optimizer, train)
            accuracy, evaluated = evaluate(model, val)
            notes.append({"train": seen, "val": evaluated, "accuracy": accuracy})
            print(f"rank {dist.get_rank()}, epoch {epoch + 1}: {len(seen)} samples, accuracy of all {accuracy:.3f}")
    (out / f"rank{dist.get_rank()}.json").write_text(json.dumps(notes))
    if dist.get_rank() == 0:
        torch.save(model.module.state_dict(), out / "model.pt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, help="the dataset to train on; default: pictures of shapes")
    parser.add_argument("--val", type=Path, help="the dataset to evaluate on")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path("demo/several_gpus"), help="default: demo/several_gpus")
    arguments = parser.parse_args()
    device = start()
    datasets = {"train": arguments.train, "val": arguments.val}
    if arguments.train is None:
        # One process writes the data; the others wait for it.
        if dist.get_rank() == 0:
            from sample_data import classification_datasets

            classification_datasets(arguments.out, train=601, val=161)
        dist.barrier()
        datasets = {split: arguments.out / split for split in datasets}
    arguments.out.mkdir(parents=True, exist_ok=True)
    train_rank(datasets, arguments.epochs, device, arguments.out)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
