import Models
import Tensors

extension DecodingEngine {
  /// Measures short forwards before the first automatic request, so that the first decisions rest on this machine's own
  /// cost curve. A model too slow for the time allowed learns the curve while running.
  ///
  /// The rows are written to positions of `slot` from `first` on, where nothing is cached yet.
  ///
  /// - Parameter text: Tokens for the rows, the request's own, so that they touch the experts that real drafts touch.
  func calibrate(slot: Int, from first: Int, text: [Int32]) {
    guard !isCalibrated else { return }
    isCalibrated = true
    let allowed: UInt64 = 40_000_000
    let start = monotonicNanoseconds()
    let counts = Self.calibratedRows(slots: configuration.slotCount).filter {
      first + $0 < configuration.context
    }
    // The least of several: whatever else runs on the machine only ever adds time.
    var least = [Double](repeating: .infinity, count: counts.count)
    var experts = [Int](repeating: 0, count: counts.count)
    var leastHead = Double.infinity
    defer {
      for (place, count) in counts.enumerated() where least[place].isFinite {
        controller.recordMain(rows: count, nanoseconds: least[place], experts: experts[place])
      }
      if leastHead.isFinite { controller.recordHead(rows: 1, nanoseconds: leastHead) }
    }
    func list(_ count: Int) {
      rows.removeAll()
      outputs.removeAll()
      let start = max(0, text.count - count)
      for row in 0..<count {
        outputs.append(Int32(truncatingIfNeeded: row))
        rows.append(
          token: text[(start + row) % text.count], position: first + row, slot: slot)
      }
    }
    // The first is cold and counts for nothing, and a curve of single measurements would mislead more than none.
    list(1)
    if measured(runMain) > Double(allowed) / 8 { return }
    for _ in 0..<6 {
      for (place, count) in counts.enumerated() {
        if monotonicNanoseconds() - start > allowed { return }
        list(count)
        least[place] = min(least[place], measured(runMain))
        experts[place] = workspace.expertReads.experts
        guard model.mtpHeadCount > 0, count == 1 else { continue }
        outputs.removeAll()
        outputs.append(0)
        let head = measured {
          model.draft(
            head: 0, rows, source: .mainModel, sourceIndex: outputs, queries: outputs, isDraft: true,
            cache: cache,
            workspace: workspace, pool: pool, kernels: configuration.kernels)
        }
        leastHead = min(leastHead, head)
      }
    }
  }

  /// Short forwards row by row, and those of full batches.
  private static func calibratedRows(slots: Int) -> [Int] {
    let deep = slots == 1 ? [] : (1...4).map { $0 * slots }
    return Set([1, 2, 3, 4, 5, 6, 7, 9] + deep).sorted()
  }
}
