import Glibc

/// Zero-filled memory on a 64-byte boundary. Large blocks come straight from the system, so that their pages
/// cost nothing until they are first touched, begin where a huge page does and ask for such pages.
@safe final class AlignedMemory: @unchecked Sendable {
  // Sendable: address and size never change after init; what the bytes mean is up to the owner.
  let address: UnsafeMutableRawPointer
  let byteCount: Int
  /// Bytes of the mapping, whole huge pages; 0 for memory from the heap.
  private let mappedByteCount: Int

  private static let mappingThreshold = 1 << 20
  private static let hugePageByteCount = 2 << 20

  init(byteCount: Int) {
    precondition(byteCount >= 0, "negative size")
    self.byteCount = byteCount
    if byteCount >= Self.mappingThreshold {
      let page = Self.hugePageByteCount
      let size = (byteCount + page - 1) / page * page
      mappedByteCount = size
      // One page more than is needed, so that a whole number of them lies within; what is left on both sides goes back.
      let mapped = unsafe mmap(
        nil, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
      guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else {
        SystemRefusal.end("out of memory: \(byteCount) bytes refused")
      }
      let before = (page - Int(bitPattern: mapped) % page) % page
      if before > 0 { unsafe munmap(mapped, before) }
      if before < page { unsafe munmap(mapped + before + size, page - before) }
      unsafe address = mapped + before
      unsafe madvise(address, size, MADV_HUGEPAGE)
    } else {
      mappedByteCount = 0
      let size = max(64, (byteCount + 63) / 64 * 64)
      guard let block = unsafe aligned_alloc(64, size) else {
        SystemRefusal.end("out of memory: \(byteCount) bytes refused")
      }
      unsafe memset(block, 0, size)
      unsafe address = block
    }
  }

  deinit {
    if mappedByteCount > 0 {
      unsafe munmap(address, mappedByteCount)
    } else {
      unsafe free(address)
    }
  }
}
