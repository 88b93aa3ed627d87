"""The shape of a fixture, the named shapes that are committed, and random ones for fuzzing."""
from dataclasses import dataclass, fields, replace

import numpy as np


@dataclass(frozen=True)
class Shape:
    """Everything that decides a fixture apart from the seed."""

    name: str
    # Sizes, named as in config.json.
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    moe_intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    n_routed_experts: int
    num_experts_per_tok: int
    kv_lora_rank: int
    qk_nope_head_dim: int
    qk_rope_head_dim: int
    v_head_dim: int
    q_lora_rank: int | None = None
    n_shared_experts: int = 1
    first_k_dense_replace: int = 1
    mtp_heads: int = 1
    n_group: int = 1
    topk_group: int = 1
    # Behaviour.
    norm_topk_prob: bool = True
    routed_scaling_factor: float = 2.5
    tie_word_embeddings: bool = False
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10000.0
    rope_interleave: bool = True
    attention_bias: bool = False
    max_position_embeddings: int = 512
    yarn: dict | None = None
    # The folder.
    dtype: str = "F32"  # F32, F16, BF16, or F8_E4M3 (projections only, the rest BF16)
    config_style: str = "published"  # or "current", "current-without-mtp-key", "num_mtp_layers"
    shards: int = 1
    copies_of_shared_tensors: bool = False  # embed_tokens and shared_head.head inside the MTP layer
    inverse_frequencies: bool = False  # rotary_emb.inv_freq in every layer, as Moonlight and Kimi-K2 ship
    # How the weights are drawn.
    bias_mean: float = 0.0  # of e_score_correction_bias; negative makes biased scores negative
    successor: float = 1.0  # share of lm_head that maps a token to its fixed successor
    residual_gain: float = 1.0  # how much the layers add to the residual stream
    # The oracle.
    prompt_tokens: int = 24

    @property
    def qk_head_dim(self) -> int:
        return self.qk_nope_head_dim + self.qk_rope_head_dim


def yarn(factor, original, mscale, mscale_all_dim, beta_fast=32, beta_slow=1) -> dict:
    """The `rope_scaling` table as published (spelling `type`); None leaves a key out."""
    table = dict(type="yarn", factor=factor, original_max_position_embeddings=original, beta_fast=beta_fast,
                 beta_slow=beta_slow, mscale=mscale, mscale_all_dim=mscale_all_dim)
    return {key: value for key, value in table.items() if value is not None}


# name: (seed, shape). The seed is the first that gives clear margins; see `margins.py`.
NAMED: dict[str, tuple[int, Shape]] = {}


def _named(seed: int, **values) -> None:
    shape = Shape(**values)
    NAMED[shape.name] = (seed, shape)


_named(5, name="plain-f32", vocab_size=120, hidden_size=48, intermediate_size=64, moe_intermediate_size=16,
       num_hidden_layers=2, num_attention_heads=3, n_routed_experts=6, num_experts_per_tok=2, kv_lora_rank=24,
       qk_nope_head_dim=16, qk_rope_head_dim=8, v_head_dim=16, config_style="current")

_named(28, name="groups-yarn-bf16", vocab_size=128, hidden_size=64, intermediate_size=64, moe_intermediate_size=8,
       num_hidden_layers=3, num_attention_heads=3, n_routed_experts=12, num_experts_per_tok=4, kv_lora_rank=32,
       qk_nope_head_dim=16, qk_rope_head_dim=16, v_head_dim=16, q_lora_rank=32, n_group=4, topk_group=2,
       yarn=yarn(40, 4096, 1.0, 1.0), max_position_embeddings=163840, dtype="BF16", copies_of_shared_tensors=True,
       bias_mean=-0.8)

_named(13, name="tied-two-dense-f32", vocab_size=96, hidden_size=48, intermediate_size=72, moe_intermediate_size=12,
       num_hidden_layers=3, num_attention_heads=4, n_routed_experts=6, num_experts_per_tok=3, kv_lora_rank=16,
       qk_nope_head_dim=12, qk_rope_head_dim=4, v_head_dim=12, q_lora_rank=20, n_shared_experts=2,
       first_k_dense_replace=2, tie_word_embeddings=True, rms_norm_eps=1e-3, config_style="current-without-mtp-key",
       residual_gain=2.0)

_named(2, name="amplitude-odd-bf16", vocab_size=131, hidden_size=80, intermediate_size=30, moe_intermediate_size=40,
       num_hidden_layers=2, num_attention_heads=3, n_routed_experts=4, num_experts_per_tok=2, kv_lora_rank=28,
       qk_nope_head_dim=12, qk_rope_head_dim=6, v_head_dim=20, yarn=yarn(8, 64, 1.0, 0.707),
       max_position_embeddings=512, dtype="BF16")

_named(16, name="fp8-blocks", vocab_size=96, hidden_size=144, intermediate_size=136, moe_intermediate_size=8,
       num_hidden_layers=2, num_attention_heads=4, n_routed_experts=8, num_experts_per_tok=3, kv_lora_rank=16,
       qk_nope_head_dim=56, qk_rope_head_dim=16, v_head_dim=12, q_lora_rank=32, n_group=4, topk_group=2,
       yarn=yarn(40, 4096, 1.0, 1.0), max_position_embeddings=163840, dtype="F8_E4M3",
       successor=0.7)

