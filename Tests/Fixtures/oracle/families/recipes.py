"""The committed fixtures: small configurations in the spelling of the published ones, with the seed of each.

Keys that nothing reads (initializer_range, use_cache, ...) stand in them where the published files have them.
"""
from .fixture import Recipe

# (family folder, first fair seed, recipe)
NAMED: list[tuple[str, int, Recipe]] = []

COMMON = dict(hidden_act="silu", initializer_range=0.02, use_cache=True, attention_dropout=0.0, bos_token_id=0,
              eos_token_id=1, hidden_size=48, num_hidden_layers=2, vocab_size=96, max_position_embeddings=512,
              rms_norm_eps=1e-5, rope_theta=10000.0, tie_word_embeddings=False)


def _add(family: str, name: str, seed: int, config: dict, dtype: str = "F32", **recipe) -> None:
    stored = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}[dtype]
    NAMED.append((family, seed, Recipe(name, COMMON | dict(torch_dtype=stored) | config, dtype, **recipe)))


def _yarn(factor, original, **more) -> dict:
    return dict(type="yarn", factor=factor, original_max_position_embeddings=original, beta_fast=32, beta_slow=1,
                **more)


MIXTRAL = dict(architectures=["MixtralForCausalLM"], model_type="mixtral", num_attention_heads=6,
               num_key_value_heads=2, intermediate_size=24, num_local_experts=4, num_experts_per_tok=2,
               sliding_window=None, rope_theta=1e6, output_router_logits=False, router_aux_loss_coef=0.02)
_add("mixtral", "plain-f32", 1, MIXTRAL)
_add("mixtral", "window-bf16", 2, MIXTRAL | dict(rms_norm_eps=1e-3, sliding_window=10, head_dim=12,
                                                   num_local_experts=6, vocab_size=103), "BF16")
_add("mixtral", "switch-top1-bf16", 2, MIXTRAL | dict(num_experts_per_tok=1, num_key_value_heads=6), "BF16")

DEEPSEEK = dict(architectures=["DeepseekForCausalLM"], model_type="deepseek", num_attention_heads=4,
                num_key_value_heads=4, intermediate_size=64, moe_intermediate_size=12, n_routed_experts=10,
                num_experts_per_tok=3, n_shared_experts=2, first_k_dense_replace=1, moe_layer_freq=1,
                norm_topk_prob=False, scoring_func="softmax", aux_loss_alpha=0.001, seq_aux=True, rope_scaling=None,
                attention_bias=False, rms_norm_eps=1e-6, pretraining_tp=1,
                auto_map={"AutoConfig": "configuration_deepseek.DeepseekConfig"})
_add("deepseek", "plain-bf16", 1, DEEPSEEK, "BF16")
_add("deepseek", "normalised-linear-f32", 3, DEEPSEEK | dict(
    attention_bias=True, rms_norm_eps=1e-3, norm_topk_prob=True, n_shared_experts=None, first_k_dense_replace=0,
    n_routed_experts=6, num_key_value_heads=2, rope_scaling=dict(type="linear", factor=4.0)))

QWEN2_MOE = dict(architectures=["Qwen2MoeForCausalLM"], model_type="qwen2_moe", num_attention_heads=4,
                 num_key_value_heads=4, intermediate_size=56, moe_intermediate_size=12, num_experts=8,
                 num_experts_per_tok=3, shared_expert_intermediate_size=40, norm_topk_prob=False,
                 decoder_sparse_step=1, use_sliding_window=False, sliding_window=32768, max_window_layers=21,
                 output_router_logits=False, router_aux_loss_coef=0.001, rope_theta=1e6, rms_norm_eps=1e-6)
_add("qwen2-moe", "plain-bf16", 2, QWEN2_MOE, "BF16")
_add("qwen2-moe", "sparse-step-window-bf16", 14, QWEN2_MOE | dict(
    rms_norm_eps=1e-3, num_hidden_layers=4, decoder_sparse_step=2, mlp_only_layers=[3], norm_topk_prob=True,
    num_key_value_heads=2, use_sliding_window=True, sliding_window=9, max_window_layers=3,
    tie_word_embeddings=True), "BF16", gain=2.0, varied=7)

QWEN3_MOE = dict(architectures=["Qwen3MoeForCausalLM"], model_type="qwen3_moe", num_attention_heads=4,
                 num_key_value_heads=2, head_dim=16, intermediate_size=56, moe_intermediate_size=12, num_experts=8,
                 num_experts_per_tok=3, norm_topk_prob=True, decoder_sparse_step=1, mlp_only_layers=[],
                 attention_bias=False, use_sliding_window=False, sliding_window=None, max_window_layers=48,
                 rope_scaling=None, rope_theta=1e6, rms_norm_eps=1e-6)
_add("qwen3-moe", "plain-bf16", 1, QWEN3_MOE, "BF16")
_add("qwen3-moe", "bias-window-yarn-f32", 3, QWEN3_MOE | dict(
    rms_norm_eps=1e-3, attention_bias=True, norm_topk_prob=False, num_experts=6, mlp_only_layers=[0],
    use_sliding_window=True,
    sliding_window=12, rope_scaling=dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=64),
    rope_theta=10000.0))

