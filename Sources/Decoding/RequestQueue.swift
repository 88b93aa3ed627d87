/// Requests that wait for a slot, first come, first served; taking one costs the same however many wait.
struct RequestQueue {
  private var sequences: [SequenceState] = []
  private var first = 0

  /// Whether nothing waits.
  var isEmpty: Bool { first == sequences.count }

  /// Adds a request at the end.
  mutating func append(_ sequence: SequenceState) { sequences.append(sequence) }

  /// Takes the first request.
  mutating func popFirst() -> SequenceState? {
    guard !isEmpty else { return nil }
    defer {
      first += 1
      // The part already taken is dropped once it is the larger one, so each request is moved at most once or twice.
      if 2 * first >= sequences.count {
        sequences.removeFirst(first)
        first = 0
      }
    }
    return sequences[first]
  }

  /// Takes out the request with this identifier; nil if it does not wait.
  mutating func remove(_ identifier: Int) -> SequenceState? {
    guard let place = sequences[first...].firstIndex(where: { $0.identifier == identifier }) else {
      return nil
    }
    return sequences.remove(at: place)
  }

  /// The request with this identifier; nil if it does not wait.
  func find(_ identifier: Int) -> SequenceState? { sequences[first...].first { $0.identifier == identifier } }
}
