"""What a Transformer's decoder remembers of the target: one copy a sentence, which its hypotheses share.

Each step adds a column for every prefix of a sentence, C in all; which of them a prefix descends from is a mask, so
that reordering hypotheses moves no keys and no values.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from nmt.attention.heads import Prepared

COLUMNS = 16  # the fused kernel is twice as slow on widths that are not multiples of this


def whole(columns: int) -> int:
    """The next multiple of COLUMNS."""
    return -(-columns // COLUMNS) * COLUMNS


class Past(NamedTuple):
    """One layer's keys and values of the target so far; leads with B sentences.

    Room is doubled when it is full, and columns are written into it in place. Pasts that grew from one another share
    their room: `used` holds how much of it is written, and who is not the longest of them copies before it writes.
    """

    keys_BHCA: Tensor
    values_BHCP: Tensor
    used: list[int]

    @classmethod
    def empty(cls, keys_BHCA: Tensor, values_BHCP: Tensor) -> "Past":
        """No columns, for sentences, heads and widths as they are in these keys and values."""
        return cls(keys_BHCA[:, :, :0], values_BHCP[:, :, :0], [0])

    def append(self, length: int, keys_BHRA: Tensor, values_BHRP: Tensor) -> "Past":
        """The first `length` columns and new ones."""
        longer = length + keys_BHRA.shape[2]
        past = self if self.used[0] == length and longer <= self.keys_BHCA.shape[2] else self._copied(length, longer)
        past.keys_BHCA[:, :, length:longer] = keys_BHRA
        past.values_BHCP[:, :, length:longer] = values_BHRP
        past.used[0] = longer
        return past

    def _copied(self, length: int, longer: int) -> "Past":
        room = whole(max(longer, 2 * length, 8 * (longer - length)))
        keys_BHCA, values_BHCP = (
            functional.pad(columns_BHCP[:, :, :length], (0, 0, 0, room - length))
            for columns_BHCP in (self.keys_BHCA, self.values_BHCP)
        )
        return Past(keys_BHCA, values_BHCP, [length])

    def seen(self, length: int) -> tuple[Tensor, Tensor]:
        """Keys and values of the first `length` columns, rounded up to whole(length); what is beyond is for a mask to
        hide."""
        return self.keys_BHCA[:, :, : whole(length)], self.values_BHCP[:, :, : whole(length)]


def descend(ancestors_NC: Tensor, num_sentences: int) -> Tensor:
    """Which columns each prefix descends from, once each has a column of its own after them."""
    own_WW = torch.eye(len(ancestors_NC) // num_sentences, dtype=torch.bool, device=ancestors_NC.device)
    return torch.cat((ancestors_NC, own_WW.repeat(num_sentences, 1)), dim=1)


def hidden_beyond(mask_BRC: Tensor) -> Tensor:
    """A mask widened to whole columns, which it hides."""
    return functional.pad(mask_BRC, (0, whole(mask_BRC.shape[2]) - mask_BRC.shape[2]))


def laid_out(prepared: Any) -> Any:
    """Keys and values for many small reads: each head's in one piece, in whole columns (zero and hidden beyond); those
    of several sources one by one."""
    if not isinstance(prepared, Prepared):
        return tuple(laid_out(part) for part in prepared)
    beyond = whole(prepared.keys.shape[2]) - prepared.keys.shape[2]
    keys, values = (functional.pad(part, (0, 0, 0, beyond)).contiguous() for part in prepared[:2])
    return Prepared(keys, values, hidden_beyond(prepared.mask_BRS))
