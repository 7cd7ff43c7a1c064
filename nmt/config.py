"""Config: the root that composes all sections, and the combinations of them that make no sense (nmt.combinations).

What is left out of a file has the default that stands in its section's class, and nowhere else.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from nmt.combinations import check_keys, check_values
from nmt.data.inputs import Inputs
from nmt.data.settings import DataSettings
from nmt.model import EncoderDecoder, ModelOptions
from nmt.optimization import Adam, InverseSqrt, OptimizerOptions, ScheduleOptions
from nmt.outline import MAX_TENSORS, allocated, check_fits, outline
from nmt.risk import Risk
from nmt.search import Beam, SearchOptions
from nmt.settings import Settings
from nmt.settings_file import dump_settings, read_with_overrides, validate
from nmt.text.subwords import Unigram
from nmt.text.tokenizers import TokenizerOptions, Tokenizers


class Languages(Settings):
    """Names of both sides, which `nmt info` shows; nothing is decided by them."""

    source: str = "source"
    target: str = "target"


class TrainingSettings(Settings):
    """How a model is trained. The first limit that is reached ends the run; null is no limit."""

    seed: int = Field(1, ge=0, lt=2**31)
    batch_tokens: int = Field(4096, gt=0, description="a batch: rows × longest side, padding counted")
    accumulate: int = Field(1, ge=1, description="batches an update")
    optimizer: OptimizerOptions = Adam.Options()
    schedule: ScheduleOptions = InverseSqrt.Options()
    label_smoothing: float = Field(0.1, ge=0, lt=1)
    risk: Risk.Options | None = Field(None, description="minimum risk in place of cross-entropy")
    clip_norm: float | None = Field(1.0, gt=0, description="largest norm of an update's gradient")
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    non_finite: Literal["stop", "skip"] = Field(
        "stop", description="an update whose loss or gradient is not finite ends the run, or is left out and counted"
    )
    max_updates: int | None = Field(20000, ge=1)
    max_epochs: int | None = Field(None, ge=1)
    max_minutes: float | None = Field(None, gt=0, description="CPU time / threads, validation left out")
    validate_every: int = Field(500, ge=1, description="updates")
    checkpoint_every: int = Field(500, ge=1, description="updates")
    keep_last: int = Field(3, ge=1, description="checkpoints besides the best")
    average_last: int = Field(0, ge=0, description="checkpoints whose mean becomes `average`; 0: none")
    patience: int | None = Field(10, ge=1, description="validations without a better select_by")
    select_by: Literal["bleu", "loss", "chrf"] = "bleu"
    start_from: str | None = Field(None, description="run directory whose best weights training starts from")


class Config(Settings):
    """A whole run: data, tokenizer, model, training, search."""

    languages: Languages = Languages()
    data: DataSettings
    tokenizer: TokenizerOptions = Unigram.Options()
    model: ModelOptions = ModelOptions()
    training: TrainingSettings = TrainingSettings()
    search: SearchOptions = Beam.Options()

    def build_model(self, tokenizers: Tokenizers) -> EncoderDecoder:
        """The model for these vocabularies and the data's sources, before any training.

        Raises: ConfigError where its parts do not fit together, or it does not fit into memory.
        """
        check_fits(self.outline(tokenizers))
        with allocated():
            return self._build(tokenizers)

    def outline(self, tokenizers: Tokenizers, most: int = MAX_TENSORS) -> EncoderDecoder:
        """The same model without values: names, shapes, and no memory. Raises: ConfigError as `outline`."""
        return outline(lambda: self._build(tokenizers), most)

    def _build(self, tokenizers: Tokenizers) -> EncoderDecoder:
        source, target = (len(tokenizer.vocabulary) for tokenizer in tokenizers)
        return self.model.build(source, target, self.data.inputs.num_sources)

    @property
    def inputs(self) -> Inputs:
        """What the model reads for one target sentence."""
        return self.data.inputs._replace(copying=self.model.output.copies)


def load_config(path: Path | str, overrides: Sequence[str] = ()) -> Config:
    """Read a config file, with `a.b=value` overrides applied first.

    Raises: ConfigError with file, line and key for what is unknown, of the wrong type, or makes no sense together.
    """
    document = read_with_overrides(path, overrides)
    check_keys(document)
    config = validate(document, Config)
    check_values(config, document)
    return config


def dump_config(config: Config) -> str:
    """YAML of the whole config, defaults written out; `load_config` reads it back to an equal one."""
    return dump_settings(config)


def config_hash(config: Config) -> str:
    """64 hexadecimal digits of the resolved config: equal for equal configs, however short they were written."""
    return hashlib.sha256(dump_config(config).encode()).hexdigest()
