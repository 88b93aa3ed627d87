"""What a config.json says, per family: the sizes, which layers are sparse, the router, the names of tensors.

Written from the published modeling files; Sources/Models reads the same files independently.
"""
from dataclasses import dataclass, field


@dataclass
class Router:
    scoring: str  # softmax, sigmoid
    top_k: int
    experts: int
    normalize: bool
    scale: float = 1.0
    groups: str = "none"  # none, best, pairs, one-each
    group_count: int = 1
    kept: int = 1
    correction_bias: bool = False
    expert_scales: bool = False


@dataclass
class Traits:
    config: dict
    sparse: list[bool]
    dense_width: int = 0
    latent: bool = False
    input_bias: bool = False
    output_bias: bool = False
    head_norms: bool = False
    partial_rotary: float = 1.0
    windows: list[int | None] = field(default_factory=list)
    sandwich: bool = False
    router: Router | None = None
    moe_prefix: str = "mlp."
    expert_names: tuple[str, str, str] = ("gate_proj", "up_proj", "down_proj")
    expert_width: int = 0
    shared_name: str | None = None
    shared_width: int = 0
    shared_gated: bool = False
    mtp: str | None = None  # deepseek, mimo
    native: dict | None = None  # config.json for transformers, where it has the family or an equal one

    @property
    def layers(self) -> int:
        return self.config["num_hidden_layers"]

    @property
    def mtp_heads(self) -> int:
        return (self.get("num_mtp_layers", "num_nextn_predict_layers") or 0) if self.mtp else 0

    @property
    def heads(self) -> int:
        return self.config["num_attention_heads"]

    @property
    def kv_heads(self) -> int:
        return self.config.get("num_key_value_heads") or self.heads

    @property
    def head(self) -> int:
        return self.config.get("head_dim") or self.config["hidden_size"] // self.heads

    @property
    def eps(self) -> float:
        return self.config["rms_norm_eps"]

    def get(self, *keys, default=None):
        """The value under the first key that is there."""
        return next((self.config[key] for key in keys if self.config.get(key) is not None), default)

    @property
    def rope(self) -> dict:
        """base, type and parameters of the rotation, whatever the spelling."""
        table = dict(self.config.get("rope_parameters") or self.config.get("rope_scaling") or {})
        table.setdefault("rope_theta", self.config.get("rope_theta", 10000.0))
        table["rope_type"] = table.get("rope_type") or table.get("type") or "default"
        table.setdefault("original_max_position_embeddings", self.config["max_position_embeddings"])
        return table


def traits(config: dict) -> Traits:
    return FAMILIES[config["model_type"]](config)


def _first_dense(config: dict, *keys: str) -> list[bool]:
    dense = next((config[key] for key in keys if key in config), 0)
    return [layer >= dense for layer in range(config["num_hidden_layers"])]


def _steps(config: dict) -> list[bool]:
    step, dense = config.get("decoder_sparse_step", 1), config.get("mlp_only_layers") or []
    return [layer not in dense and (layer + 1) % step == 0 for layer in range(config["num_hidden_layers"])]


def _shared(config: dict, *keys: str) -> int:
    return next((config[key] or 0 for key in keys if key in config), 0) * config["moe_intermediate_size"]


def mixtral(c: dict) -> Traits:
    return Traits(c, _first_dense(c), windows=[c["sliding_window"]] * c["num_hidden_layers"],
                  router=Router("softmax", c["num_experts_per_tok"], c["num_local_experts"], True),
                  moe_prefix="block_sparse_moe.", expert_names=("w1", "w3", "w2"),
                  expert_width=c["intermediate_size"], native=c)


def deepseek(c: dict) -> Traits:
    normalize = c["norm_topk_prob"] and c["num_experts_per_tok"] > 1
    return Traits(c, _first_dense(c, "first_k_dense_replace"), dense_width=c["intermediate_size"],
                  input_bias=c["attention_bias"], output_bias=c["attention_bias"],
                  router=Router("softmax", c["num_experts_per_tok"], c["n_routed_experts"], normalize),
                  expert_width=c["moe_intermediate_size"], shared_name="shared_experts",
                  shared_width=_shared(c, "n_shared_experts"))


def qwen2_moe(c: dict) -> Traits:
    slides = c.get("use_sliding_window", False)
    windows = [c["sliding_window"] if slides and layer % 2 == 0 and layer < c["max_window_layers"] else None
               for layer in range(c["num_hidden_layers"])]
    return Traits(c, _steps(c), dense_width=c["intermediate_size"], input_bias=True, windows=windows,
                  router=Router("softmax", c["num_experts_per_tok"], c["num_experts"], c["norm_topk_prob"]),
                  expert_width=c["moe_intermediate_size"], shared_name="shared_expert",
                  shared_width=c["shared_expert_intermediate_size"], shared_gated=True, native=c)


