"""MMEngine's runner with Penstock's loaders."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.dist import is_distributed
from mmengine.registry import RUNNERS
from mmengine.runner import BaseLoop, Runner

from penstock.integrations.mmdet3.building import build_dataloader, deep_lake_datasets
from penstock.integrations.mmdet3.detection_loader import DetectionLoader
from penstock.integrations.mmdet3.evaluation import attach_truth
from penstock.integrations.mmdet3.looking.drawing import drawing
from penstock.integrations.mmdet3.training.checkpoints import readable
from penstock.integrations.mmdet3.training.checks import check_evaluated, check_switches, check_trained
from penstock.integrations.mmdet3.training.facts import DatasetFacts
from penstock.integrations.mmdet3.training.loops import own_loop
from penstock.integrations.mmdet3.training.preparing import prepared, without_secrets
from penstock.integrations.mmdet3.training.resume import ResumeHook, Resumption

__all__ = ["PenstockRunner"]


@RUNNERS.register_module()
class PenstockRunner(Runner):  # type: ignore[misc]
    """MMEngine's ``Runner``, which loads Deep Lake's datasets by the C++ core; all other datasets, as MMEngine does.

    Its checkpoints hold what a run needs to go on with the batch that would have come next, with the random numbers
    that would have come next, also within an epoch. Without that MMEngine's runners can read them, and it theirs.

    Attributes:
        resumption: What the checkpoint that this run goes on from says of where to go on; None where it begins, or
            once it goes on.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.resumption: Resumption | None = None
        self._resume_hook = ResumeHook()
        if kwargs.get("cfg") is not None:
            # This one goes into files, checkpoints and logs.
            kwargs["cfg"] = without_secrets(kwargs["cfg"])
        super().__init__(*args, **kwargs)

    @classmethod
    def from_cfg(cls, cfg: Any) -> PenstockRunner:
        """A runner of a configuration; see MMEngine's.

        Raises:
            ConfigError: Keys of MMDetection 2, or what cannot work.
        """
        runner: PenstockRunner = super().from_cfg(prepared(cfg))
        return runner

    @staticmethod
    def build_dataloader(
        dataloader: Any, seed: int | None = None, diff_rank_seed: bool = False
    ) -> Any:
        """A loader of a configuration: a :class:`DetectionLoader` over Deep Lake's datasets, else MMEngine's."""
        if isinstance(dataloader, Mapping) and any(True for _ in deep_lake_datasets(dataloader)):
            return build_dataloader(copy.deepcopy(dataloader), seed, diff_rank_seed)
        return Runner.build_dataloader(dataloader, seed, diff_rank_seed)

    def build_train_loop(self, loop: Any) -> BaseLoop:
        """As MMEngine's; its two loops go on within an epoch here.

        Raises:
            ConfigError: A model that does not fit the dataset.
        """
        built = super().build_train_loop(own_loop(loop))
        check_trained(self.model, built.dataloader)
        check_switches(self._hooks, built.dataloader)
        return built

    def build_val_loop(self, loop: Any) -> BaseLoop:
        """As MMEngine's; metrics have the annotations of the dataset.

        Raises:
            ConfigError: Metrics or classes that do not fit.
        """
        return self._with_truth(super().build_val_loop(loop), "val")

    def build_test_loop(self, loop: Any) -> BaseLoop:
        """As :meth:`build_val_loop`."""
        return self._with_truth(super().build_test_loop(loop), "test")

    def setup_env(self, env_cfg: dict[str, Any]) -> None:
        """As MMEngine's, which starts processes of ``torchrun`` on GPUs alone: where there is none, ranks talk through
        gloo.
        """
        if self.launcher == "pytorch" and not is_distributed() and not torch.cuda.is_available():
            torch.distributed.init_process_group("gloo")
        super().setup_env(env_cfg)

    def wrap_model(self, model_wrapper_cfg: Any, model: torch.nn.Module) -> torch.nn.Module:
        """As MMEngine's, on a CPU too."""
        if model_wrapper_cfg is None and is_distributed() and not torch.cuda.is_available():
            unused = self.cfg.get("find_unused_parameters", False)
            model_wrapper_cfg = {
                "type": "MMDistributedDataParallel",
                "device_ids": None,
                "broadcast_buffers": False,
                "find_unused_parameters": unused,
            }
        wrapped: torch.nn.Module = super().wrap_model(model_wrapper_cfg, model)
        return wrapped

    def register_hook(self, hook: Any, priority: Any = None) -> None:
        """As MMEngine's; a ``DetVisualizationHook`` draws on images of Deep Lake's datasets too."""
        super().register_hook(hook, priority)
        self._hooks[:] = [drawing(one) for one in self._hooks]

    def register_hooks(self, *args: Any, **kwargs: Any) -> None:
        """As MMEngine's, with those that keep what a run goes on with, and say what it is trained on."""
        super().register_hooks(*args, **kwargs)
        self.register_hook(self._resume_hook)
        self.register_hook(DatasetFacts())

    def save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        """As MMEngine's: rank 0 writes, and has asked the others before for what they go on with."""
        self._resume_hook.gather(self)
        super().save_checkpoint(*args, **kwargs)

    def load_checkpoint(self, *args: Any, **kwargs: Any) -> Any:
        """As MMEngine's; see :func:`readable`."""
        with readable():
            return super().load_checkpoint(*args, **kwargs)

    def resume(self, *args: Any, **kwargs: Any) -> None:
        """As MMEngine's; a checkpoint of this runner goes on with the batch that would have come next."""
        self._resume_hook.loaded = None
        super().resume(*args, **kwargs)
        self.resumption, self._resume_hook.loaded = self._resume_hook.loaded, None

    def _with_truth(self, loop: Any, name: str) -> Any:
        if isinstance(loop.dataloader, DetectionLoader):
            evaluator = f"{name}_evaluator"
            attach_truth(loop.evaluator.metrics, loop.dataloader.dataset, evaluator)
            trained = self._train_loop.dataloader if isinstance(self._train_loop, BaseLoop) else None
            check_evaluated(self.model, loop, trained, evaluator)
        return loop
