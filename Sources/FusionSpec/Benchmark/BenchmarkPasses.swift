import Decoding
import Models
import Tensors

/// The forwards that a benchmark times, on random tokens: rows that choose their experts independently.
final class BenchmarkPasses {
  private let model: DecoderModel
  private let kernels: KernelSet
  private let pool: WorkerPool
  private let cache: KeyValueCache
  private let workspace: Workspace
  private let rows: StepRows
  private let outputs: IndexList
  private let promptRows: Int
  private let tokens: [Int32]
  private var nextToken = 0

  init(model: DecoderModel, kernels: KernelSet, pool: WorkerPool, positions: Int, outputRows: Int) {
    self.model = model
    self.kernels = kernels
    self.pool = pool
    // As many rows at a time as generation takes in.
    promptRows = EngineConfiguration(context: positions, threadCount: pool.threadCount).promptRowsPerStep
    cache = model.makeCache(slotCount: 1, capacity: positions)
    let capacity = max(promptRows, outputRows)
    workspace = model.makeWorkspace(
      maximumRows: capacity, maximumOutputRows: outputRows, workerCount: pool.threadCount)
    rows = StepRows(capacity: capacity)
    outputs = IndexList(capacity: outputRows)
    var generator = SplitMix(state: 1)
    tokens = (0..<model.description.vocabularySize).map { Int32(truncatingIfNeeded: $0) }.shuffled(
      using: &generator)
  }

  /// Fills positions 0 ..< `count` of every layer with random keys and values. What the numbers are does not matter for
  /// time; that the memory is really there does.
  func fillCache(positionCount count: Int) {
    var generator = SplitMix(state: 2)
    let numbers = (0..<4099).map { _ in Float(Int8(truncatingIfNeeded: generator.next())) / 128 }
    cache.fill(slot: 0, positionCount: count, with: numbers)
  }

  /// Milliseconds of a prompt's prefill.
  func prefill(tokenCount: Int) -> Double {
    milliseconds {
      for start in stride(from: 0, to: tokenCount, by: promptRows) {
        let count = min(promptRows, tokenCount - start)
        list(count, from: start)
        outputs.removeAll()
        if start + count == tokenCount { outputs.append(Int32(truncatingIfNeeded: count - 1)) }
        forward()
      }
    }
  }

  /// Mean milliseconds of a token decoded after `depth` positions.
  func decode(depth: Int, tokenCount: Int) -> Double {
    let total = milliseconds {
      for offset in 0..<tokenCount {
        list(1, from: depth + offset)
        outputs.removeAll()
        outputs.append(0)
        forward()
        _ = kernels.argmax(workspace.logits.view, row: 0)
      }
    }
    return total / Double(tokenCount)
  }

  /// Milliseconds of one forward of `count` rows after `depth` positions, and the distinct experts it read over all layers.
  func verify(rows count: Int, depth: Int) -> (milliseconds: Double, experts: Int) {
    list(count, from: depth)
    outputs.removeAll()
    for row in 0..<count { outputs.append(Int32(truncatingIfNeeded: row)) }
    return (milliseconds(forward), workspace.expertReads.experts)
  }

  /// Lists the next `count` random tokens, distinct up to the size of the vocabulary.
  private func list(_ count: Int, from position: Int) {
    rows.removeAll()
    for row in 0..<count {
      rows.append(token: tokens[nextToken], position: position + row, slot: 0)
      nextToken = (nextToken + 1) % tokens.count
    }
  }

  private func forward() {
    model.forward(
      rows, outputs: outputs, keepsHidden: model.mtpHeadCount > 0, cache: cache, workspace: workspace,
      pool: pool, kernels: kernels)
  }

  private func milliseconds(_ body: () -> Void) -> Double {
    let start = ContinuousClock.now
    body()
    return (ContinuousClock.now - start).milliseconds
  }
}

/// A generator of random numbers that gives the same ones in every run (Steele, Lea, Flood, 2014).
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
