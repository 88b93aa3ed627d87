public import Decoding

/// What sharing the noise between draft and target is worth at a draft's first position, averaged over the positions of
/// replies whose first draft was verified.
public struct CouplingSummary: Sendable, Equatable {
  /// Share of first drafts that were accepted.
  public let measured: Double
  /// (1 - TV) / (1 + TV): the least that drafts of the first MTP head with shared noise promise.
  public let bound: Double
  /// 1 - TV: the most that any drafting from the head's distribution could reach without changing the text's distribution.
  public let oneMinusTotalVariation: Double
  /// What drafts of the head's most probable token would reach.
  public let greedyDraft: Double
  /// Positions averaged over.
  public let positions: Int

  /// Averages over the first drafts of some replies; nil where there are none.
  ///
  /// - Parameters:
  ///   - replies: The replies, whose fates tell where rounds began.
  ///   - couplings: For each reply what teacher forcing found at each of its tokens.
  public init?(replies: [ReplyMeasurement], couplings: [[DraftCoupling?]]) {
    var accepted = 0
    var found: [DraftCoupling] = []
    for (reply, coupling) in zip(replies, couplings) {
      let count = min(reply.fates.count, coupling.count)
      for place in 1..<max(1, count) where reply.fates[place] != .undrafted {
        guard reply.fates[place - 1] != .accepted, let coupling = coupling[place] else { continue }
        found.append(coupling)
        if reply.fates[place] == .accepted { accepted += 1 }
      }
    }
    if found.isEmpty { return nil }
    positions = found.count
    func mean(_ value: (DraftCoupling) -> Double) -> Double {
      found.reduce(0) { $0 + value($1) } / Double(found.count)
    }
    measured = Double(accepted) / Double(found.count)
    bound = mean(\.bound)
    oneMinusTotalVariation = mean(\.oneMinusTotalVariation)
    greedyDraft = mean(\.greedyDraft)
  }
}
