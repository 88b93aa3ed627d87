import Glibc

/// Zero-filled memory on a 64-byte boundary. Large blocks come straight from the system, so that their pages
/// cost nothing until they are first touched, and ask for huge pages.
@safe final class AlignedMemory: @unchecked Sendable {
  // Sendable: address and size never change after init; what the bytes mean is up to the owner.
  let address: UnsafeMutableRawPointer
  let byteCount: Int
  private let isMapped: Bool

  private static let mappingThreshold = 1 << 20

  init(byteCount: Int) {
    precondition(byteCount >= 0, "negative size")
    self.byteCount = byteCount
    isMapped = byteCount >= Self.mappingThreshold
    if isMapped {
      let mapped = unsafe mmap(
        nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
      guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else {
        fatalError("out of memory: \(byteCount) bytes refused")
      }
      unsafe madvise(mapped, byteCount, MADV_HUGEPAGE)
      unsafe address = mapped
    } else {
      let size = max(64, (byteCount + 63) / 64 * 64)
      guard let block = unsafe aligned_alloc(64, size) else {
        fatalError("out of memory: \(byteCount) bytes refused")
      }
      unsafe memset(block, 0, size)
      unsafe address = block
    }
  }

  deinit {
    if isMapped {
      unsafe munmap(address, byteCount)
    } else {
      unsafe free(address)
    }
  }
}
