import Decoding
import FusionSpec
import Models
import Tensors
import Testing

/// Weights in fewer bits, bf16 in 12 and f32 in 16, change no token: whatever the instruction set, the batch and the drafter.
struct CompactWeightsTests {
  @Test(arguments: KernelSet.available.map(\.name).filter { $0 != "scalar" }, [WeightFormat.bf16, .f32])
  func `replies are those of plain weights`(name: String, format: WeightFormat) throws {
    let kernels = try #require(KernelSet.named(name))
    func model(_ compact: CompactWeights) throws -> LanguageModel {
      try LanguageModel(
        contentsOf: ExactnessTests.abacus,
        options: ModelOptions(weights: format, threadCount: 2, kernels: kernels, compactWeights: compact))
    }
    let (plain, compact) = (try model(.off), try model(.on))
    #expect(compact.decoder.hasCompactWeights && !plain.decoder.hasCompactWeights)
    let isCompact = format == .f32  // the sample is small
    #expect(try model(.automatic).decoder.hasCompactWeights == isCompact)
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
