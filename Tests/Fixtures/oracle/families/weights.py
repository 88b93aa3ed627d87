"""Random weights with the published tensor names, scaled so that everything matters as in `oracle/weights.py`."""
import numpy as np

from ..weights import Draw
from .traits import Traits


def tensors(t: Traits, seed: int, successor: float, gain: float) -> dict[str, np.ndarray]:
    """All tensors of the checkpoint in f32, before rounding to the stored format."""
    draw, h, vocab = Draw(seed), t.config["hidden_size"], t.config["vocab_size"]
    out = {"model.embed_tokens.weight": draw.normal(vocab, h)}
    for layer in range(t.layers):
        out |= _layer(draw, t, f"model.layers.{layer}.", t.sparse[layer], gain)
    out["model.norm.weight"] = draw.norm(h)
    successors = draw.rng.permutation(vocab)
    noise = draw.normal(vocab, h) * np.float32(np.sqrt(max(0.0, 1 - successor**2)))
    head = np.float32(0.4) * (np.float32(successor) * out["model.embed_tokens.weight"][np.argsort(successors)] + noise)
    if not t.config.get("tie_word_embeddings"):
        out["lm_head.weight"] = head
    for head in range(t.mtp_heads):
        out |= _mtp(draw, t, head, successor, gain, out)
    return out


def mtp_names(t: Traits, head: int) -> tuple[str, str, str, str, str]:
    """Prefix of a head's layer, then its embedding norm, hidden norm, projection and output norm."""
    if t.mtp == "mimo":
        return f"model.mtp_layers.{head}.", "token_layernorm", "hidden_layernorm", "input_proj", "final_layernorm"
    return f"model.layers.{t.layers + head}.", "enorm", "hnorm", "eh_proj", "shared_head.norm"


def _mtp(draw: Draw, t: Traits, head: int, successor: float, gain: float, main: dict) -> dict[str, np.ndarray]:
    h = t.config["hidden_size"]
    prefix, embedding, hidden, projection, output = mtp_names(t, head)
    matrix = draw.linear(h, 2 * h, gain=0.7)
    start = h if t.mtp == "mimo" else 0  # which half takes the embedding
    matrix[:, start:start + h] += np.float32(successor) * np.eye(h, dtype=np.float32)
    out = {prefix + embedding + ".weight": draw.norm(h), prefix + hidden + ".weight": draw.norm(h),
           prefix + projection + ".weight": matrix, prefix + output + ".weight": draw.norm(h)}
    out |= _layer(draw, t, prefix, t.router is not None, gain)
    if t.mtp == "deepseek" and not t.config.get("tie_word_embeddings"):  # copies, as published
        out[prefix + "embed_tokens.weight"] = main["model.embed_tokens.weight"]
        out[prefix + "shared_head.head.weight"] = main["lm_head.weight"]
    return out


def _layer(draw: Draw, t: Traits, prefix: str, sparse: bool, gain: float) -> dict[str, np.ndarray]:
    h = t.config["hidden_size"]
    norms = ["input_layernorm", "post_attention_layernorm"]
    out = {norm + ".weight": draw.norm(h)
           for norm in norms + (["pre_mlp_layernorm", "post_mlp_layernorm"] if t.sandwich else [])}
    attention = _latent(draw, t, gain) if t.latent else _grouped(draw, t, gain)
    out |= {"self_attn." + name: tensor for name, tensor in attention.items()}
    if sparse:
        out |= {t.moe_prefix + name: tensor for name, tensor in _moe(draw, t, gain).items()}
    else:
        names = ("gate_proj", "up_proj", "down_proj")
        out |= {"mlp." + name: tensor for name, tensor in _mlp(draw, h, t.dense_width, gain, names).items()}
    return {prefix + name: tensor for name, tensor in out.items()}


