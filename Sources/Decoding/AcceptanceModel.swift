/// How often drafts are accepted, learned while running: by phase, by the drafter's own confidence, by position.
///
/// A cell starts from what the drafter claims, counted as a few observations, and forgets slowly.
struct AcceptanceModel {
  /// What vouches for a draft.
  enum Evidence {
    /// The probability that the draft head gave its token.
    case headProbability(Float)
    /// The length of the match that a copy continues.
    case matchLength(Int)
  }

  private struct Cell {
    var accepted: Double
    var seen: Double
    var rate: Double { accepted / seen }

    mutating func record(_ isAccepted: Bool) {
      seen += 1
      if isAccepted { accepted += 1 }
      if seen > 200 {
        seen *= 0.75
        accepted *= 0.75
      }
    }
  }

  private static let headBuckets = 12
  private static let matchBuckets = 6
  private static let positions = 3
  private static let priorWeight = 4.0
  private static let matchPriors = [0.3, 0.45, 0.6, 0.75, 0.85, 0.9]
  private var cells: [Cell] = []
  /// What the draft after one of the head's was expected to be accepted with lately, by phase and the first one's bucket.
  private var following: [Double] = []

  init() {
    for _ in Phase.allCases {
      for bucket in 0..<Self.headBuckets {
        following.append((Double(bucket) + 0.5) / Double(Self.headBuckets))
      }
      for _ in 0..<Self.positions {
        for bucket in 0..<Self.headBuckets {
          // A claim is believed half way towards even odds' lower side until it has proved itself.
          let claim = (Double(bucket) + 0.5) / Double(Self.headBuckets)
          cells.append(Cell(accepted: claim * Self.priorWeight, seen: Self.priorWeight))
        }
        for prior in Self.matchPriors {
          cells.append(Cell(accepted: prior * Self.priorWeight, seen: Self.priorWeight))
        }
      }
    }
  }

  private func index(_ evidence: Evidence, position: Int, phase: Phase) -> Int {
    let bucket: Int
    switch evidence {
    case .headProbability(let probability): bucket = Self.bucket(probability)
    case .matchLength(let length):
      let place = [3, 5, 9, 17, 33].firstIndex { length < $0 } ?? 5
      bucket = Self.headBuckets + place
    }
    let row = phase.rawValue * Self.positions + min(position, Self.positions - 1)
    return row * (Self.headBuckets + Self.matchBuckets) + bucket
  }

  private static func bucket(_ probability: Float) -> Int {
    let scaled = Int(max(0, min(1, probability.isNaN ? 0 : probability)) * Float(headBuckets))
    return min(scaled, headBuckets - 1)
  }

  /// How likely a draft of the head is to add a token if the draft before it, which it gave this probability, does: sure
  /// drafts come in runs, and end where a reply ends.
  func rate(after probability: Float, phase: Phase) -> Double {
    following[phase.rawValue * Self.headBuckets + Self.bucket(probability)]
  }

  /// Learns what came after a draft of this probability: a draft that is likely to add a token at this rate.
  mutating func recordFollowing(_ probability: Float, phase: Phase, rate: Double) {
    let place = phase.rawValue * Self.headBuckets + Self.bucket(probability)
    following[place] += (rate - following[place]) * 0.1
  }

  /// Probability that a draft at `position` (0 first) is accepted, given that those before it were.
  func rate(_ evidence: Evidence, position: Int, phase: Phase) -> Double {
    cells[index(evidence, position: position, phase: phase)].rate
  }

  /// Counts the outcome of a draft whose predecessors were accepted.
  mutating func record(_ evidence: Evidence, position: Int, phase: Phase, isAccepted: Bool) {
    cells[index(evidence, position: position, phase: phase)].record(isAccepted)
  }
}
