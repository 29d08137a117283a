"""Penstock: the open, native data loader for Deep Lake datasets.

    import penstock

    for batch in penstock.DataLoader("path/to/dataset", batch_size=8, shuffle=True):
        ...
"""

import penstock.integrations  # noqa: F401  registers what compiles pipelines, and imports no framework
from penstock import errors
from penstock._native import DEBUG_BUILD, HAVE_NATIVE
from penstock.chain import dataloader
from penstock.dataset import Dataset, Tensor
from penstock.dataset import open_dataset as open
from penstock.loader import DataLoader
from penstock.on_device import normalize_on
from penstock.storage.network import NetworkOptions
from penstock.traces.session import begin_as_environment_says, tracing
from penstock.verification import Finding, Report, verify
from penstock.view.show import show

__version__ = "0.1.0"

__all__ = [
    "DEBUG_BUILD",
    "HAVE_NATIVE",
    "DataLoader",
    "Dataset",
    "Finding",
    "NetworkOptions",
    "Report",
    "Tensor",
    "dataloader",
    "errors",
    "normalize_on",
    "open",
    "show",
    "tracing",
    "verify",
]

begin_as_environment_says()
