"""What a callback is: hooks that the Trainer calls, each given the trainer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..trainer import Trainer


class Callback:
    """Hooks that do nothing; a subclass overrides some.

    What a hook may read: trainer.epoch (epochs done), trainer.batch (batches of the present epoch done),
    trainer.steps (the optimizer's steps in all), trainer.loss (the last batch's), trainer.running() (loss and
    metrics of the epoch so far), trainer.logs (those of the last epoch), trainer.history, trainer.model,
    trainer.optimizer. What it may call: trainer.stop(). Lower `order` comes first.
    """

    order = 0

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Training begins, or is gone on with."""

    def on_epoch_begin(self, trainer: Trainer) -> None:
        """An epoch begins (not: is gone on with)."""

    def on_batch_begin(self, trainer: Trainer) -> None:
        """A step of the optimizer is about to be made."""

    def on_batch_end(self, trainer: Trainer) -> None:
        """A step of the optimizer was made: on one batch, or with accumulate=k on k."""

    def on_validation_end(self, trainer: Trainer) -> None:
        """The validation after an epoch is done; trainer.logs has its values too."""

    def on_epoch_end(self, trainer: Trainer) -> None:
        """An epoch is done, validation and schedule included; trainer.epoch counts it already."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """Training has ended as it should."""

    def close(self, trainer: Trainer) -> None:
        """Training has ended, by an exception perhaps: let go of files and the terminal's line."""

    def state_dict(self) -> dict[str, Any]:
        """What the callback must know when training is taken up again."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
