"""The errors a user can cause or meet. The command line catches exactly these and prints two lines.

NmtError                  message: what is wrong; hint: what to do about it
├── ConfigError           a YAML key, value or combination            (file, line, key path in the message)
├── DataError             a text file, a line of it, a prepared shard (file, line in the message)
├── CheckpointError       a run directory or what lies in it
├── TrainingError         a run that cannot go on: a non-finite loss, a learning rate that blew up
└── ExportError           what another engine cannot carry or do; an engine that is not installed
"""


class NmtError(Exception):
    """Base of every error that is the input's fault and not the program's."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(NmtError):
    """A configuration that cannot be used."""


class DataError(NmtError):
    """Text or prepared data that cannot be used."""


class CheckpointError(NmtError):
    """A run directory or checkpoint that cannot be used."""


class TrainingError(NmtError):
    """A training run that cannot continue."""


class ExportError(NmtError):
    """A model or a search that another engine cannot take over, or an engine that is not there."""
