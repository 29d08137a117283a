"""The chain itself."""

from __future__ import annotations

import functools
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch.utils.data

from penstock.chain.building import batch_form, build_loader, own_name, sample_count
from penstock.chain.formed import Formed, FormedBatches
from penstock.chain.forms import Transform
from penstock.chain.order import Weights
from penstock.chain.queries import query_rows, weights_of_text
from penstock.chain.settings import Ending, Mode, Settings
from penstock.dataset import DatasetLike, open_dataset
from penstock.described import described
from penstock.errors import ConfigError, UnsupportedError
from penstock.loader import DataLoader
from penstock.loading.iteration import Iteration
from penstock.loading.options import resolve_loader_type

__all__ = ["Chain", "dataloader"]

logger = logging.getLogger("penstock")

#: Deep Lake's default, in MB.
_BUFFER_SIZE = 2048
_SETTABLE = ("worker_init_fn", "multiprocessing_context")


def dataloader(
    dataset: DatasetLike,
    ignore_errors: bool = False,
    verbose: bool = False,
    *,
    loader_type: str = "auto",
    seed: int | None = None,
) -> Chain:
    """Deep Lake 3's loader of ``ds.dataloader()``, whose links are called one after the other, in any order:
    ``penstock.dataloader(ds).transform(f).batch(8).shuffle().pytorch(num_workers=2)``.

    Args:
        dataset: What :func:`penstock.open` takes: a path, a dataset or view of deeplake 3.
        ignore_errors: Others stand in for bad samples: ``DataLoader(on_error="skip")``.
        verbose: Without effect, which a warning says: what happens is logged in any case.
        loader_type, seed: As of :class:`penstock.DataLoader`.

    Raises:
        PenstockError: As of :func:`penstock.open`.
        ValueError: There is no such ``loader_type``.
        NativeUnavailableError: ``loader_type`` is "c++", and the extension is not installed.
    """
    if verbose:
        warnings.warn("verbose has no effect: show the log of logging.getLogger('penstock')", stacklevel=2)
    resolve_loader_type(loader_type)
    opened = open_dataset(dataset)
    return Chain(Settings(opened, dataset, loader_type, seed, bool(ignore_errors)))


def _settable(name: str) -> Any:
    """A property of worker processes."""

    def get(self: Chain) -> Any:
        return self._of_workers[name]

    def put(self: Chain, value: Any) -> None:
        self._of_workers[name] = value
        self.close()

    return property(get, put)


