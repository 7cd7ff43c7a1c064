"""The `data` section of the configuration: which text files, how long a pair may be, what is read before a sentence."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from nmt.data.inputs import Inputs
from nmt.settings import Settings


class TextFiles(Settings):
    """Files whose n-th lines belong together: one file a side, or lists of files read one after the other.

    Lists of files go together pairwise: the k-th source file has as many lines as the k-th target file. Several source
    texts are a list of such lists. documents: files with the id of each line's document.
    """

    source: str | list[str] | list[list[str]]
    target: str | list[str]
    documents: str | list[str] | None = Field(None, description="files with the id of each line's document")

    @model_validator(mode="after")
    def _match(self) -> Self:
        for text in self.sources:
            if len(text) != len(self.targets):
                counts = f"source lists {len(text)} files and target {len(self.targets)}"
                raise ValueError(f"{counts}; they go together pairwise")
        if not self.targets or not self.sources:
            raise ValueError("source and target list no file")
        if self.documents is not None and len(self.document_files) != len(self.targets):
            raise ValueError(f"documents lists {len(self.document_files)} files and target {len(self.targets)}")
        return self

    @property
    def sources(self) -> list[list[Path]]:
        """The files of each source text in order."""
        if isinstance(self.source, str):
            return [[Path(self.source)]]
        texts = [_paths(text) for text in self.source if isinstance(text, list)]
        return texts or [_paths([name for name in self.source if isinstance(name, str)])]

    @property
    def targets(self) -> list[Path]:
        """The target files in order."""
        return _paths(self.target)

    @property
    def document_files(self) -> list[Path]:
        """The files of document ids in order; none where blank lines mark the documents."""
        return _paths(self.documents or [])


def _paths(names: str | list[str]) -> list[Path]:
    return [Path(name) for name in ([names] if isinstance(names, str) else names)]


class ContextSettings(Settings):
    """How many sentences of the same document are read beside the one that is translated."""

    sentences: int = Field(0, ge=0, le=100, description="source sentences before each, as further sources; 0: none")


class DataSettings(Settings):
    """max_length: pieces of either side, end of sentence counted; longer pairs are left out and counted."""

    train: TextFiles
    valid: TextFiles
    max_length: int = Field(default=128, ge=2)
    context: ContextSettings = ContextSettings()

    @model_validator(mode="after")
    def _agree(self) -> Self:
        counts = [len(self.train.sources), len(self.valid.sources)]
        if counts[0] != counts[1]:
            raise ValueError(f"train has {counts[0]} source texts and valid {counts[1]}")
        if counts[0] > 1 and self.context.sentences:
            raise ValueError("context: sentences before the source need one source text, not several")
        if not self.context.sentences and (self.train.documents or self.valid.documents):
            raise ValueError("documents: nothing is read of a document; set context.sentences")
        return self

    @property
    def inputs(self) -> Inputs:
        """What a model reads."""
        return Inputs(len(self.train.sources), self.context.sentences)
