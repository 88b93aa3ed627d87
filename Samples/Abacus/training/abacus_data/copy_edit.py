"""Repeat a passage with one change."""

import re

from . import lexicon as lex
from .question import Question, say
from .stories import ACT, FIND, MEET, OPEN, cast, sentences

REPLACE = (
    ["Repeat this text but replace {x} with {y}: {s}", "Replace {x} with {y} in this text: {s}", "Change {x} to {y} and write the text again: {s}", "Copy this and put {y} for {x}: {s}"],
    ["把下面文字中的{x}换成{y}：{s}", "重写这段话，将{x}改为{y}：{s}", "将{x}替换为{y}，再写一遍：{s}", "抄写这段话，把{x}都改成{y}：{s}"],
)
DROP = (
    ["Repeat this text without the last sentence: {s}", "Copy all but the last sentence: {s}"],
    ["重复这段话，去掉最后一句：{s}", "抄写下面的文字，不要最后一句：{s}"],
)
COPY = (
    ["Repeat this text exactly: {s}", "Copy this text: {s}", "Write this again: {s}"],
    ["请原样重复：{s}", "抄写这段话：{s}", "把这段话再写一遍：{s}"],
)


def occurs(word):
    """Where a word stands on its own (Chinese words simply where they stand)."""
    return re.compile(rf"\b{word}\b" if word.isascii() else word)


def row(rng, language, count):
    """Distinct items in any order: words, numbers, or digits."""
    side, kind = (0 if language == "en" else 1), rng.random()
    if kind < 0.6:
        return [pair[side] for pair in rng.sample(lex.ANIMALS + lex.THINGS + lex.FOODS + lex.PLACES, count)]
    if kind < 0.75 and count < 10:
        return [str(number) for number in rng.sample(range(1, 10), count)]
    return [str(number) for number in rng.sample(range(10, 1000), count)]


def item_row(rng, language):
    """A row of items, short or long, to be copied with one of them replaced or as it is."""
    mark = ", " if language == "en" else "，"
    *items, new = row(rng, language, rng.choice([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]))
    if rng.random() < 0.5:
        prompt = say(rng, language, *COPY).format(s=mark.join(items))
        return Question("copy_edit", "none", language, prompt, say(rng, language, ["copy"], ["照抄"]), mark.join(items))
    old = rng.choice(items)
    prompt = say(rng, language, *REPLACE).format(x=old, y=new, s=mark.join(items))
    edited = mark.join(new if item == old else item for item in items)
    return Question("copy_edit", "none", language, prompt, f"{old} -> {new}", edited)


def copy_edit(rng, language):
    """Replace a word everywhere, drop the last sentence, or copy as it is."""
    if rng.random() < 0.5:
        return item_row(rng, language)
    words, gap = cast(rng, language), " " if language == "en" else ""
    parts = rng.sample([OPEN, FIND, MEET, ACT], rng.randint(1, 3))
    passage = sentences(rng, language, words, parts)
    text, kind = gap.join(passage), rng.random()
    if kind < 0.6:
        side = 0 if language == "en" else 1
        pools = {"n": lex.NAMES[language], "b": [pair[side] for pair in lex.ANIMALS], "t": [pair[side] for pair in lex.THINGS]}
        old_letter = rng.choice([letter for letter in "nbt" if occurs(words[letter]).search(text)] or ["n"])
        old = words[old_letter]
        new = rng.choice([word for word in pools[old_letter] if word not in words.values()])
        prompt = say(rng, language, *REPLACE).format(x=old, y=new, s=text)
        return Question("copy_edit", "none", language, prompt, f"{old} -> {new}", occurs(old).sub(new, text))
    if kind < 0.8 and len(passage) > 1:
        kept = gap.join(passage[:-1])
        prompt = say(rng, language, *DROP).format(s=gap.join([kept, "The end." if language == "en" else "完。"]))
        return Question("copy_edit", "none", language, prompt, say(rng, language, ["drop the last sentence"], ["去掉最后一句"]), kept)
    return Question("copy_edit", "none", language, say(rng, language, *COPY).format(s=text), say(rng, language, ["copy"], ["照抄"]), text)
