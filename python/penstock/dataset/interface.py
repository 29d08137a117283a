"""What loaders, commands and integrations need of a dataset, whatever format it is stored in.

Deep Lake 3 (:mod:`penstock.dataset.lake3`), Deep Lake 4 (:mod:`penstock.dataset.lake4`) and joined datasets
(:mod:`penstock.dataset.joined`) provide it. What loaders and ``penstock.verify`` do differently for each is a method
here, so that another kind of dataset is one more class and no change to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, overload

import numpy as np
import numpy.typing as npt

from penstock.errors import PenstockError
from penstock.format.decode import Color
from penstock.format.sample import Decode, SampleLayout
from penstock.storage.store import Store

if TYPE_CHECKING:
    # Whose classes provide what is here.
    from penstock.dataset.lake3.chunk_index import ChunkIndex
    from penstock.dataset.lake3.rows import Rows
    from penstock.dataset.lake3.sequences import SequenceIndex

__all__ = ["Block", "CoreSource", "Dataset", "InChunks", "Route", "Tensor", "Wrong"]

#: What the native core does of reading samples: it makes arrays; it gives bytes, which Python makes the samples of; it
#: does nothing, and Python reads by itself.
Route = Literal["arrays", "bytes", "python"]

# Inside the protocol below, `bytes` is a method.
_bytes = bytes


class InChunks(Protocol):
    """Samples in chunks that the core reads itself."""

    @property
    def chunks(self) -> ChunkIndex:
        """Which chunk holds which stored item."""
        ...

    @property
    def layout(self) -> SampleLayout:
        """How every item is stored."""
        ...

    @property
    def runs(self) -> SequenceIndex | None:
        """Which items make up which sample; None where each sample is one item."""
        ...

    @property
    def rows(self) -> Rows | None:
        """The number of each sample among the stored ones; None where that is its own."""
        ...


@dataclass(frozen=True)
class CoreSource:
    """Where the core gets a tensor's samples from: one of the two is there.

    Attributes:
        in_chunks: Chunks that it reads.
        read_many: What it calls, on threads of its own. Takes indices, from 0 on, and whether images come as arrays.
            Returns for each index bytes (an image file, or a value for :meth:`Tensor.value`), a C-contiguous array, or
            the error that says why the sample cannot be read.
    """

    in_chunks: InChunks | None = None
    read_many: Callable[[Sequence[int], bool], list[Any]] | None = None


class Block(NamedTuple):
    """Samples that are checked together.

    Attributes:
        number: The chunk's, where samples lie in chunks.
        items: The samples; in chunks, items of the whole tensor.
    """

    number: int
    items: Sequence[int]


class Wrong(NamedTuple):
    """What is wrong with a sample or several.

    Attributes:
        error: Names the first sample; of sequences, the first item.
        last: The last one concerned.
        byte_range: Where their bytes lie in the chunk's file; None where that is not known.
    """

    error: PenstockError
    last: int
    byte_range: tuple[int, int] | None


class Tensor(Protocol):
    """A tensor (Deep Lake 4: a column): a list of samples, read one by one.

    The reading methods raise errors of :mod:`penstock.errors` that name dataset, tensor and sample.
    """

    @property
    def name(self) -> str:
        """Full name."""
        ...

    @property
    def path(self) -> str:
        """The dataset's path."""
        ...

    @property
    def format_version(self) -> int:
        """Deep Lake's: 3 or 4."""
        ...

    @property
    def htype(self) -> str:
        """Deep Lake 3's word for the type: "image", "bbox", "class_label", ...; "generic" where none is given."""
        ...

    @property
    def base_htype(self) -> str:
        """The type of a sequence's items and of linked files, else the same as :attr:`htype`."""
        ...

    @property
    def is_sequence(self) -> bool:
        """Whether samples are sequences of items."""
        ...

    @property
    def is_link(self) -> bool:
        """Whether samples are files elsewhere."""
        ...

    @property
    def decodes_images(self) -> bool:
        """Whether samples are images, or are compressed as if they were."""
        ...

    @property
    def is_image(self) -> bool:
        """Whether samples are images."""
        ...

    @property
    def value_format(self) -> object | None:
        """None for arrays; else samples are Python values (text, dicts, polygons), which ``value`` makes of bytes."""
        ...

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """Dtype of the samples; None for text and the like."""
        ...

    @property
    def sample_compression(self) -> str | None: ...

    @property
    def chunk_compression(self) -> str | None: ...

    @property
    def min_shape(self) -> tuple[int, ...]:
        """Smallest extent of each axis over all samples."""
        ...

    @property
    def max_shape(self) -> tuple[int, ...]:
        """Largest extent of each axis over all samples."""
        ...

    @property
    def ndim(self) -> int:
        """Number of axes of a sample."""
        ...

    @property
    def info(self) -> Mapping[str, Any]:
        """What the dataset's author noted of the tensor; of boxes, "coords"."""
        ...

    @property
    def class_names(self) -> list[str] | None:
        """Names of the classes, by label; None where none are given."""
        ...

    def __len__(self) -> int:
        """How many samples there are."""
        ...

    def __getitem__(self, index: int) -> Any:
        """A sample as Deep Lake returns it."""
        ...

    def read(self, index: int, color: Color = "native", decode: Decode = "numpy") -> Any:
        """A decoded sample; for images, ``color`` "rgb" and "bgr" give uint8 (h, w, 3), "gray" uint8 (h, w). ``decode``
        "bytes" gives what :meth:`bytes` does, "pil" a ``PIL.Image.Image``, "data" what
        :func:`penstock.dataset.data_form.data_form` does.
        """
        ...

    def bytes(self, index: int) -> _bytes:
        """A sample's bytes as stored: a JPEG file, for example."""
        ...

    def value(
        self, index: int, pieces: Sequence[_bytes], color: Color = "native", decode: Decode = "numpy"
    ) -> Any:
        """What the bytes that the native core has read stand for: of each item of a sequence, else of the sample."""
        ...

    def shape(self, index: int) -> tuple[int, ...]:
        """Shape of a sample, without decoding it."""
        ...

    def shapes(self) -> npt.NDArray[np.int64]:
        """Shapes of all samples, int64 [samples, axes]."""
        ...

    def numpy_all(self) -> list[Any]:
        """All samples: for small tensors such as labels and boxes."""
        ...

    def unsupported(self, decode: Decode = "numpy") -> str | None:
        """Why the tensor cannot be loaded, None when it can."""
        ...

    def check_supported(self, decode: Decode = "numpy") -> None:
        """Raises UnsupportedError when the tensor cannot be loaded."""
        ...

    def route(self, decode: Decode) -> Route:
        """Who reads the samples for the native loader."""
        ...

    @property
    def apart(self) -> str:
        """Why the core cannot read the samples as one tensor's, where they are several's; "" where it can."""
        ...

    def serves_core_transforms(self, decode: Decode) -> bool:
        """Whether the core's transforms can start from the samples: each stored in one piece that the core reads, and
        decodes where it is an array.
        """
        ...

    def core_source(self) -> CoreSource:
        """Where the core gets the samples from, where :meth:`route` is not "python"."""
        ...

    def item_counts(self, indices: Sequence[int]) -> list[int]:
        """How many items each of these samples has: 1 where samples are no sequences."""
        ...

    @property
    def empty_sequence(self) -> Any:
        """The sample that a sequence without items makes; None where samples are no sequences."""
        ...

    def chunk_count(self) -> int | None:
        """Number of chunks, of unsupported tensors too; None where Deep Lake's own package alone sees them."""
        ...

    def chunk_numbers(self) -> npt.NDArray[np.int64] | None:
        """The number of the chunk that holds each sample, int64 [samples]; of a sequence its first item, of a sample in
        tiles the first tile. None where Deep Lake's own package alone sees chunks.
        """
        ...

    def check_index(self) -> None:
        """Raises DatasetFormatError where what says which sample lies where cannot be read, or contradicts itself."""
        ...

    def blocks(self) -> Iterator[Block]:
        """All samples, in the blocks that :meth:`check_block` takes."""
        ...

    def check_block(self, block: Block, *, decode: bool, native: bool) -> Iterable[Wrong]:
        """Tries the samples of a block and gives what is wrong.

        Args:
            block: One of :meth:`blocks`.
            decode: Try to decode the samples; else only what tells their shapes and positions.
            native: The core may decode where it helps.
        """
        ...


