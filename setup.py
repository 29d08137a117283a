"""For tools that look for a setup.py: runs the build that pyproject.toml describes (scikit-build-core, CMake).

python setup.py bdist_wheel | sdist | install | develop
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
DIST = ROOT / "dist"


def main(arguments: list[str]) -> int:
    command = arguments[0] if len(arguments) == 1 else ""
    if command in ("install", "develop"):
        target = ["--editable", str(ROOT)] if command == "develop" else [str(ROOT)]
        return subprocess.call([sys.executable, "-m", "pip", "install", *target])
    if command not in ("bdist_wheel", "sdist"):
        print(__doc__, file=sys.stderr)
        return 2
    from scikit_build_core import build

    # The functions of a build backend expect to run in the project's directory.
    os.chdir(ROOT)
    DIST.mkdir(exist_ok=True)
    make = build.build_wheel if command == "bdist_wheel" else build.build_sdist
    print(DIST / make(str(DIST)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