class Chain(torch.utils.data.DataLoader[Any]):
    """A loader that is being described, as Deep Lake 3's ``DeepLakeDataLoader`` is. Each link returns a new chain.

    It can be iterated at any time. Without ``.pytorch()`` and after ``.numpy()`` a batch is a list of samples, dicts of
    numpy arrays. After ``.pytorch()`` it is a dict of tensors; see ``docs/how-to/deeplake-chain.md``. Both kinds of
    dicts iterate over their values.

    Underneath is a :class:`penstock.DataLoader`, made when it is first needed: errors of the dataset are raised then.
    All that a chain does not have itself is the loader's: ``state_dict()``, ``stats()``, ``explain()``, ``sampler``.

    Attributes:
        worker_init_fn, multiprocessing_context: Of worker processes. The only ones that can be set; a loader that was
            made before is closed.
    """

    # Attributes of instances, whose values torch's class has as attributes of its own.
    _settings: Settings
    _loader: DataLoader | None
    _running: Iterator[Any] | None

    def __init__(self, settings: Settings) -> None:
        # torch's own is not called: what it sets is the loader's.
        self._settings = settings
        self._loader = None
        self._running = None
        self._of_workers: dict[str, Any] = dict.fromkeys(_SETTABLE)

    def transform(self, transform: Transform, **kwargs: Any) -> Chain:
        """Transforms samples.

        Args:
            transform: Called with each sample; or {tensor: function of its value, None to leave it as it is}, which
                also says which tensors are loaded ("index" where samples have it).
            kwargs: Further arguments of a callable.

        Raises:
            ValueError: It is set already; a dict, where ``tensors`` were named.
            TensorNotFoundError: A name that the dataset does not have.
            TypeError: Neither of the two.
        """
        settings = self._settings
        if settings.transform is not None:
            raise ValueError("transform is already set")
        if isinstance(transform, Mapping):
            if settings.tensors is not None:
                raise ValueError(f"Tensors have already been specified in the .{settings.ending.mode} method.")
            names = [own_name(settings.dataset, key) for key in transform if key != "index"]
            return self._with(transform=dict(transform), tensors=tuple(names))
        if not callable(transform):
            raise TypeError(f"transform must be a callable or a dict of such, got {described(transform)}")
        return self._with(transform=functools.partial(transform, **kwargs) if kwargs else transform)

    def query(self, query_string: str) -> Chain:
        """Keeps the samples that a query finds; see ``docs/how-to/deeplake-chain.md`` for what can be asked.

        Raises:
            UnsupportedError: The query needs Deep Lake's own engine, and that does not run it.
            MissingExtraError: The library deeplake 3 is not installed.
            ConfigError: ``sample_by`` came before: its weights are those of the samples that were there then.
        """
        if self._settings.weights is not None:
            raise ConfigError("query comes before sample_by: the weights are those of the samples it leaves")
        return self._with(dataset=query_rows(self._settings.dataset, self._settings.given, query_string))

    def sample_by(
        self, weights: str | Sequence[float] | Any, replace: bool | None = True, size: int | None = None
    ) -> Chain:
        """Draws samples by their weights, anew for each epoch, as seed and epoch decide.

        Args:
            weights: A number for each sample; or text: the name of a tensor of single numbers, or
                ``"max_weight(condition: weight, ...)"`` (``sum_weight``), with conditions as ``query`` takes them.
            replace: A sample may come several times. Else those of weight 0 come last.
            size: Samples of an epoch; default: as many as there are.

        Raises:
            ValueError: It is set already; other than one weight for each sample.
            UnsupportedError: Text that is neither of the two.
        """
        settings = self._settings
        if settings.weights is not None:
            raise ValueError("sample_by is already set")
        if isinstance(weights, str):
            weights = weights_of_text(settings.dataset, settings.given, weights)
        found = Weights(weights, replace is None or bool(replace), size)
        if len(found.values) != len(settings.dataset):
            raise ValueError(
                f"sample_by: a weight is needed for each of {len(settings.dataset)} samples, got {len(found.values)}"
            )
        return self._with(weights=found)

    def shuffle(self, shuffle: bool = True, buffer_size: int = _BUFFER_SIZE) -> Chain:
        """A new order for each epoch.

        Args:
            shuffle: As of :class:`penstock.DataLoader`; with ``offset`` or ``sample_by`` always fully.
            buffer_size: Without effect, which a warning says: nothing is shuffled in a buffer of decoded samples.

        Raises:
            ValueError: It is set already.
        """
        if self._settings.shuffle is not None:
            raise ValueError("shuffle is already set")
        if buffer_size != _BUFFER_SIZE:
            warnings.warn("buffer_size has no effect: samples are shuffled before they are read", stacklevel=2)
        return self._with(shuffle=bool(shuffle))

    def offset(self, off: int = 0) -> Chain:
        """Begins each epoch with the sample of this number in its order; those before it come at the end.

        Raises:
            ValueError: It is set already, or it is no number from 0 on.
        """
        if self._settings.offset is not None:
            raise ValueError("offset is already set")
        if isinstance(off, bool) or not isinstance(off, int) or off < 0:
            raise ValueError(f"offset must be an int of at least 0, got {described(off)}")
        return self._with(offset=off)

    def batch(self, batch_size: int, drop_last: bool = False) -> Chain:
        """Batches of so many samples; without it, of one.

        Raises:
            ValueError: It is set already.
        """
        if self._settings.batch_size is not None:
            raise ValueError("batch size is already set")
        return self._with(batch_size=batch_size, drop_last=drop_last)

    def pytorch(
        self,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        tensors: Sequence[str] | None = None,
        num_threads: int | None = None,
        prefetch_factor: int = 2,
        distributed: bool = False,
        return_index: bool = True,
        decode_method: Mapping[str, str] | None = None,
        persistent_workers: bool = False,
    ) -> Chain:
        """Batches are dicts of torch tensors, of ``uint16``, ``uint32`` and ``uint64`` of signed integers.

        Args:
            num_workers, num_threads, prefetch_factor, persistent_workers: As of :class:`penstock.DataLoader`.
            collate_fn: Makes a batch of a list of samples.
            tensors: Names of the tensors to load; None: all.
            distributed: Ranks of ``torch.distributed`` share the samples; else each has all.
            return_index: Samples carry ``"index"``, int64 of shape (1,): their number in the dataset, of a view too.
            decode_method: {tensor: ``"numpy"``, ``"tobytes"``, ``"pil"`` or ``"data"``}.

        Raises:
            ValueError: ``.pytorch()`` or ``.numpy()`` was called already; ``tensors`` beside a transform that is a
                dict, or with ``"index"``; ``distributed`` without ``torch.distributed``.
            TensorNotFoundError: A name that the dataset does not have.
        """
        if distributed and not (torch.distributed.is_available() and torch.distributed.is_initialized()):
            raise ValueError("distributed=True needs torch.distributed.init_process_group(), called before")
        return self._ended(
            Ending(
                "pytorch",
                num_workers=num_workers,
                num_threads=num_threads,
                prefetch_factor=prefetch_factor,
                decode_method=decode_method,
                persistent_workers=persistent_workers,
                collate_fn=collate_fn,
                distributed=bool(distributed),
                return_index=bool(return_index),
            ),
            tensors,
        )

    def numpy(
        self,
        num_workers: int = 0,
        tensors: Sequence[str] | None = None,
        num_threads: int | None = None,
        prefetch_factor: int = 2,
        decode_method: Mapping[str, str] | None = None,
        persistent_workers: bool = False,
    ) -> Chain:
        """Batches are lists of samples, dicts of numpy arrays as they are stored. Arguments and errors are those of
        :meth:`pytorch`.
        """
        ending = Ending(
            "numpy",
            num_workers=num_workers,
            num_threads=num_threads,
            prefetch_factor=prefetch_factor,
            decode_method=decode_method,
            persistent_workers=persistent_workers,
        )
        return self._ended(ending, tensors)

    def tensorflow(self, *args: Any, **kwargs: Any) -> Chain:
        """Raises UnsupportedError: ``.numpy()`` gives what TensorFlow takes."""
        raise UnsupportedError("batches of TensorFlow are not made", hint="Use .numpy(), whose arrays TensorFlow takes")

    @property
    def loader(self) -> DataLoader:
        """The :class:`penstock.DataLoader` underneath. Raises what its constructor does."""
        if self._loader is None:
            self._loader = build_loader(self._settings, **self._of_workers)
        return self._loader

    @property
    def collate_fn(self) -> Callable[[Any], Any]:  # type: ignore[override]
        """What makes a batch of what ``dataset`` gives, for those who build torch's loader of the two."""
        form, collate = batch_form(self._settings), self.loader.collate_fn
        return collate if form is None else Formed(collate, form)

    worker_init_fn: Any = _settable("worker_init_fn")
    multiprocessing_context: Any = _settable("multiprocessing_context")

    def close(self) -> None:
        """Stops threads and processes; iterating begins afresh. Idempotent."""
        self._running = None
        loader, self._loader = self._loader, None
        if loader is not None:
            loader.close()

    def __len__(self) -> int:
        """Number of batches; 0 where a tensor has no samples."""
        return len(self.loader) if sample_count(self._settings) else 0

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        """Starts an epoch."""
        batches: Iteration = iter(self.loader)
        form = batch_form(self._settings)
        return batches if form is None else FormedBatches(batches, form)

    def __next__(self) -> Any:
        """The next batch of an epoch that the first call starts, and of the next epoch after its end."""
        if self._running is None:
            self._running = iter(self)
        try:
            return next(self._running)
        except BaseException:
            self._running = None
            raise

    def __getstate__(self) -> dict[str, Any]:
        # The copy makes a loader of its own.
        return {"_settings": self._settings, "_of_workers": self._of_workers}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["_settings"])  # type: ignore[misc]
        self._of_workers.update(state["_of_workers"])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return getattr(self.loader, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_") and name not in _SETTABLE:
            raise ValueError(f"{name} of a chain cannot be set: its links say it")
        object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        settings = self._settings
        return f"penstock.dataloader({settings.dataset.path!r}, {sample_count(settings)} samples, {settings.ending})"

    def _with(self, **changes: Any) -> Chain:
        chain = Chain(replace(self._settings, **changes))
        chain._of_workers.update(self._of_workers)
        return chain

    def _ended(self, ending: Ending, tensors: Sequence[str] | None) -> Chain:
        settings = self._settings
        _check_mode(settings.ending.mode, ending.mode)
        if not tensors:
            return self._with(ending=ending)
        if isinstance(tensors, str):
            raise TypeError(f"tensors must be a list of names, got the string {tensors!r}")
        if "index" in tensors:
            raise ValueError("index is not a tensor, to get index, pass return_index=True")
        if settings.tensors is not None:
            raise ValueError("Tensors have already been specified by passing a dictionary to .transform() method")
        names = tuple(own_name(settings.dataset, name) for name in tensors)
        return self._with(ending=ending, tensors=names)


def _check_mode(before: Mode | None, now: Mode | None) -> None:
    if before is None:
        return
    raise ValueError(f"already called .{now}()" if before == now else f"Can't call .{now}() after .{before}()")
