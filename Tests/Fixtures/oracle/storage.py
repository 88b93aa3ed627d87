"""Stored formats: rounding to the dtype of the checkpoint, FP8 blocks, one file or shards."""
import json
import pathlib
import re

import numpy as np
import torch
from safetensors.torch import save_file

from .config import config_json
from .shapes import Shape

DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "F8_E4M3": torch.bfloat16}
BLOCK = 128
FP8_MAX = 448.0
# In published FP8 checkpoints these stay in the wide format; everything else of a layer that is a matrix is FP8.
WIDE_MATRICES = ("embed_tokens.weight", "lm_head.weight", "shared_head.head.weight", "mlp.gate.weight",
                 "eh_proj.weight")
ALWAYS_F32 = ("e_score_correction_bias", "rotary_emb.inv_freq")


def stored_tensors(shape: Shape, weights: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """The tensors as written, sorted by name."""
    out: dict[str, torch.Tensor] = {}
    for name, array in weights.items():
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        if name.endswith(ALWAYS_F32):
            out[name] = tensor.clone()
        elif shape.dtype == "F8_E4M3" and tensor.ndim == 2 and not name.endswith(WIDE_MATRICES):
            out[name], out[name + "_scale_inv"] = quantize_blocks(tensor)
        else:
            out[name] = tensor.to(DTYPES[shape.dtype]).clone()
    return dict(sorted(out.items()))


def quantize_blocks(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """FP8 values and one scale per 128 × 128 block (edge blocks are smaller); weight ≈ value · scale."""
    rows, columns = weight.shape
    scales = torch.empty(-(-rows // BLOCK), -(-columns // BLOCK))
    values = torch.empty(rows, columns, dtype=torch.float8_e4m3fn)
    for i in range(scales.shape[0]):
        for j in range(scales.shape[1]):
            area = slice(i * BLOCK, (i + 1) * BLOCK), slice(j * BLOCK, (j + 1) * BLOCK)
            scales[i, j] = weight[area].abs().max() / FP8_MAX
            values[area] = (weight[area] / scales[i, j]).to(torch.float8_e4m3fn)
    return values, scales


def dequantized(stored: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same checkpoint in f32 without scales: what the oracle runs on."""
    out = {}
    for name, tensor in stored.items():
        if name.endswith("_scale_inv"):
            continue
        wide = tensor.float()
        if (scales := stored.get(name + "_scale_inv")) is not None:
            rows, columns = tensor.shape
            spread = scales.repeat_interleave(BLOCK, 0)[:rows].repeat_interleave(BLOCK, 1)[:, :columns]
            wide = wide * spread
        out[name] = wide.clone()
    return out


def write_checkpoint(folder: pathlib.Path, shape: Shape, stored: dict[str, torch.Tensor]) -> None:
    """Writes config.json and the tensors."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in [*folder.glob("*.safetensors"), *folder.glob("*.json")]:
        old.unlink()
    write_json(folder / "config.json", config_json(shape))
    if shape.shards == 1:
        save(folder / "model.safetensors", stored)
        return
    parts = _split(stored, shape.shards)
    weight_map = {}
    for number, names in enumerate(parts, start=1):
        file = f"model-{number:05d}-of-{shape.shards:05d}.safetensors"
        save(folder / file, {name: stored[name] for name in names})
        weight_map |= dict.fromkeys(names, file)
    total = sum(tensor.nbytes for tensor in stored.values())
    write_json(folder / "model.safetensors.index.json",
               {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))})


def _split(stored: dict[str, torch.Tensor], count: int) -> list[list[str]]:
    """Consecutive names in parts of about equal size; layers may straddle a border, as published ones do."""
    total, seen, parts = sum(tensor.nbytes for tensor in stored.values()), 0, [[] for _ in range(count)]
    for name, tensor in stored.items():
        parts[min(count - 1, seen * count // total)].append(name)
        seen += tensor.nbytes
    return parts


def save(path: pathlib.Path, stored: dict[str, torch.Tensor]) -> None:
    """One safetensors file, readable by all."""
    save_file(stored, path, metadata={"format": "pt"})
    path.chmod(0o644)


def write_json(path: pathlib.Path, table: dict) -> None:
    """One key a line, lists of numbers on one line."""
    text = re.sub(r"\[[\d\s,.\[\]-]*\]", _one_line, json.dumps(table, indent=2))
    path.write_text(text + "\n")


def _one_line(found: re.Match) -> str:
    return re.sub(r"\s+", " ", found[0]).replace("[ ", "[").replace(" ]", "]")
