"""Writes the datasets of ``support.datasets.MAKERS`` for tests that run in a Python without deeplake.

    PYTHONPATH=tests python -m support.write_lakes FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from support.datasets import MAKERS


def main() -> None:
    for name, make in MAKERS.items():
        make(Path(sys.argv[1]) / name)


if __name__ == "__main__":
    main()
