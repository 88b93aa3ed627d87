"""Which mistakes would the fixtures notice? Runs the reference with one rule wrong and prints how far the logits move.

    python -m oracle.families.sensitivity
"""
import pathlib
from dataclasses import replace

import torch
from safetensors.torch import load_file

from . import reference
from .recipes import NAMED
from .traits import Traits, traits

ROOT = pathlib.Path(__file__).parents[2]


def mistakes(t: Traits) -> dict[str, Traits]:
    """The traits with one thing wrong each."""
    out = {}
    r = t.router
    if r:
        out["normalised or not"] = replace(t, router=replace(r, normalize=not r.normalize))
        out["other scoring"] = replace(t, router=replace(r, scoring="sigmoid" if r.scoring == "softmax" else "softmax"))
        if r.scale != 1:
            out["no scaling"] = replace(t, router=replace(r, scale=1.0))
        if r.groups != "none" and r.group_count > 1:
            out["no groups"] = replace(t, router=replace(r, groups="none"))
        if r.groups == "best":
            out["pairs"] = replace(t, router=replace(r, groups="pairs"))
        if r.groups == "pairs" and r.kept < r.group_count:
            out["best one"] = replace(t, router=replace(r, groups="best"))
        if r.correction_bias:
            out["no correction bias"] = replace(t, router=replace(r, correction_bias=False))
        if r.expert_scales:
            out["no expert scales"] = replace(t, router=replace(r, expert_scales=False))
        gate, up, down = t.expert_names
        out["gate and up swapped"] = replace(t, expert_names=(up, gate, down))
    if t.shared_gated:
        out["ungated shared expert"] = replace(t, shared_gated=False)
    if t.shared_name and t.shared_width:
        out["no shared expert"] = replace(t, shared_width=0)
    if t.head_norms:
        out["no head norms"] = replace(t, head_norms=False)
    if any(t.windows):
        out["no window"] = replace(t, windows=[])
        out["window one longer"] = replace(t, windows=[w and w + 1 for w in t.windows])
    if t.partial_rotary != 1:
        out["whole head rotated"] = replace(t, partial_rotary=1.0)
    if t.rope["rope_type"] != "default":
        plain = {key: value for key, value in t.config.items() if key not in ("rope_scaling", "rope_parameters")}
        out["no rope scaling"] = replace(t, config=plain)
    out["epsilon"] = replace(t, config=t.config | dict(rms_norm_eps=t.eps * 10))
    return out


@torch.no_grad()
def main() -> None:
    import json
    for family, _, recipe in NAMED:
        folder = ROOT / family / recipe.name
        weights = {name: tensor.float() for name, tensor in load_file(folder / "model.safetensors").items()}
        oracle = load_file(folder / "oracle.safetensors")["logits"]
        prompt = json.loads((folder / "oracle.json").read_text())["prompt_token_ids"]
        t = traits(recipe.config)
        cases = {"": (t, weights)} | {name: (wrong, weights) for name, wrong in mistakes(t).items()}
        if any(name.endswith("_proj.bias") for name in weights):
            for part in ("q", "k", "v", "o"):
                if f"model.layers.0.self_attn.{part}_proj.bias" in weights:
                    cases[f"no {part} bias"] = t, {
                        n: w for n, w in weights.items() if not n.endswith(f"{part}_proj.bias")}
        print(f"{family}/{recipe.name}")
        for name, (wrong, tensors) in cases.items():
            model = reference.Reference(wrong, tensors)
            found = model.head(model.hidden(prompt))
            error = float((found - oracle).abs().max() / (oracle.max() - oracle.min()))
            print(f"  {error:9.1e} {name or 'as it is'}" + ("   <-- unnoticed" if name and error < 4e-4 else ""))


if __name__ == "__main__":
    main()
