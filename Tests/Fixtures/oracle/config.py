"""config.json of a fixture, in the spelling of published checkpoints or of current transformers."""
from .shapes import Shape

COMMON = ("vocab_size", "hidden_size", "intermediate_size", "moe_intermediate_size", "num_hidden_layers",
          "num_attention_heads", "n_routed_experts", "num_experts_per_tok", "kv_lora_rank", "qk_nope_head_dim",
          "qk_rope_head_dim", "v_head_dim", "q_lora_rank", "n_shared_experts", "first_k_dense_replace", "n_group",
          "topk_group", "norm_topk_prob", "routed_scaling_factor", "tie_word_embeddings", "rms_norm_eps",
          "attention_bias", "max_position_embeddings")
DTYPE_NAMES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16", "F8_E4M3": "bfloat16"}


def config_json(shape: Shape) -> dict:
    """The table to write as config.json."""
    table = {key: getattr(shape, key) for key in COMMON}
    table |= dict(architectures=["DeepseekV3ForCausalLM"], model_type="deepseek_v3", hidden_act="silu",
                  num_key_value_heads=shape.num_attention_heads, attention_dropout=0.0, initializer_range=0.02,
                  bos_token_id=0, eos_token_id=1, use_cache=True)
    table |= _published(shape) if shape.config_style == "published" else _current(shape)
    if not shape.rope_interleave:
        table["rope_interleave"] = False
    if shape.dtype == "F8_E4M3":
        table["quantization_config"] = dict(activation_scheme="dynamic", fmt="e4m3", quant_method="fp8",
                                            weight_block_size=[128, 128])
    return dict(sorted(table.items()))


def _published(shape: Shape) -> dict:
    """What DeepSeek's own folders say, with the keys that their remote code needs and nothing else reads."""
    return dict(
        auto_map={"AutoConfig": "configuration_deepseek.DeepseekV3Config",
                  "AutoModel": "modeling_deepseek.DeepseekV3Model",
                  "AutoModelForCausalLM": "modeling_deepseek.DeepseekV3ForCausalLM"},
        aux_loss_alpha=0.001, ep_size=1, moe_layer_freq=1, num_nextn_predict_layers=shape.mtp_heads, pretraining_tp=1,
        rope_scaling=shape.yarn, rope_theta=_plain(shape.rope_theta), scoring_func="sigmoid", seq_aux=True,
        topk_method="noaux_tc", torch_dtype=DTYPE_NAMES[shape.dtype], transformers_version="4.33.1")


def _current(shape: Shape) -> dict:
    """What transformers 5 saves: `rope_parameters` with the base inside, `dtype`, derived sizes."""
    rope = dict(rope_theta=shape.rope_theta, rope_type="default")
    if shape.yarn is not None:
        rope = {key: value for key, value in shape.yarn.items() if key != "type"} | rope | dict(rope_type="yarn")
    table = dict(dtype=DTYPE_NAMES[shape.dtype], head_dim=shape.qk_rope_head_dim, qk_head_dim=shape.qk_head_dim,
                 output_router_logits=False, pad_token_id=None, pretraining_tp=1, rope_interleave=True,
                 rope_parameters=dict(sorted(rope.items())), transformers_version="5.23.0")
    if shape.config_style == "current":
        table["num_nextn_predict_layers"] = shape.mtp_heads
    elif shape.config_style == "num_mtp_layers":
        table["num_mtp_layers"] = shape.mtp_heads
    return table


def _plain(number: float) -> float | int:
    return int(number) if number == int(number) else number