def _grouped(draw: Draw, t: Traits, gain: float) -> dict[str, np.ndarray]:
    h, queries, keys = t.config["hidden_size"], t.heads * t.head, t.kv_heads * t.head
    out = {f"{name}_proj.weight": draw.linear(width, h, 1.3)
           for name, width in (("q", queries), ("k", keys), ("v", keys))}
    out["o_proj.weight"] = draw.linear(h, queries, gain)
    if t.input_bias:
        out |= {f"{name}_proj.bias": draw.normal(width, scale=0.3)
                for name, width in (("q", queries), ("k", keys), ("v", keys))}
    if t.output_bias:
        out["o_proj.bias"] = draw.normal(h, scale=0.3)
    if t.head_norms:
        out |= {f"{name}_norm.weight": draw.norm(t.head) * np.float32(1.3) for name in "qk"}
    return out


def _latent(draw: Draw, t: Traits, gain: float) -> dict[str, np.ndarray]:
    h, latent, rank = t.config["hidden_size"], *latent_ranks(t)
    nope, rope, value = latent_widths(t)
    out = {}
    if rank is None:
        out["q_proj.weight"] = draw.linear(t.heads * (nope + rope), h, 1.3)
    else:
        out["q_a_proj.weight"] = draw.linear(rank, h)
        out["q_a_layernorm.weight"] = draw.norm(rank)
        out["q_b_proj.weight"] = draw.linear(t.heads * (nope + rope), rank, 1.3)
    out["kv_a_proj_with_mqa.weight"] = draw.linear(latent + rope, h, 1.3)
    out["kv_a_layernorm.weight"] = draw.norm(latent)
    out["kv_b_proj.weight"] = draw.linear(t.heads * (nope + value), latent, 1.3)
    out["o_proj.weight"] = draw.linear(h, t.heads * value, gain)
    return out


def latent_ranks(t: Traits) -> tuple[int, int | None]:
    return t.get("kv_lora_rank", "attention_kv_lora_dim"), t.get("q_lora_rank", "attention_q_lora_dim")


def latent_widths(t: Traits) -> tuple[int, int, int]:
    """Unrotated, rotated and value width of a head."""
    return (t.get("qk_nope_head_dim", "attention_qk_dim"), t.get("qk_rope_head_dim", "attention_qk_rope_dim"),
            t.get("v_head_dim", "attention_v_dim"))


def _mlp(draw: Draw, h: int, inner: int, gain: float, names: tuple[str, str, str]) -> dict[str, np.ndarray]:
    gate, up, down = (name + ".weight" for name in names)
    return {gate: draw.linear(inner, h, 1.5), up: draw.linear(inner, h, 1.5), down: draw.linear(h, inner, 0.6 * gain)}


def _moe(draw: Draw, t: Traits, gain: float) -> dict[str, np.ndarray]:
    h, r = t.config["hidden_size"], t.router
    expected = 1.0 if r.normalize else 0.5 if r.scoring == "softmax" else r.top_k / 2
    out = {"gate.weight": draw.normal(r.experts, h, scale=1.2 / np.sqrt(h))}
    if r.correction_bias:
        out["gate.e_score_correction_bias"] = draw.normal(r.experts, scale=0.15)
    if r.expert_scales:
        out["router_scale"] = draw.rng.uniform(0.5, 2.0, size=(1, r.experts)).astype(np.float32)
    for expert in range(r.experts):
        unit = _mlp(draw, h, t.expert_width, gain / (expected * r.scale), t.expert_names)
        out |= {f"experts.{expert}.{name}": tensor for name, tensor in unit.items()}
    if t.shared_name and t.shared_width:
        unit = _mlp(draw, h, t.shared_width, gain, ("gate_proj", "up_proj", "down_proj"))
        out |= {f"{t.shared_name}.{name}": tensor for name, tensor in unit.items()}
    if t.shared_gated:
        out["shared_expert_gate.weight"] = draw.linear(1, h, 1.5)
    return out
