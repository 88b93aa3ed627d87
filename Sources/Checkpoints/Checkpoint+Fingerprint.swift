import Tensors

/// A digest that tells checkpoints apart (FNV-1a, 64 bits, twice with different starts).
public struct Fingerprint: Sendable, Equatable {
  private var first: UInt64 = 0xCBF2_9CE4_8422_2325
  private var second: UInt64 = 0x6C62_272E_07BB_0142

  /// An empty digest.
  public init() {}

  /// A digest read from a file.
  public init(first: UInt64, second: UInt64) {
    self.first = first
    self.second = second
  }

  /// The digest's two halves.
  public var words: [UInt64] { [first, second] }

  /// Takes bytes in.
  public mutating func add(_ bytes: some Sequence<UInt8>) {
    for byte in bytes {
      first = (first ^ UInt64(byte)) &* 0x100_0000_01B3
      second = (second ^ UInt64(byte)) &* 0x100_0000_01B3 &+ 1
    }
  }

  /// Takes a number in.
  public mutating func add(_ number: Int) {
    add((0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) })
  }

  /// 32 hexadecimal digits.
  public var hexadecimal: String {
    words.map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}

extension Checkpoint {
  /// A digest of what the checkpoint holds: of every file its name, size, time of modification, head (where the tensors
  /// are listed) and samples of its contents; and config.json. Reads a few megabytes, however large the checkpoint.
  public func fingerprint() -> Fingerprint {
    var fingerprint = Fingerprint()
    let (head, sample, sampleCount) = (1 << 16, 1 << 10, 64)
    for file in mappedFiles {
      fingerprint.add(file.path.utf8.reversed().prefix { $0 != UInt8(ascii: "/") })
      fingerprint.add(file.byteCount)
      fingerprint.add(file.modificationTime)
      let spread = max(0, file.byteCount - head - sample) / sampleCount
      let starts = (0..<sampleCount).map { head + spread * $0 } + [max(0, file.byteCount - sample)]
      for range in [0..<head] + starts.map({ $0..<$0 + sample }) {
        let part = range.clamped(to: 0..<file.byteCount)
        unsafe file.withBytes(part) { bytes in unsafe fingerprint.add(bytes) }
      }
    }
    return fingerprint
  }
}
