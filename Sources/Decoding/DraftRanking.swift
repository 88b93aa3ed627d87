/// The drafts of all sequences of a step, the one worth most first.
///
/// A sequence's drafts are worth less the later they come, so any number of the first ones takes from each sequence a prefix.
struct DraftRanking {
  private struct Entry {
    let value: Double  // nanoseconds
    let plan: Int
  }

  private var entries: [Entry] = []

  mutating func reserveCapacity(_ capacity: Int) { entries.reserveCapacity(capacity) }

  mutating func removeAll() { entries.removeAll(keepingCapacity: true) }

  /// Adds the next draft of the sequence of a plan, behind those that are worth as much.
  mutating func insert(value: Double, plan: Int) {
    let entry = Entry(value: value, plan: plan)
    entries.append(entry)
    var place = entries.count - 1
    while place > 0, entries[place - 1].value < value {
      entries[place] = entries[place - 1]
      place -= 1
    }
    entries[place] = entry
  }

  /// The number of drafts, taken from the front, that promises most.
  ///
  /// - Parameter cost: What a number of drafts costs, in nanoseconds.
  func bestCount(cost: (Int) -> Double) -> Int {
    var best = (count: 0, value: 0.0)
    var value = 0.0
    for (place, entry) in entries.enumerated() {
      value += entry.value
      let net = value - cost(place + 1)
      if net > best.value { best = (place + 1, net) }
    }
    return best.count
  }

  /// How many of the first `count` drafts are those of a plan's sequence.
  func share(ofPlan plan: Int, among count: Int) -> Int {
    var own = 0
    for entry in entries.prefix(count) where entry.plan == plan { own += 1 }
    return own
  }
}
