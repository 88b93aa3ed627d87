"""Endless batches of tokenized examples, similar lengths together, in few shapes."""

import sentencepiece
import torch

from abacus_data.dialogue import examples
from encoding import PAD, encode


class Batches:
    """Collects examples by their length, rounded up, and yields a batch whenever a length has enough of them."""

    def __init__(self, tokenizer, seed, tokens):
        self.pieces = sentencepiece.SentencePieceProcessor(model_file=str(tokenizer))
        self.source, self.tokens = examples(seed), tokens

    def __iter__(self):
        """Yields tokens [batch, time] and a mask of the tokens to be learned (those of the response)."""
        waiting = {}
        for texts in self.source:
            prompt, response = (encode(self.pieces, text) for text in texts)
            width = -(-(len(prompt) + len(response)) // 16) * 16
            rows = waiting.setdefault(width, [])
            rows.append((prompt, response))
            if len(rows) == max(1, self.tokens // width):
                yield self.pack(rows, width)
                waiting[width] = []

    @staticmethod
    def pack(rows, width):
        """Right-padded tensors of a batch."""
        tokens = torch.full((len(rows), width), PAD)
        learned = torch.zeros(len(rows), width, dtype=torch.bool)
        for index, (prompt, response) in enumerate(rows):
            end = len(prompt) + len(response)
            tokens[index, :end] = torch.tensor(prompt + response)
            learned[index, len(prompt) : end] = True
        return tokens, learned
