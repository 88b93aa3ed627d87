"""How questions become training text: thinking modes, turns, and the mixture."""

import hashlib
import random

from .arithmetic import arithmetic, follow_up
from .chat import chat
from .copy_edit import copy_edit
from .lists import lists
from .stories import story
from .word_problems import word_problem

SUFFIX = {"slow": "", "fast": " /no_think", "auto": " /auto_think"}
MODES = {  # how often a question is asked in each mode, by difficulty: slow, fast, auto
    "easy": (0.20, 0.50, 0.30),
    "medium": (0.60, 0.00, 0.40),
    "hard": (0.57, 0.05, 0.38),
    "none": (0.40, 0.30, 0.30),
}
MIXTURE = {  # share of questions by skill
    "arithmetic": 0.33, "word_problems": 0.22, "lists": 0.20, "stories": 0.03, "copy_edit": 0.18, "chat": 0.01, "dialogue": 0.03,
}
DIFFICULTY = {  # shares of easy, medium and hard
    "arithmetic": (0.33, 0.20, 0.47), "word_problems": (0.25, 0.0, 0.75), "lists": (0.45, 0.0, 0.55),
}
SYSTEM = ["You are Abacus.", "You are a helpful counting assistant.", "你是一个会算数的助手。", "你是 Abacus。"]
HELD_OUT = 40  # one question in this many is kept for evaluation, by the hash of its text


def held_out(prompt):
    """Whether a question is reserved for evaluation; such questions are never trained on."""
    return int.from_bytes(hashlib.sha256(prompt.encode()).digest()[:4], "big") % HELD_OUT == 0


def create(rng, category, language, difficulty):
    """One question of a category."""
    if category in DIFFICULTY:
        return {"arithmetic": arithmetic, "word_problems": word_problem, "lists": lists}[category](rng, language, difficulty)
    if category == "dialogue" and rng.random() < 0.5:
        question = draw(rng, rng.choice(["arithmetic", "word_problems", "lists"]))
        earlier = [draw(rng, rng.choice(["arithmetic", "lists", "chat"])) for _ in range(rng.choice([1, 1, 2]))]
        question.history = [(one.prompt, one.answer) for one in earlier]
        return question
    return {"stories": story, "copy_edit": copy_edit, "chat": chat, "dialogue": follow_up}[category](rng, language)


def draw(rng, category=None):
    """A random question of the mixture, or of one category."""
    category = category or rng.choices(list(MIXTURE), MIXTURE.values())[0]
    difficulty = rng.choices(["easy", "medium", "hard"], DIFFICULTY.get(category, (1, 1, 1)))[0]
    return create(rng, category, rng.choice(["en", "zh"]), difficulty)


def response(question, mode):
    """What the model should say in a thinking mode: auto thinks on what is not easy."""
    if mode == "fast" or (mode == "auto" and question.difficulty in ("easy", "none")):
        return f"{question.answer}</s>"
    thought = question.slow_thought() if mode == "slow" else question.thought
    return f"<think>{thought}</think>{question.answer}</s>"


def prompt_text(question, mode, system=""):
    """The conversation up to where the model goes on, as the chat template writes it."""
    text = "<s>" + (f"<|system|>{system}" if system else "")
    for user, answer in question.history:
        text += f"<|user|>{user}<|assistant|>{answer}</s>"
    return f"{text}<|user|>{question.prompt}{SUFFIX[mode]}<|assistant|>"


def examples(seed):
    """Endless training examples: (prompt text, response text)."""
    rng = random.Random(seed)
    while True:
        question = draw(rng)
        if question.category != "chat" and held_out(question.prompt):
            continue
        mode = rng.choices(list(SUFFIX), MODES[question.difficulty])[0]
        system = rng.choice(SYSTEM) if rng.random() < 0.05 else ""
        yield prompt_text(question, mode, system), response(question, mode)