def qwen3_moe(c: dict) -> Traits:
    window = c["sliding_window"] if c.get("use_sliding_window") else None
    return Traits(c, _steps(c), dense_width=c["intermediate_size"], input_bias=c["attention_bias"],
                  output_bias=c["attention_bias"], head_norms=True, windows=[window] * c["num_hidden_layers"],
                  router=Router("softmax", c["num_experts_per_tok"], c["num_experts"], c["norm_topk_prob"]),
                  expert_width=c["moe_intermediate_size"], native=c)


def deepseek_v2(c: dict) -> Traits:
    limited = c["topk_method"] == "group_limited_greedy"
    router = Router("softmax", c["num_experts_per_tok"], c["n_routed_experts"], False, c["routed_scaling_factor"],
                    "best" if limited else "none", c["n_group"] or 1, c["topk_group"] or 1)
    return Traits(c, _first_dense(c, "first_k_dense_replace"), dense_width=c["intermediate_size"], latent=True,
                  router=router, expert_width=c["moe_intermediate_size"], shared_name="shared_experts",
                  shared_width=_shared(c, "n_shared_experts"), native=c)


def pangu_pro(c: dict) -> Traits:
    router = Router("softmax", c["num_experts_per_tok"], c["num_experts"], False, groups="one-each",
                    group_count=c["num_experts_per_tok"], expert_scales=True)
    return Traits(c, _steps(c), dense_width=c.get("intermediate_size", 0), input_bias=True, output_bias=True,
                  router=router, expert_width=c["moe_intermediate_size"], shared_name="shared_expert",
                  shared_width=c["shared_expert_intermediate_size"])


def pangu_embedded(c: dict) -> Traits:
    native = c | dict(model_type="llama", architectures=["LlamaForCausalLM"], attention_bias=True, mlp_bias=False)
    return Traits(c, [False] * c["num_hidden_layers"], dense_width=c["intermediate_size"], input_bias=True,
                  output_bias=True, native=native)


def pangu_ultra(c: dict) -> Traits:
    top_k = c["num_experts_per_tok"]
    router = Router("sigmoid", top_k, c.get("num_routed_experts") or c["n_routed_experts"],
                    c["norm_topk_prob"] and top_k > 1, c["routed_scaling_factor"],
                    correction_bias=c.get("router_enable_expert_bias", False))
    heads = c.get("num_mtp_layers", c.get("num_nextn_predict_layers", 0))
    return Traits(c, _first_dense(c, "num_dense_layers", "first_k_dense_replace"), dense_width=c["intermediate_size"],
                  latent=True, sandwich=c.get("sandwich_norm", True), router=router,
                  expert_width=c["moe_intermediate_size"], shared_name="shared_experts",
                  shared_width=_shared(c, "num_shared_experts", "n_shared_experts"), mtp="deepseek" if heads else None)


def glm4_moe(c: dict) -> Traits:
    router = Router("sigmoid", c["num_experts_per_tok"], c["n_routed_experts"], c["norm_topk_prob"],
                    c["routed_scaling_factor"], "pairs", c["n_group"], c["topk_group"], correction_bias=True)
    partial = c.get("partial_rotary_factor", (c.get("rope_parameters") or {}).get("partial_rotary_factor", 0.5))
    return Traits(c, _first_dense(c, "first_k_dense_replace"), dense_width=c["intermediate_size"],
                  input_bias=c["attention_bias"], head_norms=c["use_qk_norm"], partial_rotary=partial, router=router,
                  expert_width=c["moe_intermediate_size"], shared_name="shared_experts",
                  shared_width=_shared(c, "n_shared_experts"), mtp="deepseek", native=c)


def mimo(c: dict) -> Traits:
    native = c | dict(model_type="qwen2", architectures=["Qwen2ForCausalLM"])
    return Traits(c, [False] * c["num_hidden_layers"], dense_width=c["intermediate_size"], input_bias=True, mtp="mimo",
                  native=native)


def llama(c: dict) -> Traits:
    return Traits(c, [False] * c["num_hidden_layers"], dense_width=c["intermediate_size"],
                  input_bias=c["attention_bias"], output_bias=c["attention_bias"], native=c)


def qwen2(c: dict) -> Traits:
    slides = c.get("use_sliding_window", False)
    windows = [c["sliding_window"] if slides and layer >= c["max_window_layers"] else None
               for layer in range(c["num_hidden_layers"])]
    return Traits(c, [False] * c["num_hidden_layers"], dense_width=c["intermediate_size"], input_bias=True,
                  windows=windows, native=c)


def qwen3(c: dict) -> Traits:
    out = qwen2(c)
    out.input_bias = out.output_bias = c["attention_bias"]
    out.head_norms = True
    return out


FAMILIES = dict(mixtral=mixtral, deepseek=deepseek, qwen2_moe=qwen2_moe, qwen3_moe=qwen3_moe, deepseek_v2=deepseek_v2,
                PanguProMoE=pangu_pro, PanguEmbedded=pangu_embedded, pangu_ultra_moe=pangu_ultra, glm4_moe=glm4_moe,
                mimo=mimo, llama=llama, qwen2=qwen2, qwen3=qwen3)
