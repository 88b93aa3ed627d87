"""Writes the held-out evaluation questions: python -m abacus_data.evaluation FOLDER"""

import json
import random
import sys
from pathlib import Path

from .dialogue import create, held_out

PER_CELL = 16  # questions for each language and difficulty


def questions(rng, category, language, difficulty, count):
    """Distinct held-out questions."""
    found = {}
    while len(found) < count:
        question = create(rng, category, language, difficulty)
        if held_out(question.prompt):
            found.setdefault(question.prompt, question)
    return list(found.values())


def write(folder):
    """One JSON-lines file for each skill."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(20260)
    for category in ("arithmetic", "word_problems", "lists", "stories", "copy_edit"):
        free = category in ("stories", "copy_edit")
        lines = []
        for difficulty in ["none"] if free else ["easy", "hard"]:
            for language in ("en", "zh"):
                for question in questions(rng, category, language, difficulty, 2 * PER_CELL if free else PER_CELL):
                    line = {
                        "id": f"{category}-{len(lines) + 1:03d}", "category": category, "difficulty": question.difficulty,
                        "language": language, "prompt": question.prompt,
                    }
                    if category != "stories":
                        line["answer"] = question.answer
                    lines.append(line)
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (folder / f"{category}.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
