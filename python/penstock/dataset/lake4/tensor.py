"""A column of a Deep Lake 4 dataset as a tensor."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from penstock.dataset.data_form import data_form
from penstock.dataset.interface import Block, CoreSource, Route, Wrong
from penstock.dataset.lake3.rows import sample_number
from penstock.dataset.lake4.checking import check_rows
from penstock.dataset.lake4.failures import reading_error
from penstock.dataset.lake4.types import column_type
from penstock.dataset.lake4.values import ValueCodec
from penstock.errors import DatasetFormatError, DecodeError, PenstockError, UnsupportedError
from penstock.format.decode import Color, decode_image, decode_picture
from penstock.format.image_header import read_image_header
from penstock.format.sample import DECODINGS, Decode

if TYPE_CHECKING:
    from penstock.dataset.lake4.dataset import Lake4Dataset

__all__ = ["Lake4Tensor"]

#: Samples asked for at once where all are wanted.
_MANY = 1024
#: Samples that are checked at once.
_CHECKED = 64
_NOT_AN_IMAGE = "The sample is no image that Deep Lake can decode: replace it, or leave it out"
_NEVER_GIVEN = "It may be older than the column: give the sample a value, or leave the column out"
# Inside the class below, `bytes` is a method.
_bytes = bytes


class Lake4Tensor:
    """A column, as a list of samples. Obtained from a :class:`Lake4Dataset`.

    Samples are those of Deep Lake 4: images (h, w, channels), scalars of shape (), texts str, dicts dict, polygons a
    list of arrays (points, 2). A sample that was never given (its column is younger than its row) is an array without
    elements, or None where samples are no arrays; a scalar that was never given is an error. An empty text is "" and
    empty bytes are b"", of which Deep Lake 4.7 gives None once they are stored. CMYK images, parts of which it leaves
    undefined, are as Deep Lake 3 has them.

    Attributes:
        name: The column's name.
    """

    def __init__(self, dataset: Lake4Dataset, name: str, kind: Any) -> None:
        self._dataset = dataset
        self.name = name
        self._type = column_type(kind)
        self._item_size = 1 if self._type.dtype is None else self._type.dtype.itemsize

    @property
    def path(self) -> str:
        """The dataset's path."""
        return self._dataset.path

    @property
    def format_version(self) -> int:
        """Deep Lake's."""
        return 4

    @property
    def htype(self) -> str:
        """Deep Lake 3's word for the column's type."""
        return self._type.htype

    @property
    def base_htype(self) -> str:
        """The same: Deep Lake 4's sequences and links are not read."""
        return self._type.htype

    @property
    def is_sequence(self) -> bool:
        return False

    @property
    def is_link(self) -> bool:
        return False

    @property
    def decodes_images(self) -> bool:
        """Whether samples are images."""
        return self.is_image

    @property
    def is_image(self) -> bool:
        """Whether samples are images."""
        return self.htype == "image"

    @cached_property
    def value_format(self) -> ValueCodec | None:
        """For text, dicts, polygons and the like, how they pass through the core; None for arrays."""
        return None if self._type.form in ("image", "array") else ValueCodec(self._type.form)

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """Dtype of the samples; None for values."""
        return self._type.dtype

    @property
    def sample_compression(self) -> str | None:
        """"jpeg" or "png" for encoded images. How Deep Lake compresses the rest is its own affair."""
        return self._type.encoding

    @property
    def chunk_compression(self) -> str | None:
        return None

    @cached_property
    def min_shape(self) -> tuple[int, ...]:
        """Smallest extent of each axis over all samples; () for values, and where the number of axes differs."""
        return self._extremes(np.min)

    @cached_property
    def max_shape(self) -> tuple[int, ...]:
        """Largest extent of each axis over all samples; () for values, and where the number of axes differs."""
        return self._extremes(np.max)

    @cached_property
    def ndim(self) -> int:
        """Number of axes of a sample; where the type leaves it open, of the first."""
        if self._type.axes is not None:
            return self._type.axes
        if self.value_format is not None or len(self) == 0:
            return 0
        first = self._column[0]
        return 1 if first is None else int(np.ndim(first))

    @cached_property
    def info(self) -> Mapping[str, Any]:
        """The column's metadata; of boxes also "coords", as the column's type declares them."""
        declared = self._dataset.coords.get(self.name) if self.htype == "bbox" else None
        return {**({"coords": declared} if declared else {}), **dict(self._column.metadata.to_dict())}

    @property
    def class_names(self) -> list[str] | None:
        """Names of the classes, by label; None where none are given. Raises DatasetFormatError."""
        names = self.info.get("class_names")
        if names is None or len(names) == 0:
            return None
        if isinstance(names, str) or not all(isinstance(name, str) for name in names):
            raise DatasetFormatError(
                "the metadata's 'class_names' is not a list of text", path=self.path, tensor=self.name
            )
        return list(names)

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> Any:
        """A sample as Deep Lake 4 returns it (dicts as dict): arrays are the caller's own."""
        return self.read(index)

    def __repr__(self) -> str:
        return f"Lake4Tensor('{self.name}', htype={self.htype!r}, dtype={self.dtype}, length={len(self)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (operator.getitem, (self._dataset, self.name))

    def read(self, index: int, color: Color = "native", decode: Decode = "numpy") -> Any:
        """A decoded sample.

        Args:
            index: Which one; negative ones count from the end.
            color: For images: "native", "rgb" and "bgr" for uint8 (h, w, 3), or "gray" for uint8 (h, w).
            decode: "numpy" gives what :meth:`__getitem__` does; "bytes" what :meth:`bytes` does; "pil", of images, a
                ``PIL.Image.Image``; "data" what :func:`penstock.dataset.data_form.data_form` does.

        Raises:
            IndexError: There is no such sample.
            ValueError: There is no such ``decode``.
            DecodeError, StorageError, ChunkNotFoundError, UnsupportedError: It cannot be read.
        """
        if decode not in DECODINGS:
            raise ValueError(f"decode must be one of {', '.join(map(repr, DECODINGS))}, got {decode!r}")
        self.check_supported(decode)
        if decode == "bytes":
            return self.bytes(index)
        if decode == "data":
            return data_form(self, self.read(index, color), None)
        checked = self._checked(index)
        item = self._item(checked)
        try:
            return self._sample(checked, item, color) if decode == "numpy" else self._picture(item)
        except PenstockError as error:
            raise reading_error(error, path=self.path, tensor=self.name, index=checked) from error.__cause__

    def read_many(self, indices: Sequence[int], decoded: bool) -> list[Any]:
        """Samples for the native core, which calls it on threads of its own.

        Args:
            indices: Which ones, from 0 on.
            decoded: Images come as arrays, by Deep Lake's own decoder.

        Returns:
            For each index bytes (an image file, or a value for :meth:`value`), a C-contiguous array, or the error that
            says why the sample cannot be read.
        """
        try:
            return self._items(list(indices), decoded=decoded)
        except Exception:
            return [self._attempt(index, decoded) for index in indices]

    def bytes(self, index: int) -> _bytes:
        """A sample's bytes: the image file, the text, the array's elements."""
        self.check_supported()
        item = self._item(self._checked(index))
        return item if isinstance(item, bytes) else item.tobytes()

    def value(
        self, index: int, pieces: Sequence[_bytes], color: Color = "native", decode: Decode = "numpy"
    ) -> Any:
        """What a value's bytes, read by :meth:`read_many`, stand for. Raises DecodeError."""
        assert self.value_format is not None and decode == "numpy"
        try:
            return self.value_format.decode(pieces[0])
        except PenstockError as error:
            raise reading_error(error, path=self.path, tensor=self.name, index=index) from error.__cause__

    def shape(self, index: int) -> tuple[int, ...]:
        """Shape of a sample; an encoded image is not decoded."""
        item = self._item(self._checked(index))
        if self._type.encoding is not None and isinstance(item, _bytes):
            return read_image_header(item, self._type.encoding, self._item_size).shape
        return item.shape if isinstance(item, np.ndarray) else ()

    def shapes(self) -> npt.NDArray[np.int64]:
        """Shapes of all samples, int64 [samples, axes], from Deep Lake's own tables: nothing is decoded.

        UnsupportedError where samples differ in their number of axes, which the type of the column may leave open.
        """
        self.check_supported()
        if self.value_format is not None:
            return np.zeros((len(self), 0), dtype=np.int64)
        if self._type.fixed_shape is not None:
            return np.tile(np.array(self._type.fixed_shape, dtype=np.int64), (len(self), 1))
        quoted = self.name.replace('"', '""')
        try:
            view = self._dataset.handle.query(f'SELECT SHAPE("{quoted}") AS s')
            found = view["s"][:]
        except Exception as error:
            raise reading_error(error, path=self.path, tensor=self.name) from error
        if not isinstance(found, np.ndarray) or found.shape[1:] != (self.ndim,):
            # A sample that was never given has as many zeros as the type has axes, the others may have fewer.
            found = [self._as_many_axes(row) for row in found]
        return np.asarray(found, dtype=np.int64).reshape(len(self), -1 if len(self) else self.ndim)

    def numpy_all(self) -> list[Any]:
        """All samples, many at a time."""
        self.check_supported()
        samples: list[Any] = []
        for start in range(0, len(self), _MANY):
            indices = range(start, min(start + _MANY, len(self)))
            for index, item in zip(indices, self.read_many(indices, decoded=False), strict=True):
                if isinstance(item, Exception):
                    raise item
                samples.append(self._sample(index, item, "native"))
        return samples

    def unsupported(self, decode: Decode = "numpy") -> str | None:
        """Why the column cannot be loaded, None when it can. ``decode`` is that of :meth:`read`."""
        if self._type.unsupported is None and decode == "pil" and not self.is_image:
            return f"htype '{self.htype}' is no image, which decode='pil' needs"
        return self._type.unsupported

    def check_supported(self, decode: Decode = "numpy") -> None:
        """Raises UnsupportedError when the column cannot be loaded."""
        reason = self.unsupported(decode)
        if reason is not None:
            raise UnsupportedError(
                reason, tensor=self.name, path=self.path, hint="Leave it out with tensors=[...]"
            )

    def route(self, decode: Decode) -> Route:
        """Who reads the samples for the native loader."""
        if decode != "numpy":
            return "python"
        return "arrays" if self.value_format is None else "bytes"

    @property
    def apart(self) -> str:
        """Nothing: the samples are those of one column."""
        return ""

    def serves_core_transforms(self, decode: Decode) -> bool:
        """Whether samples are arrays: values pass through the core in forms that are Python's own."""
        return self.value_format is None and self.route(decode) == "arrays"

    def core_source(self) -> CoreSource:
        """The core asks for samples: see :meth:`read_many`."""
        return CoreSource(read_many=self.read_many)

    def item_counts(self, indices: Sequence[int]) -> list[int]:
        """1 of each."""
        return [1] * len(indices)

    @property
    def empty_sequence(self) -> Any:
        """None: samples are no sequences."""
        return None

    def chunk_count(self) -> None:
        """None: Deep Lake's own package alone sees chunks."""
        return None

    def chunk_numbers(self) -> None:
        """None: Deep Lake's own package alone sees chunks."""
        return None

    def check_index(self) -> None:
        """Nothing: Deep Lake's own package reads the indices."""

    def blocks(self) -> Iterator[Block]:
        """Some rows after the others."""
        for number, begin in enumerate(range(0, len(self), _CHECKED)):
            yield Block(number, range(begin, min(begin + _CHECKED, len(self))))

    def check_block(self, block: Block, *, decode: bool, native: bool) -> Iterable[Wrong]:
        """Tries some rows. All are read, and of images the headers checked, also without ``decode``."""
        items = self.read_many(block.items, decoded=False)
        return check_rows(self, block.items, items, decode=decode, native=native)

    @cached_property
    def _column(self) -> Any:
        return self._dataset.handle[self.name]

    def _sample(self, index: int, item: Any, color: Color) -> Any:
        if self.value_format is not None:
            return self.value_format.decode(item)
        if self._type.encoding is not None and isinstance(item, _bytes):
            header = read_image_header(item, self._type.encoding, self._item_size)
            if header.plain or color != "native":
                return decode_image(item, self._type.encoding, header.shape, self._numeric, color)
            item = self._item(index, decoded=True)
        elif self.is_image and color != "native":
            return decode_image(memoryview(item).cast("B"), None, item.shape, self._numeric, color)
        return item if item.flags.owndata and item.flags.writeable else item.copy()

    def _picture(self, item: Any) -> Any:
        if self._type.encoding is None or not isinstance(item, _bytes):
            return decode_picture(memoryview(item).cast("B"), None, item.shape, self._numeric)
        shape = read_image_header(item, self._type.encoding, self._item_size).shape
        return decode_picture(item, self._type.encoding, shape, self._numeric)

    @property
    def _numeric(self) -> np.dtype[Any]:
        assert self._type.dtype is not None  # of images and arrays
        return self._type.dtype

    def _item(self, index: int, decoded: bool = False) -> Any:
        item = self._attempt(index, decoded)
        if isinstance(item, Exception):
            raise item
        return item

    def _attempt(self, index: int, decoded: bool) -> Any:
        """A sample's item, or the error that says why there is none."""
        try:
            return self._items([index], decoded)[0]
        except Exception as error:
            # An image whose bytes are there and which Deep Lake cannot decode is none that was never given.
            stand_in = None if decoded else self._stand_in(index)
            if stand_in is not None:
                return stand_in
            return reading_error(error, path=self.path, tensor=self.name, index=index)

    def _items(self, indices: list[int], decoded: bool) -> list[Any]:
        """What ``read_many`` returns, or any exception of Deep Lake's for one of the samples."""
        codec = self.value_format
        if codec is not None:
            return self._raw(indices) if codec.reads_bytes else [codec.encode(v) for v in self._column[indices]]
        if self._type.encoding is not None and not decoded:
            return self._raw(indices)
        if self._type.encoding is not None:
            # One by one: of several PNGs with few bits deeplake 4.7 gives the first one's pixels for all.
            return [self._array(self._column[index]) for index in indices]
        return [self._array(found) for found in self._column[indices]]

    def _raw(self, indices: list[int]) -> list[_bytes]:
        found: list[_bytes] = self._column.get_bytes(indices)
        if not all(isinstance(data, _bytes) for data in found):
            raise DecodeError("Deep Lake gives no bytes for the sample")
        return found

    def _array(self, found: Any) -> npt.NDArray[Any]:
        if found is None:
            raise DecodeError(
                "Deep Lake gives nothing for the sample", hint=_NOT_AN_IMAGE if self.is_image else _NEVER_GIVEN
            )
        return np.ascontiguousarray(found, dtype=self._numeric).reshape(np.shape(found))

    def _stand_in(self, index: int) -> Any:
        """What stands for a sample that was never given; None where it was, or where nothing can."""
        try:
            given = self._column[index] is not None
        except Exception:
            return None
        if given:
            return None
        if self.value_format is not None:
            return self.value_format.encode(None)
        return np.zeros((0,) * self.ndim, dtype=self._numeric) if self.ndim else None

    def _as_many_axes(self, shape: Sequence[int]) -> Sequence[int]:
        if len(shape) == self.ndim:
            return shape
        if any(shape) or len(shape) == 0:
            raise UnsupportedError(
                f"samples have {self.ndim} axes and {len(shape)}, and so no shapes that could be listed",
                path=self.path,
                tensor=self.name,
                hint="Read them one by one",
            )
        return [0] * self.ndim

    def _extremes(self, extreme: Callable[..., npt.NDArray[np.int64]]) -> tuple[int, ...]:
        if self._type.unsupported is not None:
            return ()
        try:
            shapes = self.shapes()
        except UnsupportedError:
            return ()
        return tuple(extreme(shapes, axis=0).tolist()) if len(shapes) else (0,) * self.ndim

    def _checked(self, index: int) -> int:
        number = sample_number(index, self.name)
        if not -len(self) <= number < len(self):
            raise IndexError(f"sample {number} of tensor '{self.name}' is out of range: it has {len(self)}")
        return number % len(self)
