"""Where a loader is: which epoch comes next, how far the one under way has come, and going on from a state."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from penstock.errors import ConfigError
from penstock.loading.order import order_name
from penstock.loading.plan import EpochPlan, Plan, StreamedPlan
from penstock.loading.samples import Samples
from penstock.loading.sampling import SharedSampler
from penstock.loading.seed import LoaderSeed
from penstock.loading.stages import Stages, after
from penstock.loading.state import LoaderState, pipeline_fingerprint
from penstock.loading.user_sampler import batches_of, ends_by_itself, sampler_note, skipping

__all__ = ["Epochs"]

logger = logging.getLogger("penstock")


@dataclass(frozen=True)
class _Progress:
    """Where an iteration is, as in :class:`LoaderState`, and where it began."""

    epoch: int = 0
    done: Stages = ()
    batches: int = 0
    note: Mapping[str, Any] | None = None
    _began: _Progress | None = None

    @property
    def began(self) -> _Progress:
        return self._began or self

    def with_batch(self, world_size: int, samples: int, began: _Progress) -> _Progress:
        return _Progress(self.epoch, after(self.done, world_size, samples), self.batches + 1, self.note, began)


class Epochs:
    """Plans one epoch after the other, and keeps what was handed out.

    Args:
        sampler: Gives indices; None where ``batch_sampler`` counts.
        batch_sampler: The user's own, whose batches are taken as they are; None where there is none.
        batch_size: Samples in a batch.
        drop_last: Drop the last batch when it is not full.
        ahead: Batches that are drawn ahead of a sampler that is streamed.
        seed: The loader's.
        samples: What is loaded.

    Attributes:
        samples: May be replaced by others in the same order.
        order_detail: What a state says of the order beside the sampler's way of it.
    """

    def __init__(
        self,
        sampler: Any,
        batch_sampler: Any,
        *,
        batch_size: int,
        drop_last: bool,
        ahead: int,
        seed: LoaderSeed,
        samples: Samples,
    ) -> None:
        self.samples = samples
        self.order_detail = ""
        #: What knows the epoch, where it does.
        self._source = sampler if batch_sampler is None else batch_sampler
        self._in_batches = batch_sampler is not None
        #: Where the order is a function of seed and epoch.
        self._own = sampler if batch_sampler is None and isinstance(sampler, SharedSampler) else None
        self._batch_size = batch_size
        self._drop_last = drop_last
        self._ahead = ahead
        self._seed = seed
        self._epoch = 0
        self._resume: LoaderState | None = None
        self._progress = _Progress()

    @property
    def batches_done(self) -> int:
        """See :attr:`penstock.DataLoader.batches_done`."""
        return self._progress.batches

    def set_epoch(self, epoch: int) -> None:
        """Selects the next epoch."""
        self._epoch = epoch
        set_epoch = getattr(self._source, "set_epoch", None)
        if set_epoch is not None:
            set_epoch(epoch)

    def begin(self) -> tuple[Plan, Callable[[], None]]:
        """The plan of the next epoch, or of what is left of it, and what has to be called with each batch that is
        handed out, and after the last one."""
        resume, self._resume = self._resume, None
        epoch = int(getattr(self._source, "epoch", self._epoch))
        if resume is not None and resume.epoch != epoch:
            resume = None  # another epoch was set since
        done = () if resume is None else resume.done
        self.samples.set_epoch(epoch)
        plan: Plan
        note = None
        if self._own is not None:
            plan = EpochPlan.of_order(epoch, self._own.order(done), self._batch_size, self._drop_last)
        else:
            note = sampler_note(self._source, at_start=True) if resume is None else resume.sampler
            plan = self._drawn(epoch, resume, len(self.samples))
        began = self._progress = _Progress(epoch, done, 0 if resume is None else resume.batches, note)
        self.set_epoch(epoch + 1)
        return plan, _Counter(self, plan, began, self._seed.world_size()).count

    def next_plan(self, most: int) -> EpochPlan | None:
        """What :meth:`begin` would plan now; None where seed and epoch alone do not tell, or where this rank has more
        samples than ``most``. Changes nothing."""
        if self._own is None or self._resume is not None or len(self._own) > most:
            return None
        return EpochPlan.of_order(self._own.epoch, self._own.order(), self._batch_size, self._drop_last)

    def at(self, epoch: int, batches: int) -> LoaderState:
        """See :meth:`penstock.DataLoader.state_at`."""
        progress = self._progress
        began = progress.began if epoch == progress.epoch else _Progress(epoch)
        each = max(batches - began.batches, 0) * self._batch_size
        if not self._in_batches:
            each = min(each, len(self._source))
        return self._state(epoch, after(began.done, self._seed.world_size(), each), batches, self._note())

    def now(self) -> LoaderState:
        """The state of the iteration that began last."""
        progress = self._progress
        return self._state(progress.epoch, progress.done, progress.batches, self._note())

    def go_on_from(self, state: LoaderState) -> None:
        """The next plan is what is left where a state was taken.

        Raises:
            ConfigError: It does not fit.
        """
        state.check_fits(self._state(0, (), 0, None))
        self._check_reachable(state)
        if state.seed is not None:
            self._seed.set(state.seed)
        self.set_epoch(state.epoch)
        self._resume = state = replace(state, batches=self._batches_before(state))
        self._progress = _Progress(state.epoch, state.done, state.batches)

    def _drawn(self, epoch: int, resume: LoaderState | None, samples: int) -> Plan:
        """The plan of a sampler of the user's own, or of batches of such."""
        skip = 0
        if resume is not None:
            skip = resume.batches if self._in_batches else sum(stage.each for stage in resume.done)
        drawn = skipping(self._source, None if resume is None else resume.sampler, skip)
        batches = drawn if self._in_batches else batches_of(drawn, self._batch_size, self._drop_last)
        if ends_by_itself(self._source):
            return EpochPlan.of_batches(epoch, batches, samples)
        return StreamedPlan(epoch, batches, samples, self._ahead)

    def _state(
        self, epoch: int, done: Stages, batches: int, sampler: Mapping[str, Any] | None
    ) -> LoaderState:
        return LoaderState(
            epoch=epoch,
            done=done,
            batches=batches,
            seed=self._seed.known,
            dataset=self.samples.source.fingerprint(),
            order=order_name(self._source) + self.order_detail,
            pipeline=pipeline_fingerprint(self.samples.program),
            sampler=sampler,
        )

    def _note(self) -> Mapping[str, Any] | None:
        """What brings the user's sampler back to where its epoch began, or begins."""
        if self._own is not None:
            return None
        if self._resume is not None:
            return self._resume.sampler
        if self._progress.batches or self._progress.note is not None:
            return self._progress.note
        return sampler_note(self._source, at_start=False)

    def _check_reachable(self, state: LoaderState) -> None:
        if not state.done:
            return
        world_size = self._seed.world_size()
        if self._own is not None:
            first = state.done[0]
            most = self._own.length_of(first.world_size)
            if first.each > most:
                raise ConfigError(
                    f"the state is damaged: {first.each} samples are done of an epoch that has {most} for each rank"
                )
            return
        if any(stage.world_size != world_size for stage in state.done):
            raise ConfigError(
                f"the state cannot be resumed here: its world size is {state.done[-1].world_size}, this loader's is "
                f"{world_size}, and the sampler of your own says which rank has what",
                hint="Leave the order to Penstock (shuffle=...), which goes on with other ranks",
            )
        if state.sampler is None:
            logger.warning(
                "penstock: %s has no state_dict: it is taken to give the order that it gave before", state.order
            )

    def _batches_before(self, state: LoaderState) -> int:
        """How many batches of this loader's a state leaves out."""
        if self._own is None or not state.done:
            return state.batches
        whole, left = (
            samples // self._batch_size if self._drop_last else -(-samples // self._batch_size)
            for samples in (len(self._own), self._own.left(state.done))
        )
        return max(whole - left, 0)


class _Counter:
    """Counts the batches of a plan as they are handed out."""

    def __init__(self, epochs: Epochs, plan: Plan, began: _Progress, world_size: int) -> None:
        self._epochs = epochs
        self._plan = plan
        self._began = self._progress = began
        self._world_size = world_size

    def count(self, ended: bool = False) -> None:
        """One batch more, or none any more."""
        if not ended:
            handed_out = self._plan.hand_out()
            self._progress = self._progress.with_batch(self._world_size, len(handed_out), self._began)
            # Who has the last batch has the epoch: a state that is taken now goes on with the next one.
            ended = isinstance(self._plan, EpochPlan) and self._plan.ended
        self._epochs._progress = _Progress(self._plan.epoch + 1) if ended else self._progress
