"""An escape for what SentencePiece cannot hold as it is, so that decoding gives every text back.

SentencePiece writes a space as `▁`, skips training lines with a TAB, and takes `<unk>` in a text for its own
special piece. Each of these becomes U+E581 (a private-use character) and a digit; so does U+E581 itself.
"""

import re

from nmt.text.vocabulary import SPECIALS

MARK = "\ue581"
_ESCAPED = (MARK, "▁", "\t", "\0", "<")
_SPECIAL = "|".join(re.escape(special[1:]) for special in SPECIALS)
_TO_ESCAPE = re.compile(f"[{MARK}▁\t\0]|<(?={_SPECIAL})")
_TO_RESTORE = re.compile(f"{MARK}([0-{len(_ESCAPED) - 1}])")
_TAB = f"{MARK}{_ESCAPED.index(chr(9))}"


def escape(text: str) -> str:
    """`text` without `▁`, TAB, NUL and the names of special pieces."""
    return _TO_ESCAPE.sub(lambda found: f"{MARK}{_ESCAPED.index(found[0])}", text)


def restore(text: str) -> str:
    """The inverse of `escape`: `restore(escape(text)) == text` for every text."""
    return _TO_RESTORE.sub(lambda found: _ESCAPED[int(found[1])], text)


def blanks(text: str) -> str:
    """Escaped text with every blank as spaces, character for character: to find the words in."""
    return text.replace(_TAB, "  ").replace("▁", " ")
