"""What a checkpoint of mmcv's leaves out of a model's state, or what hooks do to it when a run goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from mmcv.parallel import is_module_wrapper
from mmcv.runner import GradientCumulativeOptimizerHook
from torch.optim import Optimizer

__all__ = [
    "Gradients",
    "gradients_in_state",
    "iterations_of_a_step",
    "not_in",
    "put_back",
    "taken_gradients",
    "unchanged",
]

#: Accumulated gradients by parameter.
Gradients = Mapping[torch.nn.Parameter, torch.Tensor]
#: Name of a gradient in the optimizer's state of a parameter.
_GRADIENT = "penstock_gradient"


def iterations_of_a_step(runner: Any) -> int | None:
    """After how many iterations a ``GradientCumulativeOptimizerHook`` lets the optimizer step; None without one."""
    counts = [hook.cumulative_iters for hook in runner.hooks if isinstance(hook, GradientCumulativeOptimizerHook)]
    return counts[0] if counts else None


@contextmanager
def gradients_in_state(runner: Any) -> Iterator[None]:
    """Has the gradients that wait for a step in the optimizer's state within a ``with``, to be saved with it.

    Ranks have the same ones. There is nothing to do without ``GradientCumulativeOptimizerHook``, or right after its
    steps.
    """
    accumulating = iterations_of_a_step(runner) is not None
    for parameter in _parameters(runner.optimizer) if accumulating else ():
        if parameter.grad is not None:
            runner.optimizer.state[parameter][_GRADIENT] = parameter.grad.detach()
    try:
        yield
    finally:
        taken_gradients(runner.optimizer)


def taken_gradients(optimizer: Any) -> Gradients:
    """The gradients of :func:`gradients_in_state`, which are no longer there: optimizers take a parameter without a
    state for one that never made a step.
    """
    found = {}
    for parameter in _parameters(optimizer):
        if _GRADIENT in optimizer.state.get(parameter, {}):
            found[parameter] = optimizer.state[parameter].pop(_GRADIENT)
            if not optimizer.state[parameter]:
                del optimizer.state[parameter]
    return found


def not_in(model: torch.nn.Module, state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What of ``state`` the model has neither as a parameter nor as a buffer."""
    known = _inner(model).state_dict().keys()
    return {name: value for name, value in state.items() if name not in known}


def put_back(model: torch.nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    """Gives parameters and buffers the values of ``state``, by name, where both have them."""
    for name, value in _inner(model).state_dict().items():
        if name in state and state[name].shape == value.shape:
            value.copy_(state[name])


@contextmanager
def unchanged(model: torch.nn.Module) -> Iterator[None]:
    """Undoes what becomes of parameters and buffers within a ``with``."""
    state = {name: value.clone() for name, value in _inner(model).state_dict().items()}
    yield
    put_back(model, state)


def _parameters(optimizer: Any) -> list[torch.nn.Parameter]:
    # Several optimizers in a dict are for models that step themselves.
    groups = optimizer.param_groups if isinstance(optimizer, Optimizer) else []
    return [parameter for group in groups for parameter in group["params"]]


def _inner(model: torch.nn.Module) -> torch.nn.Module:
    inner: Any = model.module if is_module_wrapper(model) else model
    return inner  # type: ignore[no-any-return]
