"""What a checkpoint of mmcv's leaves out of a model's state, or what hooks do to it when a run goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from mmcv.parallel import is_module_wrapper
from mmcv.runner import GradientCumulativeOptimizerHook

__all__ = ["accumulated_gradients", "not_in", "put_back", "put_back_gradients", "unchanged"]


def accumulated_gradients(runner: Any) -> dict[str, Any] | None:
    """The gradients that wait for the optimizer's next step, on the CPU; None without
    ``GradientCumulativeOptimizerHook``, and right after its steps. Ranks have the same ones.

    Returns:
        {"iterations": after how many the optimizer steps, "values": {parameter's name: gradient}}.
    """
    every = _iterations_of_a_step(runner)
    parameters = _inner(runner.model).named_parameters()
    values = {name: one.grad.detach().cpu() for name, one in parameters if one.grad is not None}
    return {"iterations": every, "values": values} if every is not None and values else None


def put_back_gradients(runner: Any, kept: Mapping[str, Any], iteration: int) -> None:
    """Puts the gradients of :func:`accumulated_gradients` where they were.

    Where the run has another number of iterations for a step, or goes on at another iteration than ``iteration``, they
    are left out, which the log says.
    """
    if _iterations_of_a_step(runner) != kept["iterations"] or runner.iter != iteration:
        runner.logger.warning(
            "the checkpoint holds gradients that were accumulated for a step every %d iterations, in iteration %d; "
            "this run steps and counts otherwise, and begins without them",
            kept["iterations"],
            iteration,
        )
        return
    parameters = dict(_inner(runner.model).named_parameters())
    for name, value in kept["values"].items():
        if name in parameters and parameters[name].shape == value.shape:
            parameters[name].grad = value.to(parameters[name], copy=True)
    # mmcv's hook, which only looks at the iteration, is about to say that they are lost.
    runner.logger.info("the gradients that were accumulated before iteration %d are those of the checkpoint", iteration)


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


def _iterations_of_a_step(runner: Any) -> int | None:
    counts = [hook.cumulative_iters for hook in runner.hooks if isinstance(hook, GradientCumulativeOptimizerHook)]
    return counts[0] if counts else None


def _inner(model: torch.nn.Module) -> torch.nn.Module:
    inner: Any = model.module if is_module_wrapper(model) else model
    return inner  # type: ignore[no-any-return]
