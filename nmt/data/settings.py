"""The `data` section of the configuration: which text files, and how long a pair may be."""

from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from nmt.settings import Settings


class TextFiles(Settings):
    """Files whose n-th lines belong together: one file a side, or lists of files read one after the other.

    Lists of files go together pairwise: the k-th source file has as many lines as the k-th target file.
    """

    source: str | list[str]
    target: str | list[str]

    @model_validator(mode="before")
    @classmethod
    def _one_source(cls, data: Any) -> Any:
        source = data.get("source") if isinstance(data, dict) else None
        if isinstance(source, list) and any(isinstance(text, list) for text in source):
            raise ValueError("source: several source texts (a list of lists) are not supported; give one text")
        return data

    @model_validator(mode="after")
    def _match(self) -> Self:
        if len(self.sources) != len(self.targets):
            counts = f"source lists {len(self.sources)} files and target {len(self.targets)}"
            raise ValueError(f"{counts}; they go together pairwise")
        if not self.sources:
            raise ValueError("source and target list no file")
        return self

    @property
    def sources(self) -> list[Path]:
        """The source files in order."""
        return [Path(name) for name in ([self.source] if isinstance(self.source, str) else self.source)]

    @property
    def targets(self) -> list[Path]:
        """The target files in order."""
        return [Path(name) for name in ([self.target] if isinstance(self.target, str) else self.target)]


class DataSettings(Settings):
    """max_length: pieces of either side, end of sentence counted; longer pairs are left out and counted."""

    train: TextFiles
    valid: TextFiles
    max_length: int = Field(default=128, ge=2)
