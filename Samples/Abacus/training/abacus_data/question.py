"""What a generated question is made of."""

from dataclasses import dataclass, field


@dataclass
class Question:
    """One question with its worked thought and its answer.

    `difficulty` is "easy" (to be answered at once), "medium" (thought about, not part of the evaluation), "hard", or
    "none" where it means nothing (stories, copy-and-edit, chat). `check` is the proof by which slow thinking ends on
    easy questions. `history` holds earlier (user, answer) turns.
    """

    category: str
    difficulty: str
    language: str
    prompt: str
    thought: str
    answer: str
    check: str = ""
    history: list = field(default_factory=list)

    def slow_thought(self):
        """The thought of slow mode: the work, then the proof if there is one."""
        if not self.check:
            return self.thought
        word = "check " if self.language == "en" else "验算"
        return f"{self.thought}\n{word}{self.check}"


def say(rng, language, english, chinese):
    """One of several wordings in the wanted language."""
    return rng.choice(english if language == "en" else chinese)