DEEPSEEK_V2 = dict(architectures=["DeepseekV2ForCausalLM"], model_type="deepseek_v2", num_attention_heads=3,
                   num_key_value_heads=3, intermediate_size=64, moe_intermediate_size=10, n_routed_experts=12,
                   num_experts_per_tok=4, n_shared_experts=2, first_k_dense_replace=1, moe_layer_freq=1, n_group=4,
                   topk_group=2, topk_method="group_limited_greedy", norm_topk_prob=False,
                   routed_scaling_factor=16.0, scoring_func="softmax", q_lora_rank=24, kv_lora_rank=24,
                   qk_nope_head_dim=16, qk_rope_head_dim=8, v_head_dim=16, attention_bias=False, rms_norm_eps=1e-6,
                   max_position_embeddings=163840, aux_loss_alpha=0.001, seq_aux=True, ep_size=1,
                   rope_scaling=_yarn(40, 4096, mscale=0.707, mscale_all_dim=0.707))
_add("deepseek-v2", "groups-yarn-bf16", 3, DEEPSEEK_V2, "BF16")
_add("deepseek-v2", "lite-f32", 1, DEEPSEEK_V2 | dict(
    topk_method="greedy", n_group=1, topk_group=1, q_lora_rank=None, routed_scaling_factor=1.0, n_routed_experts=8,
    num_experts_per_tok=3, rope_scaling=_yarn(8, 64, mscale=1.0, mscale_all_dim=0.707), max_position_embeddings=512))
_add("deepseek-v2", "one-group-bf16", 3, DEEPSEEK_V2 | dict(
    n_group=3, topk_group=1, num_experts_per_tok=2, rope_scaling=None, routed_scaling_factor=2.0,
    first_k_dense_replace=0, max_position_embeddings=512, rms_norm_eps=1e-3), "BF16")

PANGU_PRO = dict(architectures=["PanguProMoEForCausalLM"], model_type="PanguProMoE", num_attention_heads=6,
                 num_key_value_heads=2, moe_intermediate_size=12, shared_expert_intermediate_size=40, num_experts=16,
                 num_experts_per_tok=4, rope_theta=16000000.0,
                 auto_map={"AutoConfig": "configuration_pangu_moe.PanguProMoEConfig"})
_add("pangu-pro-moe", "plain-bf16", 1, PANGU_PRO, "BF16")
_add("pangu-pro-moe", "three-groups-f32", 4, PANGU_PRO | dict(
    rms_norm_eps=1e-3, num_experts=9, num_experts_per_tok=3, mlp_only_layers=[0], intermediate_size=56,
    rope_theta=10000.0))

PANGU_EMBEDDED = dict(architectures=["PanguEmbeddedForCausalLM"], model_type="PanguEmbedded", bias=True,
                      num_attention_heads=4, num_key_value_heads=2, intermediate_size=96, rope_theta=16000000.0,
                      auto_map={"AutoConfig": "configuration_openpangu_dense.PanguEmbeddedConfig"})
_add("pangu-embedded", "seven-bf16", 5, PANGU_EMBEDDED, "BF16")
_add("pangu-embedded", "tied-f32", 2, PANGU_EMBEDDED | dict(
    rms_norm_eps=1e-3, tie_word_embeddings=True, num_attention_heads=6, num_key_value_heads=3,
    intermediate_size=50, rope_theta=4e6),
    gain=3.0, varied=7)

PANGU_ULTRA = dict(architectures=["PanguUltraMoEForCausalLM"], model_type="pangu_ultra_moe", num_attention_heads=3,
                   num_key_value_heads=3, intermediate_size=64, moe_intermediate_size=10, num_routed_experts=10,
                   num_experts_per_tok=3, num_shared_experts=1, num_dense_layers=1, num_mtp_layers=1,
                   attention_q_lora_dim=24, attention_kv_lora_dim=24, attention_qk_dim=16, attention_qk_rope_dim=8,
                   attention_v_dim=16, routed_scaling_factor=2.5, norm_topk_prob=True, sandwich_norm=True,
                   rope_theta=25600000.0, max_position_embeddings=131072)
_add("pangu-ultra-moe", "sandwich-bf16", 2, PANGU_ULTRA, "BF16")
DEEPSEEK_SPELLING = {key: value for key, value in PANGU_ULTRA.items()
                     if not key.startswith(("attention_", "num_routed", "num_shared", "num_dense", "num_mtp",
                                            "sandwich"))}
DEEPSEEK_SPELLING |= dict(q_lora_rank=24, kv_lora_rank=24, qk_nope_head_dim=16, qk_rope_head_dim=8, v_head_dim=16,
                          n_routed_experts=8, n_shared_experts=2, first_k_dense_replace=1, num_nextn_predict_layers=1,
                          rms_norm_eps=1e-3)
_add("pangu-ultra-moe", "deepseek-spelling-bf16", 6, DEEPSEEK_SPELLING, "BF16")
_add("pangu-ultra-moe", "plain-norms-bf16", 1, PANGU_ULTRA | dict(
    sandwich_norm=False, router_enable_expert_bias=True, norm_topk_prob=False, num_shared_experts=0,
    num_dense_layers=0, rope_theta=10000.0), "BF16")

