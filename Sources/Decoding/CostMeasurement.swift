import Models
import Tensors

/// The measured time of a forward with some number of rows.
public struct ForwardCost: Sendable, Equatable {
  /// Rows of the forward.
  public var rows: Int
  /// Time of the main model: a tenth of many measurements were faster.
  public var milliseconds: Double
  /// Distinct routed experts that its rows read, the mean over layers that have any; nil for a model without.
  public var distinctExpertsPerLayer: Double?

  /// Makes a cost.
  public init(rows: Int, milliseconds: Double, distinctExpertsPerLayer: Double? = nil) {
    self.rows = rows
    self.milliseconds = milliseconds
    self.distinctExpertsPerLayer = distinctExpertsPerLayer
  }
}

/// What drafting and verifying cost on this machine.
public struct CostMeasurement: Sendable, Equatable {
  /// The main model, by ascending rows.
  public var forwards: [ForwardCost]
  /// Time of one pass of the MTP head for one row a sequence; 0 for a model without such a head.
  public var draftMilliseconds: Double

  /// Makes a measurement.
  public init(forwards: [ForwardCost], draftMilliseconds: Double) {
    self.forwards = forwards
    self.draftMilliseconds = draftMilliseconds
  }

  /// The time of a forward with this many rows, read off the line through the neighbours where it was not measured itself;
  /// nil outside of what was measured.
  public func milliseconds(rows: Int) -> Double? {
    guard let above = forwards.first(where: { $0.rows >= rows }),
      let below = forwards.last(where: { $0.rows <= rows })
    else { return nil }
    if above.rows == below.rows { return above.milliseconds }
    let share = Double(rows - below.rows) / Double(above.rows - below.rows)
    return below.milliseconds + (above.milliseconds - below.milliseconds) * share
  }
}

extension DecodingEngine {
  /// Measures forwards by their number of rows, as verification runs them: consecutive positions of a given text after
  /// what precedes them in the cache, so that the rows touch the experts that real drafts touch. Row counts take turns, so
  /// that drift of the machine meets all alike.
  ///
  /// The engine must be idle.
  ///
  /// - Parameters:
  ///   - text: Tokens of a prompt and its reply.
  ///   - rowCounts: Ascending numbers of rows; those that the text or the engine cannot hold are left out.
  ///   - draftRows: Rows of the pass of the MTP head.
  ///   - milliseconds: Time after which no further round begins; the first always runs.
  public func measureCosts(
    text: [Int32], rowCounts: [Int], draftRows: Int = 1, milliseconds: Double
  ) -> CostMeasurement {
    precondition(isIdle, "costs are measured on an idle engine")
    let text = text.prefix(configuration.context)
    let counts = rowCounts.filter { $0 >= 1 && $0 <= text.count && $0 <= workspace.maximumOutputRows }
    guard let largest = counts.max() else { return CostMeasurement(forwards: [], draftMilliseconds: 0) }
    let begin = text.count - largest
    fillCache(text, upTo: begin)
    var samples = [[Double]](repeating: [], count: counts.count)
    var experts = [Double?](repeating: nil, count: counts.count)
    var draftSamples: [Double] = []
    let end = monotonicNanoseconds() + UInt64(max(0, milliseconds) * 1e6)
    let queries = min(max(draftRows, 1), largest)
    repeat {
      for (place, count) in counts.enumerated() {
        list(text, from: begin, count: count, allOutputs: true)
        samples[place].append(measured(runMain))
        experts[place] = workspace.expertReads.perLayer
      }
      guard model.mtpHeadCount > 0, begin + queries < text.count else { continue }
      // The last forward was the largest, so its hidden rows feed the head.
      list(text.dropFirst(), from: begin, count: queries, allOutputs: true)
      draftSamples.append(
        measured {
          model.draft(
            head: 0, rows, source: .mainModel, sourceIndex: outputs, queries: outputs, isDraft: true,
            cache: cache,
            workspace: workspace, pool: pool, kernels: configuration.kernels)
        })
    } while monotonicNanoseconds() < end
    let forwards = counts.indices.map {
      ForwardCost(
        rows: counts[$0], milliseconds: Self.lowerDecile(samples[$0]) / 1e6,
        distinctExpertsPerLayer: experts[$0])
    }
    return CostMeasurement(forwards: forwards, draftMilliseconds: Self.lowerDecile(draftSamples) / 1e6)
  }

  private func fillCache(_ text: ArraySlice<Int32>, upTo end: Int) {
    for start in stride(from: 0, to: end, by: configuration.promptRowsPerStep) {
      list(text, from: start, count: min(configuration.promptRowsPerStep, end - start), allOutputs: false)
      runMain()
    }
  }

  /// Rows of slot 0 for `count` tokens of the text.
  private func list(_ text: ArraySlice<Int32>, from start: Int, count: Int, allOutputs: Bool) {
    rows.removeAll()
    outputs.removeAll()
    for offset in 0..<count {
      if allOutputs { outputs.append(Int32(truncatingIfNeeded: offset)) }
      rows.append(token: text[text.startIndex + start + offset], position: start + offset, slot: 0)
    }
  }

  /// Interruptions by other programs only ever add time, so the tenth says more of the machine than the median.
  private static func lowerDecile(_ values: [Double]) -> Double {
    values.isEmpty ? 0 : values.sorted()[values.count / 10]
  }
}
