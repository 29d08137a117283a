"""The training of classification.py by Lightning's Trainer.

python examples/tutorials/classification_lightning.py --train DATASET --val DATASET
"""

from __future__ import annotations

import argparse
from pathlib import Path

import lightning
import torch
from torch import nn

import penstock
from classification import make_loader, make_model


class Classifier(lightning.LightningModule):
    """The model of classification.py, as Lightning wants it."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.model = make_model(classes)

    def training_step(self, batch: dict[str, torch.Tensor], number: int) -> torch.Tensor:
        return nn.functional.cross_entropy(self.model(batch["image"]), batch["label"])

    def validation_step(self, batch: dict[str, torch.Tensor], number: int) -> None:
        right = self.model(batch["image"]).argmax(1) == batch["label"]
        self.log("accuracy", right.float().mean(), batch_size=len(right))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=0.003)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", default="demo/classification/train", help="default: that of classification.py")
    parser.add_argument("--val", default="demo/classification/val")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path("demo/lightning"), help="default: demo/lightning")
    arguments = parser.parse_args()
    lightning.seed_everything(0)
    classes = penstock.open(arguments.train).tensors["labels"].class_names
    model = Classifier(len(classes))
    trainer = lightning.Trainer(max_epochs=arguments.epochs, default_root_dir=arguments.out, logger=False)
    with make_loader(arguments.train, train=True) as train, make_loader(arguments.val, train=False) as val:
        trainer.fit(model, train, val)
        (found,) = trainer.validate(model, val)
    print(f"accuracy {found['accuracy']:.3f}")


if __name__ == "__main__":
    main()
