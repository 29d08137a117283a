"""Datasets of image files of every format, of masks compressed as images, of media, and of rare numbers."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from support.images import jpeg, picture, png, webp
from support.lake import Lake, encoded, new_lake

__all__ = ["MEDIA", "image_chunks", "image_files", "masks", "media", "rare_numbers", "webp_images"]

#: Formats, and the numbers of channels that they keep.
FORMATS = {
    "bmp": (1, 3),
    "dib": (1, 3),
    "gif": (1,),
    "ico": (1, 3, 4),
    "im": (1, 3, 4),
    "jpeg": (1, 3),
    "jpeg2000": (1, 3, 4),
    "mpo": (1, 3),
    "pcx": (1, 3),
    "png": (1, 3, 4),
    "ppm": (1, 3),
    "sgi": (1, 3, 4),
    "tga": (1, 3, 4),
    "tiff": (1, 3, 4),
    "webp": (3, 4),
}
#: Dtypes that images of a format keep.
MASKS = {
    "png": ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32"),
    "tiff": ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"),
    "bmp": ("bool", "uint8"),
    "jpeg": ("bool", "uint8"),
}
MASK_HTYPES = ("generic", "binary_mask", "segment_mask", "instance_label")
#: Compression and dtype of htypes that are had as bytes alone.
MEDIA = {
    "video": ("mp4", "uint8"),
    "audio": ("wav", "float64"),
    "dicom": ("dcm", "uint8"),
    "nifti": ("nii.gz", "uint8"),
    "point_cloud": ("las", "float32"),
    "mesh": ("ply", "uint8"),
}


def image_files(path: Path) -> None:
    """Samples of every format: arrays that deeplake compresses, an empty one between them, and equal ones."""
    with new_lake(path) as lake, lake:
        for name, kinds in FORMATS.items():
            for channels in kinds:
                _images(lake, f"{name}/{channels}", channels, sample_compression=name)
        lake.create_tensor("equal/tiff", htype="image", sample_compression="tiff")
        lake["equal/tiff"].extend([picture(9, 7, 3, seed=number) for number in range(4)])
        for name in ("image.rgb", "image.gray"):
            for compression in ("jpeg", "png", "bmp", "tiff", None):
                tensor = lake.create_tensor(f"{name}/{compression}", htype=name, sample_compression=compression)
                tensor.extend([picture(9, 7 + number, 3, seed=number) for number in range(3)])
        # Files as they come: lossless, several strips, palettes, one bit, 16 bits, CMYK.
        for name, files in {
            "tiff": [
                _file(picture(30, 20, 3), "TIFF", compression="tiff_lzw"),
                _file(picture(30, 21, 3), "TIFF", compression="tiff_adobe_deflate"),
            ],
            "bmp": [_file(picture(9, 8, 0), "BMP"), _file(picture(9, 9, 0), "BMP")],
            "gif": [_file(picture(9, 8, 0), "GIF"), _file(picture(19, 9, 0), "GIF")],
        }.items():
            lake.create_tensor(f"files/{name}", htype="image", sample_compression=name)
            lake[f"files/{name}"].extend([encoded(data, name) for data in files])
        cmyk = lake.create_tensor("files/cmyk", htype="image", sample_compression="jpeg")
        for number in range(3):
            cmyk.append(encoded(_cmyk(8 + number, 9, progressive=number == 1), "jpeg"))


def image_chunks(path: Path) -> None:
    """Chunks that are one image each, in small chunks too: several sizes, empty samples at both ends and between."""
    with new_lake(path) as lake, lake:
        for name, kinds in FORMATS.items():
            for channels in kinds:
                if name not in ("gif",) and (name, channels) != ("ico", 3):
                    _images(lake, f"{name}/{channels}", channels, chunk_compression=name)
        for name in ("jpeg", "png", "webp", "bmp"):
            tensor = lake.create_tensor(f"many/{name}", htype="image", chunk_compression=name, max_chunk_size=3_000)
            for number in range(30):  # an extend would put them all into one chunk
                tensor.append(picture(15 + number % 9, 14 + number % 5, 3, seed=number))
            tensor = lake.create_tensor(f"equal/{name}", htype="image", chunk_compression=name)
            tensor.extend([picture(9, 7, 3, seed=number) for number in range(5)])
            tensor = lake.create_tensor(f"changed/{name}", htype="image", chunk_compression=name)
            tensor.extend([picture(9, 7 + number, 3, seed=number) for number in range(4)])
            lake[f"changed/{name}"][1] = picture(20, 3, 3, seed=9)
            lake[f"changed/{name}"][3] = None
            lake[f"changed/{name}"].pop(0)
        tensor = lake.create_tensor("gray", htype="image.gray", chunk_compression="jpeg")
        tensor.extend([picture(9, 7 + number, 0, seed=number) for number in range(3)])


def webp_images(path: Path) -> None:
    """WebP files: lossy and lossless, with alpha and without, of odd sizes, moving; an empty one."""
    best: dict[str, Any] = {"lossless": True}
    kinds = [{}, best, {"quality": 10}, {"method": 0}, {**best, "quality": 0}]
    sizes = [(48, 64), (33, 47), (16, 16), (17, 31), (1, 1), (8, 100), (64, 1), (2, 3)]
    with new_lake(path) as lake, lake:
        for name, channels in (("rgb", 3), ("rgba", 4)):
            lake.create_tensor(name, htype="image", sample_compression="webp", max_chunk_size=8_000)
            for number, size in enumerate(sizes * 2):
                data = webp(picture(*size, channels, seed=number), **kinds[number % len(kinds)])
                lake[name].append(encoded(data, "webp"))
            lake[name].append(None)
        lake.create_tensor("moving", htype="image", sample_compression="webp")
        for channels in (3, 3, 4):
            frames = [Image.fromarray(picture(20, 30, channels, seed=number)) for number in range(3)]
            buffer = BytesIO()
            frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:], duration=20)
            lake.moving.append(encoded(buffer.getvalue(), "webp"))


def masks(path: Path) -> None:
    """Every htype of arrays that may be compressed as images, in each dtype that the format keeps, both ways."""
    with new_lake(path) as lake, lake:
        for compression, dtypes in MASKS.items():
            for dtype in dtypes:
                for htype in MASK_HTYPES if compression == "png" else MASK_HTYPES[:1]:
                    for kind in ("sample_compression", "chunk_compression"):
                        name = f"{compression}/{kind}/{htype}/{dtype}"
                        lake.create_tensor(name, htype=htype, dtype=dtype, **{kind: compression})
                        for number in range(3):
                            lake[name].append(_mask(9 + number, 7, dtype, number))
        # Files whose elements are not the tensor's.
        for dtype in ("bool", "int8", "uint16", "int64", "float32"):
            for file in (png, jpeg):
                name = f"cast/{file.__name__}/{dtype}"
                lake.create_tensor(name, dtype=dtype, sample_compression=file.__name__)
                lake[name].extend([encoded(file(picture(9, 7, 0, seed=n) // 2), file.__name__) for n in range(2)])
        for name, values, dtype in (("bbox", 4, "f4"), ("keypoints_coco", 6, "i4"), ("point", 2, "i4")):
            for number, kind in enumerate([{}, {"sample_compression": "lz4"}, {"chunk_compression": "lz4"}]):
                lake.create_tensor(f"{name}/{number}", htype=name, **kind)
                lake[f"{name}/{number}"].extend([np.full((count, values), 3, dtype) for count in (2, 0, 1)])
        lake.create_tensor("words", htype="class_label")
        lake.words.extend([["cat", "dog"], "dog", [], ["bird"]])


def rare_numbers(path: Path) -> None:
    """Dtypes that torch lacks, byte orders other than the machine's, and axes of length zero, compressed all ways."""
    kinds = ({}, {"sample_compression": "lz4"}, {"chunk_compression": "lz4"})
    with new_lake(path) as lake, lake:
        for dtype in ("float128", "complex256", "datetime64[ns]", "timedelta64[s]", ">i4", ">f8", "half", "longlong"):
            for number, kind in enumerate(kinds):
                name = f"{dtype.replace('>', 'big_')}/{number}"
                lake.create_tensor(name, dtype=dtype, **kind)
                lake[name].extend([np.arange(6).reshape(2, 3).astype(dtype), np.arange(4).reshape(4, 1).astype(dtype)])
        for number, kind in enumerate(kinds):
            for shape in ((0,), (3, 0), (0, 2, 0), (1,), (2, 1, 0, 3)):
                name = f"{'x'.join(map(str, shape))}/{number}"
                lake.create_tensor(name, dtype="int16", **kind)
                lake[name].extend([np.ones(shape, "i2")] * 3)


