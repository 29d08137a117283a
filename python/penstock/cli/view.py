"""``penstock view``: a dataset on a local page."""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
import webbrowser
from importlib import metadata
from typing import Any

from penstock.cli.ending import ended_by_sigterm
from penstock.cli.source import add_source, open_source
from penstock.dataset import Dataset
from penstock.printable import printable
from penstock.view.answers import Answers, Pipeline
from penstock.view.server import ViewServer
from penstock.view.stored import StoredSamples

__all__ = ["add_parser"]

_DESCRIPTION = """\
Shows a dataset on a page of this machine's own: a grid of samples with boxes, masks and class names, one sample large
with all its values, what an MMDetection configuration's pipeline makes of it, and the samples that are bad. The page is
for this machine alone, under an address that nobody can guess; nothing is loaded from elsewhere. Ctrl-C ends it.
"""


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("view", help="look at a dataset in the browser", description=_DESCRIPTION)
    add_source(parser)
    parser.add_argument("--port", type=int, default=0, help="of the page (default: any that is free)")
    parser.add_argument("--no-browser", dest="browser", action="store_false", help="print the address alone")
    parser.add_argument("--images", metavar="NAME", help="tensor of images; default: the only one")
    parser.add_argument("--boxes", metavar="NAME", help="tensor of boxes; default: the only one, if any")
    parser.add_argument("--labels", metavar="NAME", help="tensor of labels; default: the only one, if any")
    configured = parser.add_argument_group("after a pipeline")
    configured.add_argument("--config", metavar="CFG.py", help="an MMDetection configuration, of version 2 or 3")
    configured.add_argument(
        "--split", choices=("train", "val", "test"), help="of the configuration (default: train)"
    )
    configured.add_argument("--seed", type=int, help="of what is random (default: the configuration's, else 0)")
    configured.add_argument("--loader-type", help="auto, c++ or python (default: the configuration's, else auto)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    if arguments.config is None:
        for name in ("split", "seed", "loader_type"):
            if getattr(arguments, name) is not None:
                raise ValueError(f"--{name.replace('_', '-')} goes with --config")
    dataset = open_source(arguments)
    samples = StoredSamples.of(dataset, arguments.images, arguments.boxes, arguments.labels, masks=True)
    with contextlib.ExitStack() as held:
        pipeline, name = None, ""
        if arguments.config is not None:
            pipeline, name = _pipeline(dataset, arguments, held)
        server = held.enter_context(ViewServer(Answers(dataset, samples, pipeline, name), arguments.port))
        print(f"{printable(dataset.path)} is shown at {server.url}", flush=True)
        print("Ctrl-C ends it.", file=sys.stderr)
        if arguments.browser:
            # A browser without a window would hold this thread.
            threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
        with ended_by_sigterm(), contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()
    return 0


def _pipeline(dataset: Dataset, arguments: argparse.Namespace, held: contextlib.ExitStack) -> tuple[Pipeline, str]:
    """What the configuration's pipeline makes of a sample, by the MMDetection that is installed."""
    split, config = arguments.split or "train", arguments.config
    if _mmdet_version() == 3:
        from penstock.integrations.mmdet3.looking import single as single3

        cfg = single3.read_config(config, split)
        seed = arguments.seed if arguments.seed is not None else cfg.get("randomness", {}).get("seed") or 0
        shown = single3.SampleLooker(cfg, dataset, seed, arguments.loader_type, split).shown
        return shown, f"{split}_dataloader of {config}"
    from penstock.integrations.mmdet import split_loader
    from penstock.integrations.mmdet.looking.single import SampleLooker

    cfg = split_loader.read_config(config)
    if arguments.loader_type is not None:
        cfg.deeplake_dataloader_type = arguments.loader_type
    seed = arguments.seed if arguments.seed is not None else cfg.get("seed") or 0
    looker = held.enter_context(SampleLooker(cfg, split, dataset, seed))
    return looker.shown, f"data.{split} of {config}"


def _mmdet_version() -> int | None:
    try:
        return int(metadata.version("mmdet").partition(".")[0])
    except (metadata.PackageNotFoundError, ValueError):
        return None
