"""Short stories from a grammar."""

from . import lexicon as lex
from .question import Question, say

ASK = (
    ["Tell me a story about a {a}.", "Write a short story about a {a} and a {t}.", "Tell a short story with a {a}.", "A story about a {a} in a {p}, please.", "Can you tell me a story about a {a}?", "Write a story: {a}, {t}, {p}."],
    ["讲一个关于{a}的故事。", "写一个{a}和{t}的小故事。", "请讲一个有{a}的故事。", "给我讲个{a}的故事吧。", "写一个发生在{p}的{a}的故事。", "写故事：{a}，{t}，{p}。"],
)
OPEN = (
    ["Once upon a time there was a {j} {a} named {n}. {n} lived near the {p}.", "A {j} {a} named {n} lived near the {p}.", "Long ago, a {j} {a} called {n} lived by the {p}.", "In a {p} there lived a {j} {a}. Its name was {n}."],
    ["从前，有一只{j}{a}，名叫{n}，住在{p}。", "很久以前，{p}住着一只{j}{a}，它叫{n}。", "在{p}，有一只{j}{a}，名字叫{n}。"],
)
FIND = (
    ["One {w} {h}, {n} found a {c} {t} under a tree.", "One {w} {h}, {n} was walking and saw a {c} {t}.", "On a {w} {h}, {n} went out and found a {c} {t}.", "It was a {w} {h}. {n} wanted to find the {c} {t}."],
    ["一个{w}的{h}，{n}在树下发现了一个{c}{t}。", "那是一个{w}的{h}，{n}出门看见了一个{c}{t}。", "有一天{h}，天气{w}，{n}找到了一个{c}{t}。"],
)
MEET = (
    ["Then {n} met a {k} {b}. \"Is this your {t}?\" asked {n}.", "A {k} {b} came along. \"What a nice {t},\" said the {b}.", "A {k} {b} was sitting there and crying. \"I have lost my {t},\" said the {b}.", "On the way home {n} met a {k} {b}. \"May I have the {t}?\" asked the {b}."],
    ["这时来了一只{k}{b}。“这是你的{t}吗？”{n}问。", "一只{k}{b}走了过来。“多好的{t}啊。”{b}说。", "一只{k}{b}坐在那里哭。“我的{t}丢了。”{b}说。", "回家的路上，{n}遇见了一只{k}{b}。“可以给我{t}吗？”{b}问。"],
)
ACT = (
    ["{n} gave the {t} to the {b}, and the {b} was very {f}.", "They carried the {t} to the {q} together.", "{n} and the {b} played with the {t} until it was dark.", "The {b} showed {n} the way to the {q}.", "{n} shared some {o} with the {b}."],
    ["{n}把{t}给了{b}，{b}非常{f}。", "它们一起把{t}带到了{q}。", "{n}和{b}一起玩{t}，一直玩到天黑。", "{b}带{n}去了{q}。", "{n}和{b}一起吃了{o}。"],
)
CLOSE = (
    ["In the end they were good friends, and {n} went home {f}.", "From that day on, {n} and the {b} were best friends.", "{n} went home and ate some {o}. It was a good {h}.", "At last {n} fell asleep and dreamed of the {q}.", "And {n} never forgot the {b}."],
    ["最后它们成了好朋友，{n}{f}地回家了。", "从那天起，{n}和{b}成了最好的朋友。", "{n}回到家，吃了一些{o}，真是美好的一天。", "最后{n}睡着了，梦见了{q}。", "{n}永远不会忘记{b}。"],
)
PARTS = (OPEN, FIND, MEET, ACT, CLOSE)


def cast(rng, language):
    """The words of one story, by the letters the templates use."""
    (hero, friend), (home, away) = rng.sample(lex.ANIMALS, 2), rng.sample(lex.PLACES, 2)
    first, second = rng.sample(lex.ADJECTIVES, 2)
    side = 0 if language == "en" else 1
    return {
        "a": hero[side], "b": friend[side], "p": home[side], "q": away[side], "j": first[side], "k": second[side],
        "n": rng.choice(lex.NAMES[language]), "t": lex.pick(rng, language, lex.THINGS), "c": lex.pick(rng, language, lex.COLOURS),
        "w": lex.pick(rng, language, lex.WEATHER), "h": lex.pick(rng, language, lex.TIMES[:4] if language == "zh" else lex.TIMES),
        "o": lex.pick(rng, language, lex.FOODS), "f": lex.pick(rng, language, lex.FEELINGS),
    }


def sentences(rng, language, words, parts=PARTS):
    """One sentence group for each part of a story."""
    return [say(rng, language, *part).format(**words).replace(" a old", " an old").replace(" a owl", " an owl").replace(" a elephant", " an elephant") for part in parts]


def story(rng, language):
    """A story; slow thinking names what it will be about."""
    words = cast(rng, language)
    prompt = say(rng, language, *ASK).format(**words).replace("a owl", "an owl").replace("a elephant", "an elephant").replace("a island", "an island")
    text = (" " if language == "en" else "").join(sentences(rng, language, words))
    mark = ", " if language == "en" else "，"
    plan = mark.join(words[letter] for letter in "anptb")
    return Question("stories", "none", language, prompt, plan, text)
