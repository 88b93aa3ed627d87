"""Would a fixture notice a mistake? Runs the oracle with one formula changed at a time.

    python -m oracle.sensitivity [NAME ...]

Prints, for each change, how far logits and mtp_logits move as a share of their range (the tests allow 2e-4), and
the same for arithmetic in f64, which is the rounding error of the oracle itself. A line of zeros means that the
fixture does not reach this formula.
"""
import contextlib
import json
import pathlib
import sys
from collections.abc import Callable, Iterator

import torch
from transformers.models.deepseek_v3 import modeling_deepseek_v3 as modeling

from . import reference, shapes, storage, weights


def router(model_router, hidden, fill=float("-inf"), bias=True, weigh_biased=False):
    """The router written out, with its possible mistakes as options."""
    logits = torch.nn.functional.linear(hidden.reshape(-1, hidden.shape[-1]), model_router.weight)
    scores = logits.sigmoid()
    biased = scores + model_router.e_score_correction_bias * bias
    groups = biased.view(len(biased), model_router.num_group, -1)
    best = groups.topk(2, dim=-1).values.sum(-1).topk(model_router.topk_group).indices
    keep = torch.zeros(groups.shape[:2]).scatter(1, best, 1).bool()
    chosen = groups.masked_fill(~keep[..., None], fill).flatten(1).topk(model_router.top_k).indices
    share = (biased if weigh_biased else scores).gather(1, chosen)
    if model_router.norm_topk_prob:
        share = share / (share.sum(-1, keepdim=True) + 1e-20)
    return logits, share * model_router.routed_scaling_factor, chosen


@contextlib.contextmanager
def swapped(owner: object, name: str, value: object) -> Iterator[None]:
    old = getattr(owner, name, None)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, old)


def attributes(oracle: reference.Oracle, kind: type, name: str, change: Callable) -> contextlib.ExitStack:
    """Changes one attribute of every module of a kind, in the main model and the MTP model."""
    stack = contextlib.ExitStack()
    # The rotary embedding is shared by both models: visit each module once.
    for module in {id(m): m for top in (oracle.model, oracle.mtp) for m in top.modules()}.values():
        if isinstance(module, kind):
            stack.enter_context(swapped(module, name, change(getattr(module, name))))
    return stack


def changes(oracle: reference.Oracle, shape: shapes.Shape) -> Iterator[tuple[str, contextlib.AbstractContextManager]]:
    """Each mistake with a context in which the oracle makes it."""
    def routing(**options):
        return swapped(modeling.DeepseekV3TopkRouter, "forward", lambda self, x: router(self, x, **options))

    def latent_eps():
        stack = contextlib.ExitStack()
        for top in (oracle.model, oracle.mtp):
            for name, module in top.named_modules():
                if name.endswith("a_layernorm"):
                    stack.enter_context(swapped(module, "variance_epsilon", shape.rms_norm_eps))
        return stack

    rotary, attention = modeling.DeepseekV3RotaryEmbedding, modeling.DeepseekV3Attention
    gate = modeling.DeepseekV3TopkRouter
    plain, _ = rotary.compute_default_rope_parameters(oracle.model.config)
    layer = oracle.mtp.layers[0]
    main_hidden = oracle.model.model.norm
    yield "router written out, no mistake", routing()
    yield "router: masked groups at 0.0", routing(fill=0.0)
    yield "router: no correction bias", routing(bias=False)
    yield "router: weights from biased scores", routing(weigh_biased=True)
    yield "router: groups ignored", attributes(oracle, gate, "topk_group", lambda _: shape.n_group)
    yield "router: norm_topk_prob flipped", attributes(oracle, gate, "norm_topk_prob", lambda old: not old)
    yield "router: no scaling factor", attributes(oracle, gate, "routed_scaling_factor", lambda _: 1.0)
    yield "rope: halves instead of pairs", interleave(oracle, not shape.rope_interleave)
    yield "rope: no YaRN frequencies", attributes(oracle, rotary, "inv_freq", lambda _: plain)
    yield "rope: amplitude 1", attributes(oracle, rotary, "attention_scaling", lambda _: 1.0)
    yield "attention: no mscale²", attributes(oracle, attention, "scaling", lambda _: shape.qk_head_dim ** -0.5)
    yield "latent norms use rms_norm_eps", latent_eps()
    yield "mtp: hidden before the final norm", swapped(main_hidden, "forward", Bypass(main_hidden))
    yield "mtp: concat [hidden, embedding]", swapped(layer.config, "mtp_hidden_states_first", True)
    yield "mtp: no shared_head.norm", swapped(layer, "use_post_norm", False)


class Bypass:
    """A final norm that the head sees and the MTP layer does not (see `measure`)."""

    def __init__(self, norm: torch.nn.Module) -> None:
        self.norm = norm

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden


def interleave(oracle: reference.Oracle, value: bool) -> contextlib.ExitStack:
    stack = contextlib.ExitStack()
    for config in (oracle.model.config, oracle.mtp.config):
        stack.enter_context(swapped(config, "rope_interleave", value))
    return stack


def measure(oracle: reference.Oracle, ids: list[int], truth: tuple[torch.Tensor, torch.Tensor]) -> list[float]:
    runs = oracle.logits(ids), oracle.mtp_logits(ids)
    return [float((run - true).abs().max() / (true.max() - true.min())) for run, true in zip(runs, truth)]


def report(folder: pathlib.Path, seed: int, shape: shapes.Shape) -> None:
    stored = storage.stored_tensors(shape, weights.tensors(shape, seed))
    ids = json.loads((folder / "oracle.json").read_text())["prompt_token_ids"]
    print(f"{shape.name:38}   logits   mtp_logits")
    with reference.opened(folder, shape, stored) as oracle:
        truth = oracle.logits(ids), oracle.mtp_logits(ids)
        for label, context in changes(oracle, shape):
            with context:
                moved = measure(oracle, ids, truth)
            if "final norm" in label:
                moved[0] = 0.0  # the main head keeps its norm
            print(f"  {label:36} {moved[0]:8.1e} {moved[1]:8.1e}")
        oracle.model.double(), oracle.mtp.double()
        print(f"  {'f64 arithmetic':36} {measure(oracle, ids, truth)[0]:8.1e} {measure(oracle, ids, truth)[1]:8.1e}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in sys.argv[1:] or shapes.NAMED:
        report(pathlib.Path(__file__).parents[1] / "deepseek-v3" / name, *shapes.NAMED[name])
