import Foundation
public import Tensors

/// A draw from a row of logits: `SamplingKernels.gumbelArgmax` over all tokens.
public struct RowDraw: Sendable, Equatable {
  /// Factor of the logits: one over the temperature.
  public var scale: Float
  /// Least scaled logit, relative to the greatest, of tokens that may win.
  public var floor: Float
  /// Key of the noise.
  public var key: UInt64
  /// Position of the noise.
  public var position: Int

  /// Makes a draw.
  public init(scale: Float, floor: Float, key: UInt64, position: Int) {
    self.scale = scale
    self.floor = floor
    self.key = key
    self.position = position
  }
}

/// Where each row of logits is greatest, found by the workers while the columns that they have just computed are in their
/// caches; and the draws from rows that were asked for, which the workers share.
public final class LogitPeaks: @unchecked Sendable {
  // Sendable: each worker writes places of its own, and the pool's end stands between them and readers.
  private let workerCount: Int
  private let places: IndexList  // [rows, workers]
  private let sums: FloatMatrix  // [rows, workers]: of exponentials, relative to the part's greatest logit
  private let scratch: FloatMatrix  // [1, vocabulary]
  private var draws: [RowDraw?]  // by row
  private var drawCount = 0
  private let winners: IndexList  // [rows]: tokens drawn, -1 for none

  init(rows: Int, vocabulary: Int, workerCount: Int) {
    self.workerCount = workerCount
    places = IndexList(capacity: max(rows, 1) * workerCount)
    places.count = places.capacity
    sums = FloatMatrix(rows: max(rows, 1), columns: workerCount)
    scratch = FloatMatrix(rows: 1, columns: max(vocabulary, 1))
    draws = Array(repeating: nil, count: max(rows, 1))
    winners = IndexList(capacity: max(rows, 1))
    winners.count = winners.capacity
  }

  /// Looks at this worker's columns of the first `rowCount` rows.
  ///
  /// - Parameters:
  ///   - panels: The panels of sixteen columns that the worker computed.
  ///   - withSums: Whether `probability` will be asked for.
  func record(
    _ logits: FloatRows, rowCount: Int, panels: Range<Int>, kernels: KernelSet, worker: Int, withSums: Bool
  ) {
    let columns =
      min(16 * panels.lowerBound, logits.columns)..<min(16 * panels.upperBound, logits.columns)
    let part = logits.columns(columns)
    for row in 0..<rowCount {
      guard !columns.isEmpty else {
        places[row * workerCount + worker] = -1
        continue
      }
      let place = kernels.argmax(part, row: row)
      places[row * workerCount + worker] = Int32(truncatingIfNeeded: columns.lowerBound + place)
      guard withSums else { continue }
      let weights = scratch.view.columns(columns)
      kernels.exponentials(part, row: row, offset: part[row, place], output: weights, outputRow: 0)
      sums[row, worker] = SamplingKernels.sum(weights, row: 0)
    }
  }

  /// Asks the next forward for a draw from a row of its logits.
  public func ask(_ draw: RowDraw, row: Int) {
    draws[row] = draw
    winners[row] = -1
    drawCount += 1
  }

  /// Takes back what was asked for.
  public func removeDraws() {
    if drawCount == 0 { return }
    for row in draws.indices { draws[row] = nil }
    drawCount = 0
  }

  /// The token drawn from a row; nil where this draw was not made.
  public func drawn(_ draw: RowDraw, row: Int) -> Int? {
    guard draws[row] == draw, winners[row] >= 0 else { return nil }
    return Int(winners[row])
  }

  /// Draws from this worker's share of the first `rowCount` rows, all of whose columns have been recorded by some worker. A
  /// single draw is left to whoever needs it: the workers would have to wait for each other.
  func draw(_ logits: FloatRows, rowCount: Int, worker: Worker) {
    guard drawCount > 1 else { return }
    worker.barrier()
    for row in worker.share(of: rowCount) {
      guard let draw = draws[row] else { continue }
      let winner = SamplingKernels.gumbelArgmax(
        logits, row: row, best: best(logits, row: row), scale: draw.scale, floor: draw.floor, key: draw.key,
        position: draw.position)
      winners[row] = Int32(truncatingIfNeeded: winner)
    }
  }

  /// The token of the greatest logit of a row, the first among equals; NaN counts as minus infinity.
  public func best(_ logits: FloatRows, row: Int) -> Int {
    var best = 0
    var greatest = -Float.infinity
    for worker in 0..<workerCount {
      let place = Int(places[row * workerCount + worker])
      if place >= 0, logits[row, place] > greatest {
        best = place
        greatest = logits[row, place]
      }
    }
    return best
  }

  /// The probability of a token by softmax over a row, recorded with sums. Its last bits depend on how many workers there
  /// are, so nothing that decides a token may rest on it.
  public func probability(of token: Int32, _ logits: FloatRows, row: Int) -> Float {
    let logit = logits[row, Int(token)]
    var sum: Float = 0
    for worker in 0..<workerCount {
      let place = Int(places[row * workerCount + worker])
      if place >= 0 { sum += sums[row, worker] * exp(logits[row, place] - logit) }
    }
    return 1 / sum
  }
}
