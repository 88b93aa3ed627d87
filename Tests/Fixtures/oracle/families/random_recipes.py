"""Configurations drawn from a seed, every option of a family varied: for runs that nobody has seen before."""
import numpy as np

from .fixture import Recipe
from .recipes import NAMED


def random_recipe(seed: int, only: str = "") -> tuple[str, Recipe]:
    """A family folder and a recipe."""
    rng = np.random.default_rng([seed, 0x5EED])

    def pick(*options):
        return options[int(rng.integers(len(options)))]

    family, _, base = pick(*[entry for entry in NAMED if only in ("", entry[0])])
    c = dict(base.config)
    c |= dict(vocab_size=int(rng.integers(90, 200)), hidden_size=pick(32, 48, 60, 72), rms_norm_eps=pick(1e-6,
                                                                                                         1e-5, 1e-3),
              num_hidden_layers=int(rng.integers(1, 5)), max_position_embeddings=512,
              tie_word_embeddings=pick(False, False, True))
    if "intermediate_size" in c:
        c["intermediate_size"] = int(rng.integers(20, 120))
    if "moe_intermediate_size" in c:
        c["moe_intermediate_size"] = int(rng.integers(8, 30))
    if "kv_lora_rank" in c or "attention_kv_lora_dim" in c:
        _latent(c, rng, pick)
    else:
        _grouped(c, rng, pick)
    _rope(c, pick)
    _experts(c, rng, pick)
    for key, options in dict(first_k_dense_replace=(0, 1, 2), num_dense_layers=(0, 1, 2), norm_topk_prob=(True,
                                                                                                          False),
                             routed_scaling_factor=(1.0, 2.5, 4.0), attention_bias=(True, False),
                             use_qk_norm=(True, False),
                             sandwich_norm=(True, False), router_enable_expert_bias=(True, False)).items():
        if key in c and (key, c["model_type"]) not in (("attention_bias", "deepseek_v2"), ("attention_bias", "mimo")):
            c[key] = pick(*options)
    if c["model_type"] in ("qwen2", "qwen3", "qwen2_moe", "qwen3_moe"):
        c |= dict(use_sliding_window=pick(True, False), sliding_window=int(rng.integers(3, 30)),
                  max_window_layers=int(rng.integers(0, 4)))
        if "decoder_sparse_step" in c:
            c |= dict(decoder_sparse_step=pick(1, 1, 2), mlp_only_layers=pick([], [0], [1]))
    if c["model_type"] == "mixtral":
        c["sliding_window"] = pick(None, int(rng.integers(3, 30)))
    recipe = Recipe(f"random-{seed}", c, pick("F32", "BF16", "F16"), pick(0.0, 0.6, 0.8), varied=1,
                    prompt_tokens=int(rng.integers(9, 41)))
    for key in ("num_nextn_predict_layers", "num_mtp_layers"):
        if c.get(key):
            c[key] = pick(1, 2, 3)  # drawn last, so that it changes nothing else
    return family, recipe


def _latent(c: dict, rng, pick) -> None:
    heads = pick(1, 2, 3, 4, 6)
    c |= dict(num_attention_heads=heads, num_key_value_heads=heads, hidden_size=pick(36, 48, 60))
    # Even widths: transformers views the rotary part of DeepSeek-V2's rows as complex numbers in place.
    widths = {key: 2 * int(rng.integers(low, high)) for key, low, high in (
        ("q", 4, 20), ("kv", 4, 20), ("nope", 2, 12), ("rope", 1, 9), ("value", 2, 12))}
    names = (dict(q="attention_q_lora_dim", kv="attention_kv_lora_dim", nope="attention_qk_dim",
                  rope="attention_qk_rope_dim", value="attention_v_dim") if "attention_kv_lora_dim" in c else
             dict(q="q_lora_rank", kv="kv_lora_rank", nope="qk_nope_head_dim", rope="qk_rope_head_dim",
                  value="v_head_dim"))
    c |= {names[key]: width for key, width in widths.items()}
    if c["model_type"] == "deepseek_v2":
        c["q_lora_rank"] = pick(None, widths["q"])


def _grouped(c: dict, rng, pick) -> None:
    kv_heads, group = pick(1, 2, 3), pick(1, 2, 4)
    c |= dict(num_key_value_heads=kv_heads, num_attention_heads=kv_heads * group)
    head = 4 * int(rng.integers(2, 7))
    if c["model_type"] in ("llama", "PanguEmbedded"):
        c["hidden_size"] = kv_heads * group * pick(8, 12)
    if c["model_type"] in ("llama", "mixtral", "qwen3", "qwen3_moe", "glm4_moe", "mimo") and pick(True, True, False):
        c["head_dim"] = head
    else:
        c.pop("head_dim", None)
        c["hidden_size"] = kv_heads * group * pick(8, 12)
        if c["model_type"] in ("qwen3", "glm4_moe", "mixtral"):  # which transformers wants for some rope types
            c["head_dim"] = head
    if c["model_type"] == "glm4_moe":
        c["partial_rotary_factor"] = pick(0.25, 0.5, 1.0) if head % 8 == 0 else pick(0.5, 1.0)


def _rope(c: dict, pick) -> None:
    c["rope_theta"] = pick(10000.0, 500000.0, 1e6)
    if c["model_type"] == "pangu_ultra_moe":
        return
    kinds = [None, None, dict(type="linear", factor=3.0)]
    if c["model_type"] != "deepseek":
        kinds += [dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=32),
                  dict(rope_type="yarn", factor=8.0, original_max_position_embeddings=16, mscale=1.0,
                       mscale_all_dim=0.7),
                  dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                       original_max_position_embeddings=32)]
    scaling = pick(*kinds)
    c["rope_scaling"] = scaling
    if scaling is not None and pick(True, False):  # the spelling of transformers 5
        kind = scaling.get("rope_type") or scaling["type"]
        c["rope_parameters"] = dict(scaling, rope_theta=c.pop("rope_theta"), rope_type=kind)
        del c["rope_scaling"]


def _experts(c: dict, rng, pick) -> None:
    spellings = ("n_routed_experts", "num_routed_experts", "num_local_experts", "num_experts")
    key = next((k for k in spellings if k in c), None)
    if key is None:
        return
    groups = pick(1, 2, 4)
    size = pick(2, 3, 5)
    c[key] = groups * size
    if c["model_type"] == "PanguProMoE":
        c["num_experts_per_tok"] = groups
        c["mlp_only_layers"], c["intermediate_size"] = pick([], [0]), 40
        c["shared_expert_intermediate_size"] = pick(0, 24, 50)
        return
    kept = int(rng.integers(1, groups + 1))
    if "n_group" in c:
        c |= dict(n_group=groups, topk_group=kept)
    limit = kept * size if "n_group" in c and c.get("topk_method") != "greedy" else groups * size
    c["num_experts_per_tok"] = int(rng.integers(1, min(6, limit) + 1))
    for shared in ("n_shared_experts", "num_shared_experts"):
        if shared in c:
            c[shared] = pick(1, 2) if c["model_type"] in ("deepseek_v2", "glm4_moe") else pick(0, 1, 2)
    if "shared_expert_intermediate_size" in c:
        c["shared_expert_intermediate_size"] = int(rng.integers(10, 60))
