"""Writes the datasets of ``support.datasets`` into a folder, for environments that cannot have deeplake 3.

python tests/support/write_lakes.py FOLDER
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Before deeplake is imported, which otherwise reports its use to its makers.
os.environ["BUGGER_OFF"] = "true"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.datasets import MAKERS


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    for name, maker in MAKERS.items():
        (folder / name).mkdir(parents=True)
        maker(folder / name / "dataset")


if __name__ == "__main__":
    main()
