public import Tensors

/// What a model is, known from its configuration alone.
public struct ModelDescription: Sendable, Equatable {
  /// The configuration's `model_type`.
  public var modelType: String
  /// Width of the residual stream.
  public var hiddenSize: Int
  /// Layers of the main model.
  public var layerCount: Int
  /// Tokens in the vocabulary.
  public var vocabularySize: Int
  /// Positions the model was made for.
  public var contextLength: Int
  /// Multi-token-prediction heads.
  public var mtpHeadCount: Int
  /// Why there is no multi-token-prediction head; nil where there is one.
  public var mtpAbsence: String?
  /// Attention in a few words, e.g. "latent, 16 heads, rank 512".
  public var attention: String
  /// Router in a few words; nil for a dense model.
  public var router: String?
  /// Routed experts of a layer, 0 for a dense model.
  public var routedExpertCount: Int
  /// Routed experts that one token uses.
  public var expertsPerToken: Int
  /// How each layer keeps what it has seen where that is held in f32, those of the MTP heads last.
  public var cacheLayouts: [CacheLayout]
  /// Tokens that end a reply, from the configuration.
  public var endOfSequenceTokens: [Int32]
}

/// A tensor that a checkpoint of some configuration must have.
public struct ParameterSpecification: Sendable, Equatable {
  /// What part of the model a parameter belongs to; decides whether a token uses it and how it is held in memory.
  public enum Role: Sendable, Equatable {
    /// A matrix that every token uses.
    case matrix
    /// A matrix of one routed expert.
    case routedExpert
    /// A matrix that every token uses and that 4 bits would harm more than they save: embedding, output head, the
    /// up-projections of latent attention and everything in an MTP head. It stays at 8 bits.
    case sensitive
    /// Held in f32 whatever the weight format: norms, biases, routers.
    case wide
  }

  /// The published tensor name.
  public var name: String
  /// Its shape.
  public var shape: [Int]
  /// Its part in the model.
  public var role: Role
  /// Whether it belongs to a multi-token-prediction head.
  public var isMTP: Bool

  /// Number of elements.
  public var count: Int { shape.reduce(1, *) }
}

/// Parameter and memory totals of a configuration.
public struct ParameterSummary: Sendable, Equatable {
  /// Parameters of the main model.
  public var total = 0
  /// Main-model parameters that one token uses, the embedding counted whole.
  public var active = 0
  /// The embedding's part of `total` and `active`; a token reads one row of it, so some authors leave it out.
  public var embedding = 0
  /// The output head's part of `total` and `active`; 0 where it is the embedding.
  public var outputHead = 0
  /// Parameters of the multi-token-prediction heads.
  public var mtp = 0
  private var wide = 0
  private var sensitive = 0
  private var sensitiveRows = 0
  private var matrixRows = 0

  /// Adds up the parameters of a model with `routedExpertCount` experts of which a token uses `expertsPerToken`.
  public init(_ parameters: [ParameterSpecification], description: ModelDescription) {
    var routed = 0
    for parameter in parameters {
      let rows = parameter.shape.dropLast().reduce(1, *)
      if parameter.role == .wide {
        wide += parameter.count
      } else {
        matrixRows += rows
        if parameter.role == .sensitive || parameter.isMTP {
          sensitive += parameter.count
          sensitiveRows += rows
        }
      }
      if parameter.isMTP {
        mtp += parameter.count
      } else {
        total += parameter.count
        if parameter.name == "model.embed_tokens.weight" { embedding += parameter.count }
        if parameter.name == "lm_head.weight" { outputHead += parameter.count }
        if parameter.role == .routedExpert { routed += parameter.count }
      }
    }
    active = total - routed
    if description.routedExpertCount > 0 {
      active += routed / description.routedExpertCount * description.expertsPerToken
    }
  }

  /// Bytes that all weights take in memory in a format (panel padding aside).
  ///
  /// - Parameter isCompact: Whether bf16 matrices are compact (`PackedMatrix.compacted(pool:)`).
  public func byteCount(_ format: WeightFormat, isCompact: Bool = false) -> Int {
    let matrices = total + mtp - wide
    switch format {
    case .f32: return wide * 4 + matrices * 4
    case .bf16: return wide * 4 + (isCompact ? matrices / 128 * 193 : matrices * 2)
    case .int8: return wide * 4 + matrices + matrixRows * 4
    case .int4:
      // A scale of two bytes for 64 weights of half a byte.
      return wide * 4 + sensitive + sensitiveRows * 4 + (matrices - sensitive) / 64 * 34
    }
  }

  /// The first of these formats, widest first (none compact, since a matrix may not allow it), whose weights leave a fifth of `memory` bytes free; the last where none
  /// does.
  public func widestFormat(of formats: [WeightFormat], memory: Int) -> WeightFormat {
    formats.first { byteCount($0) <= memory / 5 * 4 } ?? formats.last ?? .int4
  }
}
