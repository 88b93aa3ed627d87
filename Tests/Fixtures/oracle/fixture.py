"""Writes one fixture: the checkpoint, then what the oracle says about it."""
import pathlib
from importlib.metadata import version

import numpy as np
import torch

from . import margins, reference, storage, weights
from .shapes import Shape

GREEDY_TOKENS = 64
CHAIN_DEPTH = 4


class Unfair(Exception):
    """The draw has near-ties; another seed is needed."""


def write(folder: pathlib.Path, shape: Shape, seed: int, strict: bool = True) -> dict:
    """Writes the fixture and returns a summary. With `strict`, near-ties raise `Unfair`, before any oracle file."""
    stored = storage.stored_tensors(shape, weights.tensors(shape, seed))
    storage.write_checkpoint(folder, shape, stored)
    with reference.opened(folder, shape, stored) as oracle:
        return _write_oracle(folder, shape, seed, oracle, strict)


def _write_oracle(folder: pathlib.Path, shape: Shape, seed: int, oracle: reference.Oracle, strict: bool) -> dict:
    rng = np.random.default_rng([seed, 0x1D5])
    prompt = rng.integers(2, shape.vocab_size, size=shape.prompt_tokens).tolist()

    watch = margins.ExpertMargins(oracle.model, oracle.mtp)
    greedy = oracle.generate(prompt, GREEDY_TOKENS)
    logits = oracle.logits(prompt)
    mtp_logits = oracle.mtp_logits(prompt)
    spread = float(logits.max() - logits.min())
    chain, chain_logits = oracle.draft_chain(prompt + greedy[:1], CHAIN_DEPTH)
    path = oracle.logits(prompt + greedy)[len(prompt) - 1:-1]
    drafts = oracle.mtp_logits(prompt + greedy)[0, len(prompt) - 1:]
    watch.close()

    summary = dict(
        greedy_margin=margins.token_margin(path, spread), chain_margin=margins.token_margin(chain_logits, spread),
        draft_margin=margins.token_margin(drafts, spread), expert_margin=watch.least, logits_range=spread,
        distinct_greedy=len(set(greedy)), experts_used=[len(used) for used in watch.used.values()],
        bias_changed=watch.bias_changed / max(1, watch.rows), negative_kept=watch.negative_kept / max(1, watch.rows))
    if strict:
        _check(summary, greedy, varied=0 if shape.name.startswith("random") else 20)

    chains = _chains(oracle, prompt, greedy, spread)
    expected = _expected_rounds(greedy, chains, oracle.heads)
    if strict and expected is None:
        raise Unfair("a round's drafts are near a tie")
    with_mtp, accepted = oracle.generate_with_mtp(prompt, GREEDY_TOKENS)
    if strict:  # with clear margins all ways to the same numbers agree
        assert path.argmax(-1).tolist() == greedy, "decoding without the cache gave other ids"
        assert with_mtp == greedy, "generate(use_mtp=True) gave other ids"
        assert accepted == expected, "generate(use_mtp=True) drafted other ids"
        assert chains[0] == chain
    summary |= dict(accepted=sum(accepted), rounds=len(accepted))

    storage.save(folder / "oracle.safetensors",
                 {"logits": logits.contiguous(), "mtp_logits": mtp_logits.contiguous()})
    storage.write_json(folder / "oracle.json", {
        "prompt_token_ids": prompt,
        "greedy_token_ids": greedy,
        "draft_chain": chain,
        "draft_chains": chains,
        "use_mtp": {"token_ids_equal": with_mtp == greedy, "rounds": len(accepted), "accepted": sum(accepted),
                    "accepted_per_round": accepted},
        "logits_range": spread,
        "mtp_logits_range": float(mtp_logits.max() - mtp_logits.min()),
        "margins": {key: summary[key] for key in ("greedy_margin", "chain_margin", "draft_margin", "expert_margin")},
        "transformers": version("transformers"),
        "torch": version("torch").split("+")[0],
        "seed": seed,
    })
    return summary


def _check(summary: dict, greedy: list[int], varied: int) -> None:
    for key in ("greedy_margin", "chain_margin", "draft_margin"):
        if not summary[key] > margins.TOKEN_MARGIN:
            raise Unfair(f"{key} {summary[key]:.2e}")
    if summary["expert_margin"] < margins.EXPERT_MARGIN:
        raise Unfair(f"expert_margin {summary['expert_margin']:.2e}")
    if {0, 1} & set(greedy):
        raise Unfair("the greedy text holds the first or last special id")
    if len(set(greedy)) < varied:
        raise Unfair(f"only {len(set(greedy))} distinct ids in the greedy text")


def _expected_rounds(greedy: list[int], chains: list[list[int]], heads: int) -> list[int] | None:
    """Drafts accepted in each round of one draft a head; None where a near-tie leaves it open."""
    rounds, known = [], 1
    while known < len(greedy):
        accepted, chain = 0, chains[known - 1]
        while accepted < heads and known + accepted < len(greedy):
            if accepted == len(chain):
                return None
            if chain[accepted] != greedy[known + accepted]:
                break
            accepted += 1
        rounds.append(min(accepted, len(greedy) - known - 1))
        known += rounds[-1] + 1
    return rounds


def _chains(oracle: reference.Oracle, prompt: list[int], greedy: list[int], spread: float) -> list[list[int]]:
    """Drafts after the prompt and each prefix of the greedy text, cut short before the first near-tie."""
    chains = []
    for known in range(1, len(greedy) + 1):
        drafts, logits = oracle.draft_chain(prompt + greedy[:known], CHAIN_DEPTH)
        clear = [margins.token_margin(row[None], spread) > margins.TOKEN_MARGIN for row in logits]
        chains.append(drafts[:clear.index(False)] if False in clear else drafts)
    return chains
