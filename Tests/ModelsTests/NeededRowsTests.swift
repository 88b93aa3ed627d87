import Models
import Tensors
import Testing

/// Rows of the last layer that no output needs are left out where nobody asks for hidden rows: the others keep their bits, and so does
/// what the cache then holds.
struct NeededRowsTests {
  private struct Outcome: Equatable {
    var logits: [[UInt32]] = []
  }

  /// Two sequences whose prompts come in one step after the other; then a step of one row each.
  private func run(_ model: DecoderModel, keepsHidden: Bool, threads: Int) -> Outcome {
    let vocabulary = model.description.vocabularySize
    let pool = WorkerPool(threadCount: threads, bindsThreads: false)
    let cache = model.makeCache(slotCount: 2, capacity: 64)
    let workspace = model.makeWorkspace(maximumRows: 40, maximumOutputRows: 8, workerCount: threads)
    var outcome = Outcome()
    func forward(_ entries: [(slot: Int, positions: Range<Int>)], outputs: [Int32]) {
      let rows = StepRows(capacity: 40)
      for (slot, positions) in entries {
        for position in positions {
          rows.append(
            token: Int32((position * 31 + slot * 17 + 3) % vocabulary), position: position, slot: slot)
        }
      }
      model.forward(
        rows, outputs: IndexList(outputs), keepsHidden: keepsHidden, cache: cache, workspace: workspace,
        pool: pool, kernels: .best)
      outcome.logits += outputs.indices.map { row in
        workspace.logits.view.array(row: row).map(\.bitPattern)
      }
    }
    forward([(0, 0..<9)], outputs: [])
    forward([(0, 9..<33), (1, 0..<12)], outputs: [23])
    forward([(0, 33..<36), (1, 12..<20)], outputs: [0, 2, 7, 10])
    forward([(0, 36..<37), (1, 20..<21)], outputs: [0, 1])
    return outcome
  }

  @Test(arguments: OracleFixture.all, [1, 2])
  func `outputs keep their bits`(_ fixture: OracleFixture, threads: Int) throws {
    for format in [WeightFormat.f32, .int8] {
      let model = try fixture.model(format)
      let whole = run(model, keepsHidden: true, threads: threads)
      #expect(run(model, keepsHidden: false, threads: threads) == whole, "\(format)")
      #expect(whole.logits.count == 7 && whole.logits.allSatisfy { Set($0).count > 2 })
    }
  }

  @Test(arguments: OracleFixture.all)
  func `hidden rows of outputs stand in their order`(_ fixture: OracleFixture) throws {
    let model = try fixture.model(.f32)
    let pool = WorkerPool(threadCount: 2, bindsThreads: false)
    let workspace = model.makeWorkspace(maximumRows: 20, maximumOutputRows: 4, workerCount: 2)
    func hidden(keepsHidden: Bool, rows kept: [Int]) -> [[Float]] {
      let rows = StepRows(capacity: 20)
      for position in 0..<20 {
        rows.append(
          token: Int32(position * 7 % model.description.vocabularySize), position: position, slot: 0)
      }
      let cache = model.makeCache(slotCount: 1, capacity: 20)
      model.forward(
        rows, outputs: IndexList([4, 19]), keepsHidden: keepsHidden, cache: cache, workspace: workspace,
        pool: pool, kernels: .best)
      return kept.map { workspace.finalHidden.view.array(row: $0) }
    }
    #expect(hidden(keepsHidden: false, rows: [0, 1]) == hidden(keepsHidden: true, rows: [4, 19]))
  }
}
