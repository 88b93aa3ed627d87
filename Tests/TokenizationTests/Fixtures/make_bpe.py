#!/usr/bin/env python3
"""Trains small byte-pair-encoding tokenizers with the pipelines of several families, and records what Python's
tokenizers makes of the hard cases.

    pip install tokenizers==0.23.3
    python3 make_bpe.py

Rewrites bpe-*.json and bpe.json beside this script.
"""

import json
import pathlib
import random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from corpus import HARD, MARKUP, TRAINING

HERE = pathlib.Path(__file__).parent
QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CL100K = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
O200K = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])
DEEPSEEK = [
    r"\p{N}{1,3}",
    "[一-龥\u3040-\u309f\u30a0-\u30ff]+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
]


def byte_level(*splits, add_prefix_space=False, use_regex=False):
    steps = [split for split in splits]
    return pre_tokenizers.Sequence(steps + [pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space, trim_offsets=False, use_regex=use_regex)])


def isolated(pattern):
    return pre_tokenizers.Split(Regex(pattern), "isolated")


def special(*texts):
    return [AddedToken(text, special=True, normalized=False) for text in texts]


def plain(*texts, **options):
    return [AddedToken(text, special=False, **{"normalized": False, **options}) for text in texts]


def bpe(**options):
    return Tokenizer(models.BPE(**options))


def qwen():
    tokenizer = bpe()
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = byte_level(isolated(QWEN))
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer, special("<|end|>", "<|user|>", "<|assistant|>") + plain("<think>", "</think>")


def deepseek():
    tokenizer = bpe()
    tokenizer.normalizer = normalizers.Sequence([])
    tokenizer.pre_tokenizer = byte_level(*map(isolated, DEEPSEEK))
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 0)])
    return tokenizer, special("<s>", "</s>") + plain("<think>", "</think>", "<|user|>", "<|assistant|>", "<|end|>", normalized=True)


def glm():
    tokenizer = bpe(ignore_merges=True)
    tokenizer.pre_tokenizer = byte_level(isolated(CL100K))
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer, special("<|user|>", "<|assistant|>", "<|end|>", "[MASK]") + [
        AddedToken("<think>", special=False, normalized=False, rstrip=True), AddedToken("</think>", special=False, normalized=False, lstrip=True),
        AddedToken("<mask>", special=True, normalized=False, lstrip=True, rstrip=True), AddedToken("dog", special=False, single_word=True, normalized=False)]


def o200k():
    tokenizer = bpe()
    tokenizer.pre_tokenizer = byte_level(isolated(O200K))
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer, special("<|end|>")


def gpt2():
    tokenizer = bpe()
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = byte_level(pre_tokenizers.Digits(individual_digits=True), use_regex=True, add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer, special("<|end|>") + plain("    ", "  ")


def prefixed():
    tokenizer = bpe()
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Strip(), normalizers.Replace("fox", "cat")])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer, special("<|end|>")


def llama():
    tokenizer = bpe(byte_fallback=True, unk_token="<unk>", fuse_unk=True)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return tokenizer, special("<unk>", "<s>", "</s>") + plain("<think>", "</think>")


def metaspace():
    tokenizer = bpe(unk_token="<unk>")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(prepend_scheme="first"), pre_tokenizers.Punctuation(behavior="merged_with_previous")])
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    return tokenizer, special("<unk>", "<|end|>")


def train(make, name):
    tokenizer, tokens = make()
    is_byte_level = name not in ("llama", "metaspace")
    alphabet = pre_tokenizers.ByteLevel.alphabet() if is_byte_level else []
    extra = [f"<0x{byte:02X}>" for byte in range(256)] if name == "llama" else []
    trainer = trainers.BpeTrainer(
        vocab_size=560 if is_byte_level else 620, initial_alphabet=alphabet, show_progress=False,
        special_tokens=[token.content for token in tokens if token.special and name in ("llama", "metaspace", "deepseek")] + extra)
    tokenizer.train_from_iterator(TRAINING * 3, trainer)
    if name == "llama":
        # The trainer declares its special tokens as added ones; the bytes are pieces of the vocabulary.
        data = json.loads(tokenizer.to_str())
        data["added_tokens"] = [token for token in data["added_tokens"] if not token["content"].startswith("<0x")]
        tokenizer = Tokenizer.from_str(json.dumps(data))
    for token in tokens:
        (tokenizer.add_special_tokens if token.special else tokenizer.add_tokens)([token])
    return tokenizer


FAMILIES = [qwen, deepseek, glm, o200k, gpt2, prefixed, llama, metaspace]


def main():
    golden = {}
    for make in FAMILIES:
        name = make.__name__
        data = json.loads(train(make, name).to_str())
        if name in ("qwen", "llama"):
            # The older spelling of merges.
            data["model"]["merges"] = [" ".join(pair) for pair in data["model"]["merges"]]
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        (HERE / f"bpe-{name}.json").write_text(text + "\n")
        tokenizer = Tokenizer.from_str(text)
        random.seed(11)
        size = tokenizer.get_vocab_size()
        texts = HARD + MARKUP
        sequences = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts[::3]]
        sequences += [[random.randrange(size) for _ in range(16)] for _ in range(20)]
        golden[name] = {
            "vocabulary_size": size,
            "encode": [{"ids": tokenizer.encode(text, add_special_tokens=False).ids} for text in texts],
            "decode": [{"ids": ids, "text": tokenizer.decode(ids, skip_special_tokens=False), "skipped": tokenizer.decode(ids, skip_special_tokens=True)}
                       for ids in sequences],
        }
    golden["texts"] = HARD + MARKUP
    (HERE / "bpe.json").write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
