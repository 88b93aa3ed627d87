/// Watches a growing text for stop strings and holds back what might become one.
struct StopStrings {
  private let stops: [String]
  private var held = ""
  /// Whether a stop string has been completed.
  private(set) var isStopped = false

  init(_ stops: [String]) { self.stops = stops.filter { !$0.isEmpty } }

  /// Adds text; returns what is now certain to stand before any stop string.
  mutating func append(_ text: String) -> String {
    if isStopped { return "" }
    if stops.isEmpty { return text }
    held += text
    let found = stops.compactMap { held.firstRange(of: $0)?.lowerBound }.min()
    if let found {
      isStopped = true
      defer { held = "" }
      return String(held[..<found])
    }
    let keep = stops.map { longestSuffix(of: held, beginning: $0) }.max() ?? 0
    let certain = held.unicodeScalars.dropLast(keep)
    defer { held = String(held.unicodeScalars.suffix(keep)) }
    return String(certain)
  }

  /// Ends the text; returns what was held back.
  mutating func finish() -> String {
    defer { held = "" }
    return held
  }

  /// Scalars at the end of `text` that a stop string begins with, short of the whole stop string.
  private func longestSuffix(of text: String, beginning stop: String) -> Int {
    let tail = Array(text.unicodeScalars.suffix(stop.unicodeScalars.count - 1))
    let head = Array(stop.unicodeScalars)
    return stride(from: tail.count, to: 0, by: -1).first { tail.suffix($0).elementsEqual(head.prefix($0)) }
      ?? 0
  }
}
