import Synchronization
import Tensors
import Testing

@testable import Models

/// How workers share positions: all take the same decision, and every span of every head is one worker's.
struct SpanSplitTests {
  struct Case: CustomTestStringConvertible, Sendable {
    /// The last position of each sequence, and rows that end there.
    let sequences: [(last: Int, rows: Int)]
    let heads: Int
    let groups: Int
    var window: Int?
    var testDescription: String {
      "\(sequences.map { "\($0.rows) up to \($0.last)" }), \(heads) heads in \(groups), window \(window ?? 0)"
    }
  }

  static let cases = [
    Case(sequences: [(511, 1)], heads: 16, groups: 1), Case(sequences: [(512, 1)], heads: 16, groups: 1),
    Case(sequences: [(1100, 1)], heads: 16, groups: 1), Case(sequences: [(1535, 4)], heads: 40, groups: 1),
    Case(sequences: [(4095, 2)], heads: 16, groups: 1), Case(sequences: [(530, 1)], heads: 6, groups: 1),
    Case(sequences: [(600, 3), (40, 1), (1900, 2)], heads: 6, groups: 3),
    Case(sequences: [(1000, 1)], heads: 6, groups: 3, window: 512),
    Case(sequences: [(2040, 1)], heads: 8, groups: 1, window: 1024),
  ]

  /// How often each span of each head is computed, and the positions times heads of each worker; nil where the workers are to
  /// share the heads.
  private static func shares(_ which: Case, threads: Int) -> (seen: [[Int]: Int], loads: [Int])? {
    let slots = IndexList(capacity: 64)
    let positions = IndexList(capacity: 64)
    for (slot, sequence) in which.sequences.enumerated() {
      for row in 0..<sequence.rows {
        slots.append(Int32(slot))
        positions.append(Int32(sequence.last - sequence.rows + 1 + row))
      }
    }
    let width = 8
    let records = FloatMatrix(rows: 1, columns: 1 << 18)
    let numbers = FloatMatrix(rows: 64, columns: which.heads * width)
    let seen = Mutex<[[Int]: Int]>([:])
    let decisions = Mutex<[Bool]>([])
    let loads = Mutex(Array(repeating: 0, count: threads))
    let pool = WorkerPool(threadCount: threads, bindsThreads: false)
    pool.run { worker in
      let rows = StepQueries(
        worker: worker, kernels: .best, slots: slots.view, positions: positions.view, records: records.view,
        scratch: numbers.view, query: numbers.view, index: nil, count: slots.count, window: which.window)
      let split = SpanSplit(rows, heads: which.heads, groups: which.groups, width: width)
      decisions.withLock { $0.append(split != nil) }
      var announced: [Int]?
      split?.forEachUnit { unit, next in
        #expect(announced == nil || announced == [unit.slot, unit.heads.lowerBound, unit.span])
        announced = next.map { [$0.slot, $0.heads.lowerBound, $0.span] } ?? []
        let cost = rows.positionCount(unit.rows.ordinals, span: unit.span) * unit.heads.count
        loads.withLock { $0[worker.index] += cost }
        for head in unit.heads {
          seen.withLock { $0[[unit.slot, head, unit.span, unit.rows.ordinals.count], default: 0] += 1 }
        }
      }
      #expect(split?.parts.isEmpty ?? true || announced == [], "the last unit has none after it")
    }
    let all = decisions.withLock { $0 }
    #expect(all.count == threads && Set(all).count == 1, "all workers decide alike")
    return all.first == true ? (seen.withLock { $0 }, loads.withLock { $0 }) : nil
  }

  @Test(arguments: cases, [2, 3, 5, 8, 13])
  func `every span of every head is computed once`(which: Case, threads: Int) {
    guard let (seen, loads) = Self.shares(which, threads: threads) else { return }
    // Never less even than sharing the heads would be, or a sixth.
    let busiest = Double((which.heads + threads - 1) / threads * threads) / Double(which.heads)
    let mean = Double(loads.reduce(0, +)) / Double(threads)
    #expect(Double(loads.max() ?? 0) <= 1.001 * mean * max(busiest, 7.0 / 6))
    var expected: Set<[Int]> = []
    for (slot, sequence) in which.sequences.enumerated() {
      let first = which.window.map { max(0, sequence.last - sequence.rows + 2 - $0) } ?? 0
      for span in first / KernelSet.attentionSpan...sequence.last / KernelSet.attentionSpan {
        for head in 0..<which.heads { expected.insert([slot, head, span, sequence.rows]) }
      }
    }
    #expect(Set(seen.keys) == expected)
    #expect(seen.values.allSatisfy { $0 == 1 })
  }

  @Test(arguments: [1030, 1500, 2100, 3000, 3600, 4096])
  func `two workers differ by an eighth of a span at most`(last: Int) throws {
    let (_, loads) = try #require(
      Self.shares(Case(sequences: [(last, 1)], heads: 16, groups: 1), threads: 2))
    #expect(abs(loads[0] - loads[1]) <= 2 * 16 * KernelSet.attentionSpan / 8)
  }

  @Test func `positions are shared where that is even, heads where it is not`() {
    func shares(_ last: Int, heads: Int, threads: Int, window: Int? = nil) -> Bool {
      Self.shares(
        Case(sequences: [(last, 1)], heads: heads, groups: 1, window: window), threads: threads) != nil
    }
    #expect(shares(1023, heads: 16, threads: 2))
    #expect(shares(4095, heads: 16, threads: 2))
    #expect(shares(520, heads: 16, threads: 2), "half of the heads of one span each")
    #expect(shares(1000, heads: 16, threads: 2, window: 500), "half of the heads of one span each")
    #expect(!shares(700, heads: 3, threads: 3), "three workers have a head each")
    #expect(shares(520, heads: 1, threads: 2), "one head alone cannot be shared")
    #expect(!shares(511, heads: 16, threads: 2), "one span alone")
  }
}
