"""The embedded sample corpus: English–German sentence pairs from a synchronous grammar, with gold word alignments.

`lexicon`, `nouns`, `verbs` and `words` hold the words; `phrases`, `clauses` and `grammar` choose a tree by chance;
`english` and `german` write the tree in each language; `writer` makes files of it.
"""

from nmt.data.sample.grammar import Pair, generate
from nmt.data.sample.writer import write_sample

__all__ = ["Pair", "generate", "write_sample"]
