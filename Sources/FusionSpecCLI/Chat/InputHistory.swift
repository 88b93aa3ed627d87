/// What has been entered in this run, to be brought back with the arrow keys.
struct InputHistory {
  private var entries: [String] = []
  private var place = 0
  private var unfinished = ""
  private static let limit = 500

  /// Adds an entry and returns to the end.
  mutating func add(_ entry: String) {
    if !entry.isEmpty, entries.last != entry { entries.append(entry) }
    if entries.count > Self.limit { entries.removeFirst() }
    place = entries.count
  }

  /// The entry before; `current` is kept while it is the one being written. Nil at the beginning.
  mutating func older(than current: String) -> String? {
    guard place > 0 else { return nil }
    if place == entries.count { unfinished = current }
    place -= 1
    return entries[place]
  }

  /// The entry after, at last the one being written. Nil at the end.
  mutating func newer() -> String? {
    guard place < entries.count else { return nil }
    place += 1
    return place == entries.count ? unfinished : entries[place]
  }
}
