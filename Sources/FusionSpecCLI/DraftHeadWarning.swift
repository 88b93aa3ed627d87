import Decoding
import FusionSpec
import Models

/// Finds a wrongly wired MTP head in passing: when hardly any draft was accepted, the head is tested, which takes a few
/// milliseconds, and a warning is printed if it looks unrelated to the model.
enum DraftHeadWarning {
  /// Milliseconds of a forward beyond which the test would take too long to make unasked.
  private static let slowestForward = 50.0

  static func check(_ model: LanguageModel, _ counters: SpeculationCounters, request: GenerationRequest?)
    throws
  {
    guard let request, request.syntheticAcceptance == nil, model.decoder.mtpHeadCount > 0 else { return }
    switch request.speculation {
    case .mtp, .automatic: break
    case .off, .lookup: return
    }
    guard looksUseless(counters) else { return }
    let probes = try model.probeDraftHeads(slowestForward: slowestForward)
    for probe in probes where probe.isNearChance {
      Terminal.error(AcceptanceTable.describe(probe, of: probes.count))
    }
  }

  /// Whether next to nothing was accepted in enough rounds to tell.
  static func looksUseless(_ counters: SpeculationCounters) -> Bool {
    let rounds = counters.draftCount + counters.plainSteps
    return rounds >= 24 && Double(counters.acceptedTokenCount) < 0.05 * Double(rounds)
  }
}