GLM4_MOE = dict(architectures=["Glm4MoeForCausalLM"], model_type="glm4_moe", num_attention_heads=6,
                num_key_value_heads=2, head_dim=12, partial_rotary_factor=0.5, intermediate_size=64,
                moe_intermediate_size=10, n_routed_experts=8, num_experts_per_tok=3, n_shared_experts=1, n_group=1,
                topk_group=1, norm_topk_prob=True, routed_scaling_factor=1.0, first_k_dense_replace=1,
                attention_bias=True, use_qk_norm=False, num_nextn_predict_layers=1, rope_scaling=None, rope_theta=1e6,
                eos_token_id=[1, 2, 3])
_add("glm4-moe", "air-bf16", 1, GLM4_MOE, "BF16")
_add("glm4-moe", "norms-groups-bf16", 3, GLM4_MOE | dict(
    rms_norm_eps=1e-3, use_qk_norm=True, attention_bias=False, n_group=4, topk_group=2, num_experts_per_tok=3,
    routed_scaling_factor=2.5, head_dim=16, num_hidden_layers=3, first_k_dense_replace=2, intermediate_size=40,
    moe_intermediate_size=8), "BF16")

_add("glm4-moe", "two-heads-f32", 1, GLM4_MOE | dict(
    num_nextn_predict_layers=2, use_qk_norm=True, n_group=2, topk_group=1, routed_scaling_factor=1.5, rms_norm_eps=1e-3,
    first_k_dense_replace=0, num_hidden_layers=2, head_dim=16, vocab_size=91))

MIMO = dict(architectures=["MiMoForCausalLM"], model_type="mimo", num_attention_heads=4, num_key_value_heads=2,
            head_dim=12, intermediate_size=64, attention_bias=True, use_sliding_window=False, sliding_window=32768,
            max_window_layers=36, num_nextn_predict_layers=1, rope_theta=640000,
            auto_map={"AutoConfig": "configuration_mimo.MiMoConfig"})
_add("mimo", "plain-bf16", 4, MIMO, "BF16")
_add("mimo", "odd-f32", 1, MIMO | dict(rms_norm_eps=1e-3, hidden_size=36, num_attention_heads=3,
    num_key_value_heads=3, intermediate_size=44,
                                       rope_theta=10000.0, vocab_size=101))
_add("mimo", "three-heads-bf16", 4, MIMO | dict(
    num_nextn_predict_layers=3, hidden_size=40, num_key_value_heads=4, head_dim=10, intermediate_size=52,
    rope_theta=10000.0, rms_norm_eps=1e-3), "BF16")

LLAMA = dict(architectures=["LlamaForCausalLM"], model_type="llama", num_attention_heads=6, num_key_value_heads=2,
             intermediate_size=80, attention_bias=False, mlp_bias=False, pretraining_tp=1, rope_theta=500000.0)
_add("llama", "llama3-scaling-tied-f32", 1, LLAMA | dict(
    rope_scaling=dict(factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64,
                      rope_type="llama3"), head_dim=16, num_attention_heads=3, num_key_value_heads=1,
    intermediate_size=48, tie_word_embeddings=True, rope_theta=10000.0), gain=3.0, varied=7)
_add("llama", "bias-linear-bf16", 1, LLAMA | dict(
    rms_norm_eps=1e-3, attention_bias=True, rope_scaling=dict(type="linear", factor=2.0), rope_theta=10000.0), "BF16")
_add("llama", "multi-head-yarn-f16", 1, LLAMA | dict(
    num_key_value_heads=None, rope_scaling=_yarn(16.0, 32), rope_theta=10000.0), "F16")

QWEN2 = dict(architectures=["Qwen2ForCausalLM"], model_type="qwen2", num_attention_heads=4, num_key_value_heads=2,
             intermediate_size=80, use_sliding_window=False, sliding_window=131072, max_window_layers=28,
             rope_theta=1e6, rms_norm_eps=1e-6)
_add("qwen2", "plain-bf16", 1, QWEN2, "BF16")
_add("qwen2", "window-bf16", 9, QWEN2 | dict(
    rms_norm_eps=1e-3, use_sliding_window=True, sliding_window=8, max_window_layers=1, num_hidden_layers=3,
    rope_theta=10000.0), "BF16")

QWEN3 = dict(architectures=["Qwen3ForCausalLM"], model_type="qwen3", num_attention_heads=4, num_key_value_heads=2,
             head_dim=16, intermediate_size=80, attention_bias=False, use_sliding_window=False, sliding_window=None,
             max_window_layers=36, rope_scaling=None, rope_theta=1e6, rms_norm_eps=1e-6)
_add("qwen3", "plain-bf16", 1, QWEN3, "BF16")
_add("qwen3", "bias-tied-f32", 1, QWEN3 | dict(
    rms_norm_eps=1e-3, attention_bias=True, tie_word_embeddings=True, intermediate_size=40, head_dim=12,
    rope_theta=10000.0), gain=3.0, varied=7)
