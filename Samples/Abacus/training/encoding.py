"""Text to token ids, with <s> and </s> as their own tokens (SentencePiece itself would spell them out)."""

import re

BEGIN, END, PAD, THINK = 1, 2, 3, 7


def encode(pieces, text):
    """The ids of a conversation text."""
    ids = []
    for part in re.split("(</?s>)", text):
        ids += {"<s>": [BEGIN], "</s>": [END]}.get(part) or pieces.encode(part)
    return ids