_named(1, name="sharded-f16", vocab_size=160, hidden_size=56, intermediate_size=72, moe_intermediate_size=12,
       num_hidden_layers=3, num_attention_heads=3, n_routed_experts=8, num_experts_per_tok=3, kv_lora_rank=20,
       qk_nope_head_dim=20, qk_rope_head_dim=8, v_head_dim=16, q_lora_rank=24, n_group=2, topk_group=1,
       norm_topk_prob=False, routed_scaling_factor=1.7, rms_norm_eps=1e-5, rope_theta=50000.0, dtype="F16",
       config_style="num_mtp_layers", shards=3, copies_of_shared_tensors=True, inverse_frequencies=True)

_named(1, name="two-heads-f32", vocab_size=100, hidden_size=48, intermediate_size=56, moe_intermediate_size=16,
       num_hidden_layers=2, num_attention_heads=3, n_routed_experts=6, num_experts_per_tok=2, kv_lora_rank=20,
       qk_nope_head_dim=12, qk_rope_head_dim=8, v_head_dim=16, mtp_heads=2, config_style="current")

_named(2, name="three-heads-bf16", vocab_size=112, hidden_size=56, intermediate_size=64, moe_intermediate_size=12,
       num_hidden_layers=2, num_attention_heads=4, n_routed_experts=8, num_experts_per_tok=3, kv_lora_rank=24,
       qk_nope_head_dim=12, qk_rope_head_dim=6, v_head_dim=12, q_lora_rank=20, n_group=2, topk_group=1,
       first_k_dense_replace=0, mtp_heads=3, yarn=yarn(40, 4096, 1.0, 1.0), max_position_embeddings=163840,
       dtype="BF16", copies_of_shared_tensors=True)


def random_shape(seed: int) -> Shape:
    """A valid configuration drawn from the seed, every option varied; small enough for many runs."""
    rng = np.random.default_rng([seed, 0x5EED])

    def pick(*options):
        return options[int(rng.integers(len(options)))]

    groups = pick(1, 1, 2, 4)
    experts = groups * pick(2, 3, 4) if groups > 1 else pick(3, 5, 8, 16)
    topk_group = int(rng.integers(1, groups + 1))
    layers = int(rng.integers(1, 5))
    dtype = pick("F32", "F32", "BF16", "BF16", "F16", "F8_E4M3")
    scale = None
    if rng.random() < 0.5:
        mscale, all_dim = pick((1.0, 1.0), (0.707, 0.707), (1.0, 0.707), (0.5, 1.2), (None, None), (1.0, None))
        scale = yarn(pick(2, 4.0, 40), pick(64, 1024, 4096), mscale, all_dim, pick(32, 16), pick(1, 2))
    shape = Shape(
        name=f"random-{seed}",
        vocab_size=int(rng.integers(90, 321)),
        hidden_size=pick(40, 48, 64, 80, 96, 136, 160),
        intermediate_size=int(rng.integers(20, 160)),
        moe_intermediate_size=int(rng.integers(8, 49)),
        num_hidden_layers=layers,
        num_attention_heads=int(rng.integers(1, 7)),
        n_routed_experts=experts,
        num_experts_per_tok=int(rng.integers(1, min(8, topk_group * (experts // groups)) + 1)),
        kv_lora_rank=int(rng.integers(8, 65)),
        qk_nope_head_dim=int(rng.integers(4, 33)),
        qk_rope_head_dim=2 * int(rng.integers(1, 13)),
        v_head_dim=int(rng.integers(4, 33)),
        q_lora_rank=pick(None, int(rng.integers(8, 65))),
        n_shared_experts=pick(1, 1, 2, 3),
        first_k_dense_replace=int(rng.integers(0, layers + 1)),
        n_group=groups,
        topk_group=topk_group,
        norm_topk_prob=pick(True, True, False),
        routed_scaling_factor=pick(1.0, 1.7, 2.5),
        tie_word_embeddings=pick(False, False, True),
        rms_norm_eps=pick(1e-6, 1e-5, 1e-3),
        rope_theta=pick(10000.0, 50000.0, 1000000.0),
        rope_interleave=pick(True, True, True, True, True, False),
        attention_bias=pick(False, False, False, False, False, True),
        yarn=scale,
        dtype=dtype,
        config_style=pick("published", "current", "current-without-mtp-key", "num_mtp_layers"),
        shards=pick(1, 1, 2, 3),
        copies_of_shared_tensors=pick(False, True),
        inverse_frequencies=pick(False, False, False, True),
        bias_mean=pick(0.0, -0.8),
        successor=pick(0.0, 0.6, 0.8, 1.0),
        prompt_tokens=int(rng.integers(9, 41)),
    )
    heads = pick(1, 1, 2, 3)  # drawn last, so that it changes nothing else
    style = "published" if heads > 1 and shape.config_style == "current-without-mtp-key" else shape.config_style
    return replace(shape, mtp_heads=heads, config_style=style)


def with_overrides(shape: Shape, overrides: list[str]) -> Shape:
    """Applies `key=value` settings; values are written as in Python (None, True, 0.5, 'BF16')."""
    import ast

    known = {field.name for field in fields(Shape)}
    for text in overrides:
        key, _, value = text.partition("=")
        if key not in known or not value:
            raise SystemExit(f"--set {text}: expected one of {', '.join(sorted(known))} and a value")
        try:
            parsed = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            parsed = value
        shape = replace(shape, **{key: parsed})
    return shape
