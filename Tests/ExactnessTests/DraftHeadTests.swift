import Decoding
import FusionSpec
import Models
import Tensors
import Testing

/// An 8-bit copy of the output head for drafts: it may change which drafts are made, never a token.
@Suite(.serialized)
struct DraftHeadTests {
  private func model(_ draftHead: DraftHeadFormat, weights: WeightFormat) throws -> LanguageModel {
    try LanguageModel(
      contentsOf: ExactnessTests.abacus,
      options: ModelOptions(weights: weights, threadCount: 2, draftHead: draftHead))
  }

  @Test(arguments: [WeightFormat.f32, .bf16, .int8], [0, 0.8] as [Float])
  func `ids do not depend on the head of the drafts`(weights: WeightFormat, temperature: Float) throws {
    let full = try model(.full, weights: weights)
    #expect(full.decoder.draftHeadFormat == .full)
    let requests = try ExactnessTests.requests(
      full, perFile: 3, sampling: SamplingOptions(temperature: temperature, seed: 4), maximumTokens: 32)
    let expected = try ExactnessTests.replies(full, requests, .off, batch: 1)
    for format in DraftHeadFormat.allCases {
      let model = try model(format, weights: weights)
      if format == .int8 { #expect(model.decoder.draftHeadFormat == (weights == .int8 ? .full : .int8)) }
      for speculation in [Speculation.mtp(depth: 3), .automatic] {
        for batch in [1, 4] {
          let found = try ExactnessTests.replies(model, requests, speculation, batch: batch)
          #expect(found == expected, "\(format), \(speculation), batch \(batch)")
        }
      }
    }
  }

  @Test func `the copy drafts nearly what the head drafts`() throws {
    func accepted(_ draftHead: DraftHeadFormat) throws -> SpeculationCounters {
      let model = try model(draftHead, weights: .bf16)
      let requests = try ExactnessTests.requests(
        model, perFile: 4, sampling: SamplingOptions(), maximumTokens: 64)
      let engine = model.makeEngine(batchSize: 4, context: 512)
      for var request in requests {
        request.speculation = .mtp(depth: 2)
        _ = try engine.submit(request)
      }
      return engine.run().reduce(into: SpeculationCounters()) { $0.add($1.speculation) }
    }
    let (full, narrow) = (try accepted(.full), try accepted(.int8))
    #expect(full.draftTokenCount > 200)
    #expect(abs(full.acceptanceRate - narrow.acceptanceRate) < 0.03, "\(full), \(narrow)")
  }
}
