/// Counts of drafted and accepted tokens, with the definitions that vLLM uses.
public struct SpeculationCounters: Sendable, Equatable {
  /// Deepest draft that is counted by position.
  public static let maximumDepth = 16

  /// Verification rounds that carried at least one draft.
  public var draftCount = 0
  /// Drafted tokens verified.
  public var draftTokenCount = 0
  /// Drafted tokens accepted.
  public var acceptedTokenCount = 0
  /// Rounds without a draft.
  public var plainSteps = 0
  /// Drafts at each position, position 1 first.
  public private(set) var draftedPerPosition = [Int](repeating: 0, count: maximumDepth)
  /// Accepted drafts at each position.
  public private(set) var acceptedPerPosition = [Int](repeating: 0, count: maximumDepth)

  /// Makes zero counts.
  public init() {}

  /// Counts one verification round.
  public mutating func record(drafted: Int, accepted: Int) {
    guard drafted > 0 else {
      plainSteps += 1
      return
    }
    draftCount += 1
    draftTokenCount += drafted
    acceptedTokenCount += accepted
    for position in 0..<min(drafted, Self.maximumDepth) { draftedPerPosition[position] += 1 }
    for position in 0..<min(accepted, Self.maximumDepth) { acceptedPerPosition[position] += 1 }
  }

  /// Gives these counts memory of their own, so that counting copies nothing.
  mutating func detach() {
    draftedPerPosition.reserveCapacity(Self.maximumDepth)
    acceptedPerPosition.reserveCapacity(Self.maximumDepth)
  }

  /// Adds other counts to these.
  public mutating func add(_ other: SpeculationCounters) {
    draftCount += other.draftCount
    draftTokenCount += other.draftTokenCount
    acceptedTokenCount += other.acceptedTokenCount
    plainSteps += other.plainSteps
    for position in 0..<Self.maximumDepth {
      draftedPerPosition[position] += other.draftedPerPosition[position]
      acceptedPerPosition[position] += other.acceptedPerPosition[position]
    }
  }

  /// Accepted over drafted tokens; 0 without drafts.
  public var acceptanceRate: Double {
    draftTokenCount == 0 ? 0 : Double(acceptedTokenCount) / Double(draftTokenCount)
  }

  /// Tokens that a drafted round yields on average: 1 + accepted / rounds.
  public var meanAcceptanceLength: Double {
    draftCount == 0 ? 1 : 1 + Double(acceptedTokenCount) / Double(draftCount)
  }

  /// Positions at which anything was drafted.
  public var usedDepth: Int { (draftedPerPosition.lastIndex { $0 > 0 } ?? -1) + 1 }
}
