import Synchronization
import Testing

@testable import Tensors

/// Memory for weights: blocks keep apart, and what is given back is used again.
struct WeightArenaTests {
  private static func bytes(_ block: ArenaBlock, _ count: Int) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: block.address, count: count)
  }

  @Test func `blocks are aligned and apart from each other`() {
    let arena = WeightArena(leastChunkByteCount: 1 << 16)
    let sizes = [0, 1, 63, 64, 65, 4096, 100_000, 7, 1 << 20, 3]
    let blocks = sizes.map { arena.block(byteCount: $0) }
    for (number, (block, size)) in zip(blocks, sizes).enumerated() {
      #expect(UInt(bitPattern: block.address) % 64 == 0)
      Self.bytes(block, size).initializeMemory(as: UInt8.self, repeating: UInt8(number + 1))
    }
    for (number, (block, size)) in zip(blocks, sizes).enumerated() {
      #expect(Self.bytes(block, size).allSatisfy { $0 == UInt8(number + 1) })
    }
  }

  @Test func `what is given back is used again, whatever the order`() {
    let arena = WeightArena(leastChunkByteCount: 1 << 20)
    let size = 64 << 10  // sixteen fill a chunk
    var blocks = (0..<16).map { _ in Optional(arena.block(byteCount: size)) }
    let whole = arena.byteCount
    #expect(whole == 1 << 20)
    // Neighbours join in any order: three in a row make room for one of three times the size.
    for order in [[3, 4, 5], [9, 8, 7], [11, 13, 12]] {
      for place in order { blocks[place] = nil }
      let large = arena.block(byteCount: 3 * size)
      #expect(arena.byteCount == whole)
      withExtendedLifetime(large) {}
    }
  }

  @Test func `a chunk that nobody uses goes back to the system`() {
    let arena = WeightArena(leastChunkByteCount: 1 << 16)
    var first: ArenaBlock? = arena.block(byteCount: 1 << 16)
    var second: ArenaBlock? = arena.block(byteCount: 1 << 20)
    #expect(arena.byteCount == (1 << 16) + (1 << 20))
    first = nil
    #expect(arena.byteCount == 1 << 20)
    second = nil
    #expect(arena.byteCount == 0)
    _ = (first, second)
  }

  @Test func `many threads take and give back at the same time`() {
    let arena = WeightArena(leastChunkByteCount: 1 << 18)
    let pool = WorkerPool(threadCount: 4)
    let wrongCount = Atomic(0)
    pool.run { worker in
      var kept: [(ArenaBlock, Int)] = []
      for round in 0..<400 {
        let size = (round * 7919 + worker.index * 104_729) % 20_000
        let block = arena.block(byteCount: size)
        Self.bytes(block, size).initializeMemory(as: UInt8.self, repeating: UInt8(worker.index + 1))
        kept.append((block, size))
        if round % 3 == 0 {
          let (old, size) = kept.remove(at: round % kept.count)
          let isOwn = Self.bytes(old, size).allSatisfy { $0 == UInt8(worker.index + 1) }
          if !isOwn { wrongCount.add(1, ordering: .relaxed) }
        }
      }
    }
    #expect(wrongCount.load(ordering: .relaxed) == 0)
    #expect(arena.byteCount == 0)
  }
}
