"""Measures the exported model: accuracy by skill, mode and difficulty, and what its prediction head gets right.

    python evaluate.py [FOLDER] [--per 16] [--batch 64]

An answer counts when the text after the thought, trimmed, is exactly the expected one. Acceptance at position k is the
share of places where the first k drafts are all what the model itself says; in stories, sampled at temperature 0.8, it
is the expected acceptance of speculative sampling.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path

import sentencepiece
import torch

from abacus_data.dialogue import SUFFIX
from checkpoint import load
from encoding import END, THINK, encode
from generate import generate

DEPTH = 3


def questions(folder, per):
    """The evaluation questions, at most `per` for each skill, difficulty and language."""
    cells = defaultdict(list)
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            question = json.loads(line)
            cells[question["category"], question["difficulty"], question["language"]].append(question)
    return [question for cell in cells.values() for question in cell[:per]]


@torch.inference_mode()
def acceptance(model, prompts, outputs, temperature):
    """Sums of acceptance by position, and the number of places, over the generated tokens."""
    sums, places = torch.zeros(DEPTH), torch.zeros(DEPTH)
    for prompt, output in zip(prompts, outputs):
        tokens = torch.tensor([prompt + output])
        hidden = model(tokens)
        states = model.mtp.unroll(model.embed_tokens(tokens), hidden, DEPTH)
        first = len(prompt)  # the first generated token; drafts guess those after it
        running = None
        for step, state in enumerate(states, 1):
            count = tokens.shape[1] - first - step
            if count <= 0:
                break
            drafted = model.lm_head(state[0, first - 1 : first - 1 + count])
            truth = model.lm_head(hidden[0, first - 1 + step : first - 1 + step + count])
            if temperature:
                p, q = (truth / temperature).softmax(-1), (drafted / temperature).softmax(-1)
                accepted = torch.minimum(p, q).sum(-1)
            else:
                accepted = (drafted.argmax(-1) == tokens[0, first + step :]).float()
            running = accepted if running is None else running[:count] * accepted
            sums[step - 1] += running.sum()
            places[step - 1] += count
    return sums, places


def run(model, pieces, asked, mode, batch, temperature=0.0):
    """Adds the outputs of one mode to a copy of each question."""
    results = []
    order = sorted(asked, key=lambda question: len(question["prompt"]))
    for start in range(0, len(order), batch):
        group = order[start : start + batch]
        prompts = [encode(pieces, f"<s><|user|>{one['prompt']}{SUFFIX[mode]}<|assistant|>") for one in group]
        outputs = generate(model, prompts, 320, temperature)
        for one, prompt, output in zip(group, prompts, outputs):
            text = pieces.decode([token for token in output if token != END])
            results.append(one | {"mode": mode, "tokens": prompt, "output": output, "text": text, "thinks": THINK in output,
                "right": output[-1] == END and text.split("</think>")[-1].strip() == one.get("answer")})
    return results


def mean(values):
    """The mean of a sequence, as a rounded percentage."""
    values = list(values)
    return round(100 * sum(values) / max(1, len(values)), 1)


def report(results, wrong):
    """Prints accuracy, thinking and length by skill, difficulty and mode."""
    cells = defaultdict(list)
    for one in results:
        for difficulty in {one["difficulty"], "all"}:
            cells[one["category"], difficulty, one["mode"]].append(one)
            if one["difficulty"] != "none":
                cells["thinking skills", difficulty, one["mode"]].append(one)
    for (category, difficulty, mode), group in sorted(cells.items()):
        length = sum(len(one["output"]) for one in group) / len(group)
        print(f"{category:15} {difficulty:5} {mode:5} n {len(group):3}  right {mean(one['right'] for one in group):5}"
              f"  thinks {mean(one['thinks'] for one in group):5}  tokens {length:6.1f}")
    for one in [one for one in results if not one["right"] and one["mode"] == "slow"][:wrong]:
        print(f"WRONG {one['prompt']!r} -> {one['text']!r}, not {one['answer']!r}")


def main():
    """The whole evaluation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).resolve().parents[1])
    parser.add_argument("--questions", type=Path, help="folder of the questions, if not FOLDER/evaluation")
    parser.add_argument("--per", type=int, default=10**6, help="questions for each skill, difficulty and language")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--wrong", type=int, default=0, help="print that many wrong answers of slow thinking")
    parser.add_argument("--modes", nargs="*", default=list(SUFFIX))
    options = parser.parse_args()
    model = load(options.folder)
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(options.folder / "tokenizer.model"))
    asked = questions(options.questions or options.folder / "evaluation", options.per)
    exact = [one for one in asked if "answer" in one]
    results = []
    for mode in options.modes:
        results += run(model, pieces, exact, mode, options.batch)
    report(results, options.wrong)
    stories = [one for one in asked if "answer" not in one]
    sets = {f"greedy, {mode}": [one for one in results if one["mode"] == mode] for mode in options.modes}
    sampled = run(model, pieces, stories, "fast", options.batch, temperature=0.8)
    for name, group in (*sets.items(), ("stories at temperature 0.8", sampled)):
        sums, places = acceptance(model, [one["tokens"] for one in group], [one["output"] for one in group], 0.8 if "0.8" in name else 0)
        print(f"acceptance, {name}: {[round(value, 3) for value in (sums / places).tolist()]}")
    for one in sampled[: min(2, options.wrong)]:
        print(f"STORY {one['prompt']!r} -> {one['text']!r}")


if __name__ == "__main__":
    main()
