"""Between the training names and those of published DeepSeek-V3 checkpoints."""

import re

import torch
from safetensors.torch import load_file

from model import Abacus, Config


def published(state, config):
    """The tensors of a training state under their published names, bf16 but for the correction biases."""
    tensors = {}
    for name, value in state.items():
        if name.startswith("mtp."):
            name = f"layers.{config.num_hidden_layers}." + name[len("mtp.") :].removeprefix("block.")
            name = name.replace(f"layers.{config.num_hidden_layers}.norm.", f"layers.{config.num_hidden_layers}.shared_head.norm.")
        if name != "lm_head.weight":
            name = f"model.{name}"
        if name.endswith("e_score_correction_bias"):
            tensors[name.replace("mlp.", "mlp.gate.")] = value.float().contiguous()
        elif ".experts." in name:
            prefix, part = name.rsplit(".", 1)
            for expert, matrix in enumerate(value):
                tensors[f"{prefix}.{expert}.{part}.weight"] = matrix.to(torch.bfloat16).contiguous()
        else:
            tensors[name] = value.to(torch.bfloat16).contiguous()
    return tensors


def load(folder, device="cpu"):
    """The model of an exported checkpoint folder, in float32 for evaluation."""
    config = Config.read(folder / "config.json")
    state, stacks = {}, {}
    extra = f"model.layers.{config.num_hidden_layers}."
    for name, value in load_file(folder / "model.safetensors").items():
        if name.startswith(extra):
            name = name[len(extra) :].replace("shared_head.norm", "norm")
            name = f"mtp.{name}" if re.match(r"enorm|hnorm|eh_proj|norm", name) else f"mtp.block.{name}"
        name = name.removeprefix("model.").replace("mlp.gate.e_score", "mlp.e_score")
        match = re.fullmatch(r"(.*\.experts)\.(\d+)\.(\w+)\.weight", name)
        if match:
            stacks.setdefault(f"{match[1]}.{match[3]}", {})[int(match[2])] = value.float()
        else:
            state[name] = value.float()
    for name, matrices in stacks.items():
        state[name] = torch.stack([matrices[index] for index in range(len(matrices))])
    model = Abacus(config)
    model.load_state_dict(state)
    return model.to(device).eval()
