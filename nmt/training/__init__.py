"""Training as a generator: `for event in fit(config, data, run, validate): show(event)`.

    state    what a run in memory is (Training, Progress), how it begins, its limits
    worker   the model that computes gradients: in bfloat16, a copy of the trained one
    update   one update of the weights
    keeping  to a checkpoint and back
    loop     fit: updates, validation, checkpoints, the end

A run that was killed and resumed gives the same bits as one that was not: the same weights and metrics.jsonl
(`events.CLOCK_FIELDS` aside), on the same machine with the same number of threads. The one exception is a run
that `max_minutes` ends, since clocks do not repeat.
"""

from nmt.training.keeping import check_start
from nmt.training.loop import Interrupted, Validate, fit

__all__ = ["Interrupted", "Validate", "check_start", "fit"]
