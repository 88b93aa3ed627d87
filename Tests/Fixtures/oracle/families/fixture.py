"""Writes one fixture of a family: the checkpoint, then the oracle's numbers on it."""
import pathlib
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import torch

from ..margins import EXPERT_MARGIN, TOKEN_MARGIN, token_margin
from ..storage import ALWAYS_F32, DTYPES, save, write_json
from .native import Native
from .reference import Reference
from .traits import traits
from .weights import tensors

GREEDY_TOKENS = 48
CHAIN_DEPTH = 3


class Unfair(Exception):
    """The draw has near-ties; another seed is needed."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a fixture apart from the seed."""

    name: str
    config: dict
    dtype: str = "F32"
    successor: float = 0.8
    gain: float = 1.0
    prompt_tokens: int = 24
    varied: int = 12  # distinct ids that the greedy text must have


def relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).abs().max() / (expected.max() - expected.min()))


@torch.no_grad()
def write(folder: pathlib.Path, recipe: Recipe, seed: int, strict: bool = True) -> dict:
    """Writes the fixture and returns a summary. With `strict`, near-ties raise `Unfair`."""
    t = traits(recipe.config)
    stored = {name: torch.from_numpy(np.ascontiguousarray(array)).to(
        torch.float32 if name.endswith(ALWAYS_F32) else DTYPES[recipe.dtype]).clone()
        for name, array in sorted(tensors(t, seed, recipe.successor, recipe.gain).items())}
    wide = {name: tensor.float() for name, tensor in stored.items()}
    reference = Reference(t, wide)
    rng = np.random.default_rng([seed, 0x1D5])
    prompt = rng.integers(2, t.config["vocab_size"], size=recipe.prompt_tokens).tolist()

    greedy: list[int] = []
    rows = None
    for _ in range(GREEDY_TOKENS):
        rows = reference.head(reference.hidden(prompt + greedy))
        greedy.append(int(rows[-1].argmax()))
        if strict and token_margin(rows[-1:], float(rows.max() - rows.min())) <= TOKEN_MARGIN:
            raise Unfair("greedy_margin")
    logits, spread = rows[:len(prompt)], float(rows[:len(prompt)].max() - rows[:len(prompt)].min())
    record = dict(prompt_token_ids=prompt, greedy_token_ids=greedy)
    saved = dict(logits=logits)
    summary = dict(distinct_greedy=len(set(greedy)), logits_range=spread)
    if t.mtp:
        summary |= _mtp(reference, prompt, greedy, spread, strict, record, saved)
    summary |= dict(expert_margin=min(reference.gaps, default=1.0),
                    experts_used=[len(used) for used in reference.used.values()])
    if strict and summary["expert_margin"] < EXPERT_MARGIN:
        raise Unfair("expert_margin")
    if strict and summary["distinct_greedy"] < recipe.varied:
        raise Unfair("distinct_greedy")

    oracle = "the reference in oracle/families/reference.py"
    if t.native:
        oracle = "transformers " + version("transformers")
        native = Native(t, wide)
        saved["logits"] = native.logits(prompt)
        summary["reference_error"] = relative(logits, saved["logits"])
        assert summary["reference_error"] < 5e-6, summary
        assert not strict or native.greedy(prompt, GREEDY_TOKENS) == greedy
        if native.mtp is not None:
            own, saved["mtp_logits"] = saved["mtp_logits"], native.mtp_logits(prompt)
            assert relative(own, saved["mtp_logits"]) < 5e-6

    folder.mkdir(parents=True, exist_ok=True)
    for old in [*folder.glob("*.safetensors"), *folder.glob("*.json")]:
        old.unlink()
    write_json(folder / "config.json", dict(sorted(recipe.config.items())))
    save(folder / "model.safetensors", stored)
    save(folder / "oracle.safetensors", {name: tensor.contiguous() for name, tensor in saved.items()})
    write_json(folder / "oracle.json", record | dict(
        oracle=oracle, torch=version("torch").split("+")[0], seed=seed, logits_range=spread))
    return summary


def _mtp(reference: Reference, prompt, greedy, spread, strict, record: dict, saved: dict) -> dict:
    """MTP logits over the prompt, drafts after each prefix of the greedy text, rounds of one draft a head.

    Draft i comes from the last row of head i, over the drafts before it as over known ids; when the heads are used up
    the last one goes on with its own output of the row before in the place of its predecessor's.
    """
    text, heads = prompt + greedy, reference.t.mtp_heads
    states = reference.hidden(text)
    drafts = reference.head(reference.mtp(0, text[1:], states[:-1]))[len(prompt) - 1:]
    margin = token_margin(drafts, spread)
    if strict and margin <= TOKEN_MARGIN:
        raise Unfair("draft_margin")
    chains = []
    for known in range(1, len(greedy) + 1):
        count, chain = len(prompt) + known - 1, []
        before = states[:count]
        for step in range(max(CHAIN_DEPTH, heads + 1)):
            head, ids = min(step, heads - 1), text[1:count + 1] + chain
            if step >= heads:
                before = torch.cat([before, z[-1:]])
            z = reference.mtp(head, ids[head:], before)
            last = reference.head(z[-1:])
            if token_margin(last, spread) <= TOKEN_MARGIN:
                break
            chain.append(int(last.argmax()))
            before = z if step + 1 < heads else before
        chains.append(chain)
    rounds, known = [], 1
    while known < len(greedy):
        accepted, chain = 0, chains[known - 1]
        while accepted < heads and known + accepted < len(greedy):
            if accepted == len(chain):
                raise Unfair("a round's drafts are near a tie")
            if chain[accepted] != greedy[known + accepted]:
                break
            accepted += 1
        rounds.append(min(accepted, len(greedy) - known - 1))
        known += rounds[-1] + 1
    record |= dict(draft_chain=chains[0], draft_chains=chains, use_mtp=dict(rounds=len(rounds), accepted=sum(rounds)))
    saved["mtp_logits"] = reference.mtp_logits(prompt)
    return dict(draft_margin=margin, rounds=len(rounds), accepted=sum(rounds))
