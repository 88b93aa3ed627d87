import Decoding
import FusionSpec
import Models
import Tensors
import Testing

/// Weights in 12 bits change no token: whatever the instruction set, the batch and the drafter.
struct CompactWeightsTests {
  @Test(arguments: KernelSet.available.map(\.name).filter { $0 != "scalar" })
  func `replies are those of plain weights`(name: String) throws {
    let kernels = try #require(KernelSet.named(name))
    func model(_ compact: CompactWeights) throws -> LanguageModel {
      try LanguageModel(
        contentsOf: ExactnessTests.abacus,
        options: ModelOptions(weights: .bf16, threadCount: 2, kernels: kernels, compactWeights: compact))
    }
    let (plain, compact) = (try model(.off), try model(.on))
    #expect(compact.decoder.hasCompactWeights && !plain.decoder.hasCompactWeights)
    #expect(try !model(.automatic).decoder.hasCompactWeights, "the sample is small")
    let requests = try ExactnessTests.requests(
      plain, perFile: 3, sampling: SamplingOptions(temperature: 0.8, seed: 7), maximumTokens: 48)
    let expected = try ExactnessTests.replies(plain, requests, .off, batch: 4)
    for (speculation, batch) in [
      (Speculation.off, 1), (.mtp(depth: 1), 1), (.mtp(depth: 4), 3), (.automatic, 8),
    ] {
      #expect(
        try ExactnessTests.replies(compact, requests, speculation, batch: batch) == expected, "\(speculation)"
      )
    }
  }
}
