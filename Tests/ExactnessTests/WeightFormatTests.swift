import Decoding
import FusionSpec
import Tensors
import Testing

/// What narrower weights cost: how often the sample model still ranks the same token first.
struct WeightFormatTests {
  /// A prompt of the evaluation sets with the reply that f32 weights give.
  struct Text {
    var prompt: [Int32]
    var reply: [Int32]
  }

  static func texts(_ model: LanguageModel) throws -> [Text] {
    let requests = try ExactnessTests.requests(
      model, perFile: 10, sampling: SamplingOptions(), maximumTokens: 64)
    return zip(requests, try ExactnessTests.replies(model, requests, .off, batch: 8)).map {
      Text(prompt: $0.promptTokens, reply: $1)
    }
  }

  /// The most likely token at every place of the replies, given the text before it.
  static func predictions(_ model: LanguageModel, _ texts: [Text]) throws -> [Int] {
    let passes = TeacherForcing(model: model.decoder, threadCount: model.threadCount, kernels: model.kernels)
    var tokens: [Int] = []
    for text in texts {
      let replied = text.prompt.count..<text.prompt.count + text.reply.count
      try passes.run(
        text.prompt + text.reply,
        mainLogits: { position, logits, row in
          if replied.contains(position + 1) { tokens.append(model.kernels.argmax(logits, row: row)) }
        })
    }
    return tokens
  }

  @Test func `the first choice of int8 weights is nearly always that of f32`() throws {
    func model(_ format: WeightFormat) throws -> LanguageModel {
      try LanguageModel(
        contentsOf: ExactnessTests.abacus, options: ModelOptions(weights: format, threadCount: 2))
    }
    let wide = try model(.f32)
    let texts = try Self.texts(wide)
    let expected = try Self.predictions(wide, texts)
    let found = try Self.predictions(try model(.int8), texts)
    #expect(expected.count > 500)
    let agreement = Double(zip(found, expected).count { $0 == $1 }) / Double(expected.count)
    #expect(agreement >= 0.97, "\(agreement) of \(expected.count) tokens")
  }
}