class Dataset(Protocol):
    """A dataset, read only. :func:`penstock.open` makes one."""

    @property
    def path(self) -> str:
        """Its directory or URL."""
        ...

    @property
    def commit_id(self) -> str:
        """The commit that is read."""
        ...

    @property
    def branch(self) -> str:
        """The branch that is read, or that the commit was made on."""
        ...

    @property
    def view_id(self) -> str | None:
        """The id (Deep Lake 4: the tag) of the saved view that it was opened as; None for what is none."""
        ...

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """Tensors by full name, in Deep Lake's order."""
        ...

    @property
    def info(self) -> Mapping[str, Any]:
        """What the dataset's author noted."""
        ...

    @property
    def hidden_tensors(self) -> Mapping[str, Tensor]:
        """The tensors that Deep Lake hides."""
        ...

    @property
    def stores(self) -> Sequence[Store]:
        """The files that the core reads: one store, of joined datasets one for each part; none where it reads none."""
        ...

    @property
    def is_remote(self) -> bool:
        """Whether reading its samples waits for a network."""
        ...

    def __len__(self) -> int:
        """How many samples there are."""
        ...

    @overload
    def __getitem__(self, item: str) -> Tensor:
        """A tensor by its full name. Raises TensorNotFoundError."""
        ...

    @overload
    def __getitem__(self, item: int | slice | Sequence[int]) -> Any:
        """A sample, a dict of its tensors' values; of a slice or a list a dataset. Raises IndexError."""
        ...

    def __contains__(self, name: object) -> bool:
        """Whether there is a tensor of this full name."""
        ...

    def place(self, error: PenstockError) -> None:
        """Gives an error of the core, which knows no datasets, the place that the user knows."""
        ...

    def stored_in(self, tensors: Sequence[Tensor]) -> list[tuple[Dataset, list[Tensor]]]:
        """The datasets that store the samples of these tensors, each once and with its own tensors: this one, or the
        parts of a joined one.
        """
        ...

    def fingerprint(self) -> str:
        """Sixteen hex digits that stand for the samples that are read: a resumed loader needs the same."""
        ...
