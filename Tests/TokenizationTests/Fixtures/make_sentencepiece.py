#!/usr/bin/env python3
"""Trains the SentencePiece models of the tests and records what Python's sentencepiece makes of the hard cases.

    pip install sentencepiece==0.2.3
    python3 make_sentencepiece.py

Rewrites sentencepiece-*.model and sentencepiece.json beside this script.
"""

import io
import json
import pathlib
import random

import sentencepiece

from corpus import HARD, MARKUP, TRAINING

HERE = pathlib.Path(__file__).parent
SPECIALS = ["<think>", "</think>", "<|user|>", "<|assistant|>", "<|end|>"]

MODELS = {
    # As Llama, Mixtral and openPangu train theirs.
    "bpe": dict(
        model_type="bpe", vocab_size=700, byte_fallback=True, split_digits=True, normalization_rule_name="identity",
        remove_extra_whitespaces=False, add_dummy_prefix=True, allow_whitespace_only_pieces=True,
        user_defined_symbols=SPECIALS + ["\n\n", "    "], pad_id=3),
    # The trainer's own defaults (unigram, no byte fallback, extra spaces removed), but for the 240 KB of NFKC rules.
    "unigram": dict(
        model_type="unigram", vocab_size=500, normalization_rule_name="identity", user_defined_symbols=SPECIALS[:2], hard_vocab_limit=False),
    # No space in front of text.
    "plain": dict(
        model_type="bpe", vocab_size=600, byte_fallback=True, normalization_rule_name="identity",
        remove_extra_whitespaces=False, add_dummy_prefix=False, user_defined_symbols=SPECIALS),
}


def train(options):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TRAINING * 4), model_writer=model, character_coverage=0.98, minloglevel=2,
        num_threads=1, **options)
    return model.getvalue()


def main():
    golden = {}
    for name, options in MODELS.items():
        path = HERE / f"sentencepiece-{name}.model"
        path.write_bytes(train(options))
        library = sentencepiece.SentencePieceProcessor(model_file=str(path))
        texts = HARD + [text for text in MARKUP if "s>" not in text]
        random.seed(7)
        sequences = [library.encode(text) for text in texts]
        sequences += [[random.randrange(library.vocab_size()) for _ in range(24)] for _ in range(40)]
        golden[name] = {
            "vocabulary_size": library.vocab_size(),
            "bos": library.bos_id(), "eos": library.eos_id(), "unk": library.unk_id(), "pad": library.pad_id(),
            "encode": [{"text": text, "ids": library.encode(text)} for text in texts],
            "decode": [{"ids": ids, "text": library.decode(ids)} for ids in sequences],
            "pieces": [library.id_to_piece(id) for id in range(0, library.vocab_size(), 7)],
        }
    (HERE / "sentencepiece.json").write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