def media(path: Path) -> None:
    """What is read as bytes alone. The bytes are none of their formats: nobody here looks into them."""
    from deeplake.core.sample import Sample

    with new_lake(path) as lake, lake:
        for htype, (compression, dtype) in MEDIA.items():
            kind = {} if htype == "dicom" else {"sample_compression": compression}
            lake.create_tensor(htype, htype=htype, create_sample_info_tensor=False, max_chunk_size=250, **kind)
            for number in range(5):
                data = np.random.default_rng(number).bytes(100 + number)
                lake[htype].append(Sample(buffer=data, compression=compression, shape=(2, 3 + number, 1), dtype=dtype))
        lake.create_tensor("numbers", dtype="int32")
        lake.numbers.extend(np.arange(10, dtype="i4").reshape(5, 2))


def _images(lake: Lake, name: str, channels: int, **kind: Any) -> None:
    lake.create_tensor(name, htype="image", **kind)
    for number in range(5):
        lake[name].append(None if number in (2, 4) else picture(9 + number, 7 + number % 2, channels, seed=number))


def _mask(height: int, width: int, dtype: str, seed: int) -> npt.NDArray[Any]:
    values = picture(height, width, 0, seed=seed) % 120
    return values > 60 if dtype == "bool" else values.astype(dtype)


def _file(image: npt.NDArray[Any], image_format: str, **options: Any) -> bytes:
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, image_format, **options)
    return buffer.getvalue()


def _cmyk(height: int, width: int, **options: Any) -> bytes:
    buffer = BytesIO()
    Image.fromarray(picture(height, width, 4), "CMYK").save(buffer, "JPEG", **options)
    return buffer.getvalue()
