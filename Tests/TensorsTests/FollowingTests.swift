import Testing

@testable import Tensors

/// Where the reads begin that a product or an attention asks for near its end. That they change no bit is tested beside each of those.
@Suite struct `What follows` {
  private func following(_ set: KernelSet) -> UInt? { unsafe set.following.map { UInt(bitPattern: $0) } }

  @Test func `a head's positions by the chunk that attention takes`() {
    let columns = GroupedCache.floatCount(width: 24, capacity: 300, format: .tiles(.bf16))
    let memory = FloatMatrix(rows: 2, columns: columns)
    let cache = GroupedCache(memory: memory.view, width: 24, capacity: 300, format: .tiles(.bf16))
    let chunk =
      MemoryLayout<Float>.size * GroupedCache.floatCount(width: 24, capacity: 128, format: .tiles(.bf16))
    func place(_ head: Int, _ position: Int) -> Int? {
      following(scalar.followed(by: cache, head: head, position: position)).map {
        unsafe Int($0 - UInt(bitPattern: memory.view.row(head).baseAddress))
      }
    }
    #expect(place(0, 0) == 0 && place(0, 127) == 0 && place(0, 128) == chunk && place(1, 299) == 2 * chunk)
    for (head, position) in [(2, 0), (-1, 0), (0, -1), (0, 300)] {
      #expect(following(scalar.followed(by: cache, head: head, position: position)) == nil)
    }
    let floats = FloatMatrix(rows: 1, columns: GroupedCache.floatCount(width: 24, capacity: 300))
    let plain = GroupedCache(memory: floats.view, width: 24, capacity: 300)
    #expect(following(scalar.followed(by: plain, head: 0)) == nil, "floats are not in tiles")
  }

  @Test func `latents likewise`() {
    let memory = FloatMatrix(rows: 1, columns: LatentCache.floatCount(rank: 40, rope: 8, capacity: 300))
    let cache = LatentCache(memory: memory.view, rank: 40, rope: 8, capacity: 300)
    let chunk = MemoryLayout<Float>.size * LatentCache.floatCount(rank: 40, rope: 8, capacity: 128)
    func place(_ position: Int) -> Int? {
      following(scalar.followed(by: cache, position: position)).map {
        unsafe Int($0 - UInt(bitPattern: memory.view.row(0).baseAddress))
      }
    }
    #expect(place(0) == 0 && place(127) == 0 && place(128) == chunk && place(299) == 2 * chunk)
    #expect(place(-1) == nil && place(300) == nil)
  }

  @Test func `panels, and nothing beyond them`() {
    let matrix = PackedMatrix(outputs: 40, inputs: 8, format: .f32, Array(repeating: 1, count: 320))
    let first = following(scalar.followed(by: matrix.view, panel: 0))
    let last = following(scalar.followed(by: matrix.view, panel: 2))
    #expect(
      first != nil && last == first.map { $0 + UInt(2 * PackedPanels.width * 8 * MemoryLayout<Float>.size) })
    #expect(following(scalar.followed(by: matrix.view, panel: 3)) == nil)
    let before = scalar.followed(by: matrix.view, panel: 0)
    #expect(
      following(before.followed(by: matrix.view, panel: -1)) == first, "what is not there changes nothing")
  }
}
