"""Scopes: which source positions take part, how their scores become weights, and what is read with them.

    local               the whole sentence, or a window of it
    expanded            a window at full resolution, and the rest in blocks
    hybrid              whole sentence and window, mixed
    multi_dimensional   the whole sentence, with one weight per feature
    hard                one position, sampled while training
    ntm                 the memory of a neural Turing machine

To add one: write the class with its Options, add it to the union below, and its loop-by-loop version to the tests'
references.
"""

from typing import Annotated

from nmt.attention.expanded import Expanded
from nmt.attention.hard import Hard
from nmt.attention.hybrid import Hybrid
from nmt.attention.local import Global, LocalM, LocalP
from nmt.attention.multi_dimensional import MultiDimensional
from nmt.attention.ntm import Ntm
from nmt.settings import choice

ScopeOptions = Annotated[
    Global.Options
    | LocalM.Options
    | LocalP.Options
    | Expanded.Options
    | Hybrid.Options
    | MultiDimensional.Options
    | Hard.Options
    | Ntm.Options,
    choice(),
]

__all__ = ["Expanded", "Global", "Hard", "Hybrid", "LocalM", "LocalP", "MultiDimensional", "Ntm", "ScopeOptions"]
