"""Trains the Abacus tokenizer on text of the sample model's own generator.

    python train_tokenizer.py [EXAMPLES]

Writes tokenizer.model beside this file. Needs sentencepiece (see Samples/Abacus/training/requirements.txt).
"""

import itertools
import re
import sys
import tempfile
from pathlib import Path

import sentencepiece

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "Samples/Abacus/training"))
from abacus_data.dialogue import examples  # noqa: E402

MARKERS = ["<|system|>", "<|user|>", "<|assistant|>", "<think>", "</think>"]
VOCABULARY = 1408
PRINTABLE = "".join(map(chr, range(33, 127))) + "，。？！：；、“”‘’（）《》…—×÷－＝"


def corpus(count):
    """Plain text of the generator's examples, one piece of a line each, without the markers."""
    for prompt, response in itertools.islice(examples(seed=1), count):
        text = re.sub(r"<s>|</s>|<\|\w+\|>|</?think>", "\n", prompt + response)
        yield from filter(None, text.split("\n"))


def main(count):
    """Trains and saves the model."""
    with tempfile.TemporaryDirectory() as folder:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=corpus(count), model_prefix=f"{folder}/abacus", model_type="bpe", vocab_size=VOCABULARY,
            normalization_rule_name="identity", add_dummy_prefix=False, remove_extra_whitespaces=False,
            byte_fallback=True, split_digits=True, character_coverage=1.0, required_chars=PRINTABLE,
            unk_id=0, bos_id=1, eos_id=2, pad_id=3, user_defined_symbols=MARKERS + ["\n"],
            max_sentence_length=8192, num_threads=2, minloglevel=2,
        )
        (HERE / "tokenizer.model").write_bytes(Path(f"{folder}/abacus.model").read_bytes())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40_000)
