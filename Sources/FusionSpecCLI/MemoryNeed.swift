import Checkpoints
import Foundation
import FusionSpec
import Models
import Tensors

/// What a model would take with the options of a command: weights, and keys and values of one sequence.
struct MemoryNeed {
  let weights: WeightFormat
  let cache: CacheFormat
  /// Positions of the sequence: those asked for, else at most 4096, and never more than the model has.
  let context: Int
  let byteCount: Int

  init(
    _ arguments: ModelArguments, _ parameters: ParameterSummary, _ description: ModelDescription,
    checkpoint: Checkpoint?
  ) {
    let options = arguments.options
    weights = options.weights ?? LanguageModel.automaticFormat(checkpoint, parameters)
    cache = description.heldCacheFormat(options.cache, besideNarrowWeights: weights != .f32)
    context = min(arguments.context ?? 4096, description.contextLength)
    let isCompact = options.compactFormats(parameters).contains(weights)
    byteCount =
      parameters.byteCount(weights, isCompact: isCompact)
      + context * description.cacheBytesPerPosition(cache)
  }
}
