"""What the parts of decoding a JPEG cost, in this project's decoder and in libjpeg-turbo.

    python benchmarks/decode_parts.py IMAGES_DIR

IMAGES_DIR has JPEG files. They are taken as they are, and encoded anew with chroma of half width and height (4:2:0) at
qualities 75 and 90. Each decoder goes as far as a stage, and the time up to the stage before is subtracted: of each
image the shortest of several rounds, on one thread. Upsampling and colours are one stage, since libjpeg-turbo has no
fast way to stop between them. Instructions are counted by valgrind, function by function, of fewer images and with the
vectors that valgrind knows (AVX2). Files that the own decoder leaves to libjpeg-turbo are left out. Writes
benchmarks/results/decode_parts.json.
"""

from __future__ import annotations

import argparse
import io
import re
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from ceiling import built_program
from harness import write_record

HERE = Path(__file__).resolve().parent
STAGES = ("entropy", "transform", "pixels")
#: Whose instructions count for what; those of other functions, of the C library's too, are the rest.
PARTS = {
    "entropy": (
        r"CoefficientReader::|LongCodes::|jpeg::fill\(|decode_mcu|fill_bit_buffer|decompress_onepass|derived_tbl"
    ),
    "transform": r"transform_row|idct_islow",
    "upsampling": r"widen|between|repeat|fancy_upsample|sep_upsample|int_upsample",
    "colours": r"ycc_row|gray_row|convert_ycc|_rgb_convert|_extrgb_convert",
}
DECODERS = ("own", "turbo")
#: Quality of the images that are encoded anew; None: as they are.
QUALITIES = {"as they are": None, "4:2:0, quality 90": 90, "4:2:0, quality 75": 75}

Times = dict[str, dict[str, float]]


def encoded(file: Path, quality: int | None) -> bytes | None:
    """A file's bytes, or those of its picture encoded anew; None where it is no JPEG of one scan with colour."""
    with Image.open(file) as image:
        if image.format != "JPEG" or image.mode != "RGB" or image.info.get("progressive"):
            return None
        if quality is None:
            return file.read_bytes()
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, subsampling=2)
        return buffer.getvalue()


def write_blob(path: Path, images: Sequence[bytes]) -> None:
    """The images in the form that the C++ programs read (``ceiling.encoded_images``)."""
    path.write_bytes(struct.pack("<Q", len(images)) + b"".join(struct.pack("<Q", len(one)) + one for one in images))


def parts(until: Times) -> Times:
    """What each stage takes by itself, of what it takes to come to its end."""
    return {
        decoder: {
            stage: stages[stage] - (stages[STAGES[number - 1]] if number else 0.0)
            for number, stage in enumerate(STAGES)
        }
        | {"all": stages[STAGES[-1]]}
        for decoder, stages in until.items()
    }


def times(program: Path, blob: Path, count: int, rounds: int) -> Times:
    """Milliseconds an image."""
    command = [str(program), str(blob), str(count), str(rounds)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    until: Times = {decoder: {} for decoder in DECODERS}
    for decoder, stage, milliseconds in map(str.split, answer.splitlines()):
        until[decoder][stage] = float(milliseconds)
    return parts(until)


def instructions(program: Path, blob: Path, count: int) -> Times:
    """Millions an image. What a process does once is subtracted: each is run with one round and with two."""

    def counted(rounds: int, decoder: str) -> dict[str, int]:
        with tempfile.NamedTemporaryFile() as out:
            command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out.name}", str(program), str(blob)]
            command += [str(count), str(rounds), decoder, STAGES[-1]]
            subprocess.run(command, check=True, capture_output=True)
            annotate = ["callgrind_annotate", "--auto=no", "--threshold=100", out.name]
            lines = subprocess.run(annotate, check=True, capture_output=True, text=True).stdout.splitlines()
        found = dict.fromkeys((*PARTS, "rest"), 0)
        for line in lines:
            number, _, function = line.partition("(")
            if not re.fullmatch(r"\s*[\d,]+\s*", number) or "PROGRAM TOTALS" in line:
                continue
            part = next((name for name, pattern in PARTS.items() if re.search(pattern, function)), "rest")
            found[part] += int(number.replace(",", ""))
        return found

    result: Times = {}
    for decoder in DECODERS:
        once, twice = counted(1, decoder), counted(2, decoder)
        an_image = {part: (twice[part] - once[part]) / count / 1e6 for part in twice}
        result[decoder] = an_image | {"all": sum(an_image.values())}
    return result


def print_parts(what: str, found: Times) -> None:
    columns = list(found[DECODERS[0]])
    print(f"  {what:28}" + "".join(f"{column:>12}" for column in columns))
    for decoder in DECODERS:
        print(f"  {decoder:28}" + "".join(f"{found[decoder][column]:12.3f}" for column in columns))
    print(f"  {'turbo / own':28}" + "".join(_ratio(found, column) for column in columns), flush=True)


def _ratio(found: Times, column: str) -> str:
    own, turbo = (found[decoder][column] for decoder in DECODERS)
    # Of 4:4:4 there is nothing to upsample.
    return f"{'':>12}" if own < 0.01 * found["own"]["all"] else f"{turbo / own:12.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path)
    parser.add_argument("--count", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--counted", type=int, default=12, help="images whose instructions are counted; 0: none")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "decode_parts.json")
    arguments = parser.parse_args()
    program = built_program("jpeg_parts")
    files = sorted(arguments.images.rglob("*.jpg"))[: arguments.count]
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, quality in QUALITIES.items():
            images = [image for file in files if (image := encoded(file, quality)) is not None]
            blob = Path(folder) / "images"
            write_blob(blob, images)
            size = sum(map(len, images)) / len(images) / 1000
            print(f"\n{name}: {len(images)} images of {size:.0f} KB")
            results[name] = {"images": len(images), "kilobytes": size}
            results[name]["milliseconds"] = times(program, blob, len(images), arguments.rounds)
            print_parts("milliseconds an image", results[name]["milliseconds"])
            if arguments.counted:
                results[name]["instructions"] = instructions(program, blob, arguments.counted)
                print_parts("million instructions", results[name]["instructions"])
    setting = {"rounds": arguments.rounds, "counted": arguments.counted}
    write_record(arguments.out, "python benchmarks/decode_parts.py IMAGES_DIR", setting, results)
    print(f"\nwritten to {arguments.out}")


if __name__ == "__main__":
    main()
