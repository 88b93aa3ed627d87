import Tensors

/// What a decoder-only model is made of, as data: everything that its families differ in. A family's configuration is
/// read into a blueprint; the parameters that a checkpoint must have, the model and its description follow from it.
public struct DecoderBlueprint: Sendable {
  var modelType: String
  var hidden: Int
  var vocabulary: Int
  /// Positions the model was made for.
  var context: Int
  /// Epsilon of all norms but those inside latent attention.
  var epsilon: Float
  /// Whether the output head is the embedding.
  var tiesEmbeddings: Bool
  var endOfSequence: [Int32]
  var rotary: RotaryConfiguration
  var layers: [LayerBlueprint]
  var mtpHeads: [MTPBlueprint] = []
  /// Why `mtpHeads` is empty, where it is.
  var mtpAbsence = "models of this type have none"
  /// Tensors, by prefix, that checkpoints of the family may hold and the model does not need.
  var ignored: [(prefix: String, reason: String)] = []

  /// The layers of the main model, then those of the MTP heads; the index is the cache layer.
  var allLayers: [LayerBlueprint] { layers + mtpHeads.map(\.layer) }
}

/// One decoder layer.
struct LayerBlueprint: Sendable {
  /// What its tensor names begin with, such as "model.layers.3.".
  var prefix: String
  var attention: AttentionBlueprint
  var feedForward: FeedForwardBlueprint
  /// Whether the results of attention and feed-forward unit are normalised before they are added, with the norms named
  /// post_attention_layernorm, pre_mlp_layernorm and post_mlp_layernorm.
  var hasSandwichNorm = false
}

enum AttentionBlueprint: Sendable {
  case latent(LatentAttentionBlueprint)
  case grouped(GroupedAttentionBlueprint)

  /// Floats that one position occupies in the cache.
  var cacheWidth: Int {
    switch self {
    case .latent(let attention): attention.shape.cacheWidth
    case .grouped(let attention): attention.shape.cacheWidth
    }
  }

  /// How a position is kept in the cache.
  var cacheLayout: CacheLayout {
    switch self {
    case .latent(let attention): .latent(rank: attention.shape.rank, rope: attention.shape.rope)
    case .grouped(let attention):
      .grouped(heads: attention.shape.keyValueHeads, width: attention.shape.head)
    }
  }
}

struct LatentAttentionBlueprint: Sendable {
  var shape: LatentAttentionShape
  /// Biases on the compressing projections and the output projection.
  var hasBias = false
  /// Whether rotated pairs are neighbours.
  var interleavedRotary = true
}

struct GroupedAttentionBlueprint: Sendable {
  var shape: GroupedAttentionShape
  /// Biases on the query, key and value projections.
  var hasInputBias = false
  var hasOutputBias = false
  /// Norms of each query head and key head, q_norm and k_norm.
  var hasHeadNorms = false
  /// Positions that a row sees, itself included.
  var window: Int?
}

enum FeedForwardBlueprint: Sendable {
  /// A SwiGLU unit named mlp.
  case dense(width: Int)
  case mixture(MixtureBlueprint)
}

/// Routed experts, their router and a shared expert.
struct MixtureBlueprint: Sendable {
  /// What the tensor names of the mixture begin with, after the layer's prefix.
  var prefix = "mlp."
  /// The three matrices of an expert.
  var expertNames = GatedUnitNames()
  var expertWidth: Int
  var expertCount: Int
  var rule: RoutingRule
  /// gate.e_score_correction_bias: added to scores for the choice alone.
  var hasCorrectionBias = false
  /// router_scale: a learned factor for each expert's weight.
  var hasExpertScales = false
  var shared: SharedExpertBlueprint?
}

/// An expert that every row uses.
struct SharedExpertBlueprint: Sendable {
  /// "shared_experts" or "shared_expert".
  var name: String
  var width: Int
  /// As how many experts it counts in a description.
  var count = 1
  /// Whether sigmoid(shared_expert_gate · x) weighs it.
  var isGated = false
}

/// The names of the matrices of a SwiGLU unit.
struct GatedUnitNames: Sendable {
  var gate = "gate_proj"
  var up = "up_proj"
  var down = "down_proj"
}

/// A multi-token-prediction head.
struct MTPBlueprint: Sendable {
  var layer: LayerBlueprint
  var embeddingNorm: String
  var hiddenNorm: String
  var projection: String
  var outputNorm: String
  /// Whether the projection's input is [hidden, embedding] instead of [embedding, hidden].
  var hiddenFirst = false
  /// Copies of the main model's tensors that a checkpoint may hold once more.
  var copies: [String] = []

  /// The head of DeepSeek-V3 (arXiv 2412.19437 §2.2), which GLM-4.5 and Pangu Ultra name likewise.
  static func deepseek(_ layer: LayerBlueprint) -> MTPBlueprint {
    MTPBlueprint(
      layer: layer, embeddingNorm: layer.prefix + "enorm", hiddenNorm: layer.prefix + "hnorm",
      projection: layer.prefix + "eh_proj", outputNorm: layer.prefix + "shared_head.norm",
      copies: [layer.prefix + "embed_tokens.weight", layer.prefix + "shared_head.head.weight"])
  }
}
