"""Random weights with the published tensor names.

Drawn by numpy, so that the same seed gives the same checkpoint on every machine. Scales are chosen so that every
part matters: attention is far from uniform, layers add as much as the residual stream carries, routers spread over
the experts and the correction bias changes their choice. With `successor` the head maps each token to a fixed
successor and the MTP projection lets the embedding through, so that drafts are accepted some of the time, as with
trained weights; the layers still decide the rest.
"""
import numpy as np

from .shapes import Shape


class Draw:
    """Named random tensors in a fixed order."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng([seed, 0xF00D])

    def normal(self, *size: int, scale: float = 1.0, mean: float = 0.0) -> np.ndarray:
        return (self.rng.standard_normal(size) * scale + mean).astype(np.float32)

    def linear(self, rows: int, columns: int, gain: float = 1.0) -> np.ndarray:
        """Maps unit-variance inputs to outputs of variance gain². Blocks of 128 × 128 differ in magnitude."""
        weight = self.normal(rows, columns, scale=gain / np.sqrt(columns))
        blocks = self.rng.uniform(0.7, 1.3, size=(-(-rows // 128), -(-columns // 128)))
        return weight * np.repeat(np.repeat(blocks, 128, 0)[:rows], 128, 1)[:, :columns].astype(np.float32)

    def norm(self, size: int) -> np.ndarray:
        return self.rng.uniform(0.6, 1.4, size=size).astype(np.float32)


def tensors(shape: Shape, seed: int) -> dict[str, np.ndarray]:
    """All tensors of the checkpoint in f32, before rounding to the stored format."""
    draw, h = Draw(seed), shape.hidden_size
    out = {"model.embed_tokens.weight": draw.normal(shape.vocab_size, h)}
    for layer in range(shape.num_hidden_layers):
        out |= _layer(draw, shape, layer, dense=layer < shape.first_k_dense_replace)
    out["model.norm.weight"] = draw.norm(h)
    head = _head(draw, shape, out["model.embed_tokens.weight"])
    if not shape.tie_word_embeddings:
        out["lm_head.weight"] = head
    for index in range(shape.num_hidden_layers, shape.num_hidden_layers + shape.mtp_heads):
        out |= _mtp_layer(draw, shape, index)
        if shape.copies_of_shared_tensors:
            prefix = f"model.layers.{index}."
            out[prefix + "embed_tokens.weight"] = out["model.embed_tokens.weight"]
            out[prefix + "shared_head.head.weight"] = out.get("lm_head.weight", out["model.embed_tokens.weight"])
    return out


def _head(draw: Draw, shape: Shape, embedding: np.ndarray) -> np.ndarray:
    successors = draw.rng.permutation(shape.vocab_size)
    noise = draw.normal(shape.vocab_size, shape.hidden_size)
    share = shape.successor
    head = share * embedding[np.argsort(successors)] + np.sqrt(max(0.0, 1 - share * share)) * noise
    return (0.4 * head).astype(np.float32)


def _mtp_layer(draw: Draw, shape: Shape, index: int) -> dict[str, np.ndarray]:
    h, prefix = shape.hidden_size, f"model.layers.{index}."
    projection = draw.linear(h, 2 * h, gain=0.7)
    projection[:, :h] += shape.successor * np.eye(h, dtype=np.float32)
    return {
        prefix + "enorm.weight": draw.norm(h),
        prefix + "hnorm.weight": draw.norm(h),
        prefix + "eh_proj.weight": projection,
        **_layer(draw, shape, index, dense=False),
        prefix + "shared_head.norm.weight": draw.norm(h),
    }


def _layer(draw: Draw, shape: Shape, index: int, dense: bool) -> dict[str, np.ndarray]:
    h, prefix = shape.hidden_size, f"model.layers.{index}."
    mlp = _mlp(draw, h, shape.intermediate_size, shape.residual_gain) if dense else _moe(draw, shape)
    out = {"input_layernorm.weight": draw.norm(h)}
    out |= {"self_attn." + name: tensor for name, tensor in _attention(draw, shape).items()}
    out["post_attention_layernorm.weight"] = draw.norm(h)
    out |= {"mlp." + name: tensor for name, tensor in mlp.items()}
    return {prefix + name: tensor for name, tensor in out.items()}


def _attention(draw: Draw, shape: Shape) -> dict[str, np.ndarray]:
    h, heads, latent = shape.hidden_size, shape.num_attention_heads, shape.kv_lora_rank
    queries, sharp = heads * shape.qk_head_dim, 1.3
    out = {}
    if shape.q_lora_rank is None:
        out["q_proj.weight"] = draw.linear(queries, h, sharp)
    else:
        out["q_a_proj.weight"] = draw.linear(shape.q_lora_rank, h)
        out["q_a_layernorm.weight"] = draw.norm(shape.q_lora_rank)
        out["q_b_proj.weight"] = draw.linear(queries, shape.q_lora_rank, sharp)
    out["kv_a_proj_with_mqa.weight"] = draw.linear(latent + shape.qk_rope_head_dim, h, sharp)
    out["kv_a_layernorm.weight"] = draw.norm(latent)
    out["kv_b_proj.weight"] = draw.linear(heads * (shape.qk_nope_head_dim + shape.v_head_dim), latent, sharp)
    out["o_proj.weight"] = draw.linear(h, heads * shape.v_head_dim, shape.residual_gain)
    if shape.attention_bias:
        if shape.q_lora_rank is not None:
            out["q_a_proj.bias"] = draw.normal(shape.q_lora_rank, scale=0.3)
        out["kv_a_proj_with_mqa.bias"] = draw.normal(latent + shape.qk_rope_head_dim, scale=0.3)
        out["o_proj.bias"] = draw.normal(h, scale=0.3)
    if shape.inverse_frequencies:
        steps = np.arange(0, shape.qk_rope_head_dim, 2) / shape.qk_rope_head_dim
        out["rotary_emb.inv_freq"] = (shape.rope_theta ** -steps).astype(np.float32)
    return out


def _mlp(draw: Draw, h: int, inner: int, gain: float) -> dict[str, np.ndarray]:
    return {
        "gate_proj.weight": draw.linear(inner, h, 1.5),
        "up_proj.weight": draw.linear(inner, h, 1.5),
        "down_proj.weight": draw.linear(h, inner, 0.6 * gain),
    }


def _moe(draw: Draw, shape: Shape) -> dict[str, np.ndarray]:
    h, experts, gain = shape.hidden_size, shape.n_routed_experts, 0.8 * shape.residual_gain
    if not shape.norm_topk_prob:
        gain /= shape.num_experts_per_tok / 2
    out = {
        "gate.weight": draw.normal(experts, h, scale=1.2 / np.sqrt(h)),
        "gate.e_score_correction_bias": draw.normal(experts, scale=0.15, mean=shape.bias_mean),
    }
    for expert in range(experts):
        for name, tensor in _mlp(draw, h, shape.moe_intermediate_size, gain).items():
            out[f"experts.{expert}.{name}"] = tensor
    shared = _mlp(draw, h, shape.moe_intermediate_size * shape.n_shared_experts, shape.residual_gain)
    return out | {f"shared_experts.{name}": tensor for name, tensor in shared.items()}
