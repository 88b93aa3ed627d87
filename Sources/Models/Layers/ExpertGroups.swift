import Tensors

/// The rows of a step sorted by the expert they chose, so that each distinct expert's weights are read once.
///
/// Every worker builds its own copy from the same selection: cheaper than sharing one across a barrier.
final class ExpertGroups: @unchecked Sendable {
  // Sendable: one worker alone uses an instance.
  let activeExperts: IndexList
  /// Rows by expert; expert e's stand at offsets[e] ..< offsets[e + 1], ascending.
  let rows: IndexList
  /// The router's weight of each entry of `rows`.
  let rowWeights: FloatMatrix  // [1, pairs]
  private let offsets: IndexList
  private let cursors: IndexList

  init(pairs: Int, experts: Int) {
    activeExperts = IndexList(capacity: experts)
    rows = IndexList(capacity: pairs)
    rowWeights = FloatMatrix(rows: 1, columns: pairs)
    offsets = IndexList(capacity: experts + 1)
    cursors = IndexList(capacity: experts)
    for _ in 0..<pairs { rows.append(0) }
    for _ in 0..<experts {
      offsets.append(0)
      cursors.append(0)
    }
    offsets.append(0)
  }

  /// Sorts rows 0 ..< count of a selection by expert.
  func build(_ selection: ExpertSelection, count: Int, expertCount: Int) {
    let perToken = selection.expertsPerToken
    activeExperts.removeAll()
    for expert in 0..<expertCount { cursors[expert] = 0 }
    for pair in 0..<count * perToken { cursors[Int(selection.experts[pair])] += 1 }
    var offset: Int32 = 0
    for expert in 0..<expertCount {
      offsets[expert] = offset
      if cursors[expert] > 0 { activeExperts.append(Int32(truncatingIfNeeded: expert)) }
      offset += cursors[expert]
      cursors[expert] = offsets[expert]
    }
    offsets[expertCount] = offset
    for row in 0..<count {
      for choice in 0..<perToken {
        let expert = Int(selection.experts[row * perToken + choice])
        let place = Int(cursors[expert])
        rows[place] = Int32(truncatingIfNeeded: row)
        rowWeights[0, place] = selection.weights[row, choice]
        cursors[expert] += 1
      }
    }
  }

  /// Where an expert's rows stand in `rows`.
  func range(of expert: Int) -> Range<Int> { Int(offsets[expert])..<Int(offsets[expert + 1]) }
}
