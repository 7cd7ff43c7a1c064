"""The embedded sample corpora: a synchronous grammar's English and German with gold alignments, and tasks beside it.

`lexicon`, `nouns`, `verbs` and `words` hold the words; `phrases`, `clauses` and `grammar` choose a tree by chance;
`english` and `german` write the tree in each language. `sorting`, `names`, `two_sources` and `pronouns` make the
tasks, most of them with these trees; `texts` lists all, and `writer` makes files of them.
"""

from nmt.data.kinds import Kind
from nmt.data.sample.grammar import Pair, generate
from nmt.data.sample.writer import write_sample

__all__ = ["Kind", "Pair", "generate", "write_sample"]
