import Synchronization

/// Memory for the matrices of a model, cut from large chunks so that huge pages hold them whatever their sizes.
///
/// A matrix with a mapping of its own has huge pages only for the whole ones that lie within it: a model of many matrices
/// of one or two megabytes would hardly get any, and misses of the address cache then cost more than the bytes.
final class WeightArena: Sendable {
  /// The arena that all packed matrices share. What a dropped matrix leaves is used again, and a chunk that nobody uses any
  /// more goes back to the system.
  static let shared = WeightArena()

  private let chunks = Mutex<[Chunk]>([])
  private let leastChunkByteCount: Int

  /// Makes an arena whose chunks have at least so many bytes.
  init(leastChunkByteCount: Int = 64 << 20) { self.leastChunkByteCount = leastChunkByteCount }

  /// Memory on a 64-byte boundary, whatever it holds: who packs a matrix writes all of its bytes.
  func block(byteCount: Int) -> ArenaBlock {
    precondition(byteCount >= 0, "negative size")
    let size = max(64, (byteCount + 63) / 64 * 64)
    return chunks.withLock { chunks in
      // The oldest first, so that what is made and dropped again while a model loads takes the same place each time.
      for chunk in chunks {
        if let block = chunk.take(size, arena: self) { return block }
      }
      let chunk = Chunk(byteCount: max(leastChunkByteCount, size))
      chunks.append(chunk)
      guard let block = chunk.take(size, arena: self) else {
        preconditionFailure("a chunk smaller than its first block")
      }
      return block
    }
  }

  /// Bytes of all chunks.
  var byteCount: Int { chunks.withLock { $0.reduce(0) { $0 + $1.byteCount } } }

  fileprivate func giveBack(_ range: Range<Int>, of chunk: Chunk) {
    chunks.withLock { chunks in
      chunk.giveBack(range)
      if chunk.isUnused { chunks.removeAll { $0 === chunk } }
    }
  }
}

/// A part of an arena, given back when nobody refers to it.
@safe final class ArenaBlock: @unchecked Sendable {
  // Sendable: address and size never change after init; what the bytes mean is up to the owner.
  let address: UnsafeMutableRawPointer
  private let range: Range<Int>
  private let chunk: Chunk
  private let arena: WeightArena

  fileprivate init(address: UnsafeMutableRawPointer, range: Range<Int>, chunk: Chunk, arena: WeightArena) {
    unsafe self.address = address
    self.range = range
    self.chunk = chunk
    self.arena = arena
  }

  deinit { arena.giveBack(range, of: chunk) }
}

/// One mapping of an arena. The arena's lock guards what changes.
private final class Chunk: @unchecked Sendable {
  private let memory: AlignedMemory
  /// What is free, ascending, no two ranges adjacent.
  private var holes: [Range<Int>]

  var byteCount: Int { memory.byteCount }
  var isUnused: Bool { holes == [0..<byteCount] }

  init(byteCount: Int) {
    memory = AlignedMemory(byteCount: byteCount)
    holes = [0..<byteCount]
  }

  /// The first free bytes of a size, or nil where there are none.
  func take(_ size: Int, arena: WeightArena) -> ArenaBlock? {
    guard let place = holes.firstIndex(where: { $0.count >= size }) else { return nil }
    let hole = holes[place]
    let range = hole.lowerBound..<hole.lowerBound + size
    if size == hole.count {
      holes.remove(at: place)
    } else {
      holes[place] = range.upperBound..<hole.upperBound
    }
    let address = unsafe memory.address + range.lowerBound
    return unsafe ArenaBlock(address: address, range: range, chunk: self, arena: arena)
  }

  func giveBack(_ range: Range<Int>) {
    var merged = range
    let next = holes.firstIndex { $0.lowerBound >= range.upperBound } ?? holes.endIndex
    var replaced = next..<next
    if next < holes.endIndex, holes[next].lowerBound == merged.upperBound {
      merged = merged.lowerBound..<holes[next].upperBound
      replaced = next..<next + 1
    }
    if next > 0, holes[next - 1].upperBound == merged.lowerBound {
      merged = holes[next - 1].lowerBound..<merged.upperBound
      replaced = next - 1..<replaced.upperBound
    }
    holes.replaceSubrange(replaced, with: [merged])
  }
}
