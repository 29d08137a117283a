"""Carries all that ``tools/gpu-check --run`` needs into one folder, on a machine with a network.

    tools/gpu-check --pack [--out build/gpu-check] [--python-version 3.12] [--wheel FILE] [--tar FILE]

The folder gets: ``libraries.tar.xz`` (what the extension links, static), ``wheels/`` (build tools and test tools for
that Python), ``lakes/`` (datasets, written by deeplake 3) and ``pack.json``, which says what there is. A checkout of
the project goes beside it. ``--tar`` writes one file with the folder and the project's files, for a machine that has no
checkout. Needs a C and a C++ compiler, cmake, nasm, and a Python with this package and deeplake 3.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COCO = ROOT.parent / "shared" / "data" / "coco-mini"
LIBRARIES = ROOT / "build" / "gpu-check-libraries"
#: What the extension links without libcurl.
LINKED = ("zlib", "libjpeg-turbo", "libpng", "libwebp", "lz4", "highway", "xxhash")
#: glibc versions that wheels may ask for: pip takes each by name, and none for another.
GLIBC = ("2_28", "2_27", "2_26", "2_24", "2_17", "2_12", "2_5")
#: Bytes of all that is carried beside the project: what fits anywhere that takes 64 MiB.
LIMIT = 56 << 20
#: Pictures of the larger dataset.
PICTURES = 64
#: Pictures of the other one, of equal size: three batches of benchmarks/image_output.py.
SQUARES = 96


def libraries(file: Path) -> None:
    """What the extension links, with headers, in one file: headers are text, and most of it."""
    subprocess.run([str(ROOT / "tools" / "libraries.sh"), str(LIBRARIES), *LINKED], check=True)
    with tarfile.open(file, "w:xz") as tar:
        tar.add(LIBRARIES, ".")


def wheels(folder: Path, version: str, constraints: Path) -> dict[str, str]:
    """Fetches the wheels; what there is, by name."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    platforms = [f"manylinux_{glibc}_x86_64" for glibc in GLIBC] + ["manylinux2014_x86_64", "manylinux2010_x86_64"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--implementation", "cp", "--python-version", version, "--dest", str(folder)]
    for name in platforms:
        command += ["--platform", name]
    command += ["--constraint", str(constraints), "--requirement", str(ROOT / "requirements" / "gpu-check.txt")]
    subprocess.run(command, check=True)
    return {name: number for name, number, *_ in (file.name.split("-") for file in sorted(folder.glob("*.whl")))}


def lakes(folder: Path, coco: Path | None) -> str:
    """Writes the datasets; says what pictures they have."""
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]
    from image_output import write_images
    from penstock.ingest import ingest_coco
    from support.generated_coco import write_generated_coco
    from support.gpu_lakes import GPU_LAKES

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, make in GPU_LAKES.items():
        make(folder / name)
    with tempfile.TemporaryDirectory() as work:
        source = coco or write_generated_coco(Path(work) / "coco")
        pictures = source / "train2017"
        annotations = source / "annotations" / "instances_train2017.json"
        ingest_coco(annotations, pictures, folder / "pictures", limit=PICTURES, masks="polygon")
        files = sorted(pictures.glob("*.jpg"))
        write_images(files, folder / "squares", SQUARES)
    kind = "generated" if coco is None else "COCO 2017"
    return f"{min(PICTURES, len(files))} pictures, {kind}"


def project_files() -> list[str]:
    """What git would take of the checkout: tracked files, and new ones that it does not ignore."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted({name for name in names if name and (ROOT / name).is_file()})


def write_tar(file: Path, folder: Path) -> None:
    """The folder as ``gpu-check/``, and the project as ``gpu-check/project/``."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, "w") as tar:
        for part in sorted(folder.iterdir()):
            tar.add(part, f"gpu-check/{part.name}")
        for name in project_files():
            tar.add(ROOT / name, f"gpu-check/project/{name}")


def size(folder: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    return sum(file.stat().st_size for file in [folder, *folder.rglob("*")] if file.is_file())


def check_size(folder: Path) -> dict[str, int]:
    """Bytes of each part; ends the program where all of it is too large."""
    parts = [part for part in sorted(folder.iterdir()) if part.name != "pack.json"]
    sizes = {part.name: size(part) for part in parts}
    if sum(sizes.values()) > LIMIT:
        shown = ", ".join(f"{name} {count >> 20} MiB" for name, count in sizes.items())
        sys.exit(f"{folder} has more than {LIMIT >> 20} MiB: {shown}. Leave wheels out: --without cmake pillow ...")
    return sizes


def pack(arguments: argparse.Namespace) -> None:
    """Makes the folder."""
    out = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    libraries(out / "libraries.tar.xz")
    constraints = ROOT / "requirements" / "constraints-mmdet2.txt"
    found = wheels(out / "wheels", arguments.python_version, constraints)
    for name in arguments.without:
        for file in (out / "wheels").glob(f"{name.replace('-', '_')}-*.whl"):
            file.unlink()
            found.pop(name.replace("-", "_"))
    if arguments.wheel is not None:
        shutil.copy(arguments.wheel, out / "wheels")
    pictures = lakes(out / "lakes", None if arguments.generated or not COCO.is_dir() else COCO)
    told: dict[str, Any] = {
        "python": arguments.python_version,
        "processor": platform.machine(),
        "pictures": pictures,
        "wheels": found,
        "wheel_of_penstock": None if arguments.wheel is None else arguments.wheel.name,
        "bytes": check_size(out),
    }
    (out / "pack.json").write_text(json.dumps(told, indent=1) + "\n")
    for name, count in told["bytes"].items():
        print(f"{name:18}{count / 2**20:7.1f} MiB")
    if arguments.tar is not None:
        write_tar(arguments.tar, out)
        print(f"written to {arguments.tar}: unpack it, then gpu-check/project/tools/gpu-check --run")
    else:
        print(f"written to {out}: take it along with the checkout, then tools/gpu-check --run")


def main() -> None:
    parser = argparse.ArgumentParser(prog="gpu-check --pack", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "gpu-check", help="default: build/gpu-check")
    parser.add_argument("--python-version", default="3.12", help="of the Python there (default: 3.12)")
    parser.add_argument("--wheel", type=Path, help="a wheel of penstock, for a machine without a C++ compiler")
    parser.add_argument("--without", nargs="+", default=[], metavar="NAME", help="wheels that the machine has anyway")
    parser.add_argument("--generated", action="store_true", help="generated pictures, also where COCO's are at hand")
    parser.add_argument("--tar", type=Path, help="also write one file, with the project's files in it")
    os.environ["BUGGER_OFF"] = "true"
    pack(parser.parse_args())


if __name__ == "__main__":
    main()
