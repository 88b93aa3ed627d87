import Checkpoints
import Tensors

/// The layout of a file of packed matrices.
///
/// A header of 4096 bytes, the matrices each on a boundary of 4096 bytes, the index. The header is written last, so a file
/// without it is not complete. All numbers are 64 bits, little-endian.
///
///     header   magic, version, offset of the index, its size, fingerprint (2), digest of the index (2)
///     index    for each matrix: size of its key, key, format, flags, outputs, inputs, offset
///     flags    1 for a gated pair, plus 2 for compact weights
enum PackedFile {
  static let magic = Array("FSPACKED".utf8)
  /// Raised whenever the panels of any format change.
  static let version = 3
  static let alignment = 4096

  /// One matrix of the index.
  struct Entry: Equatable {
    var format: WeightFormat
    var isGatedPair: Bool
    var isCompact: Bool
    var outputs: Int
    var inputs: Int
    var offset: Int
  }

  /// A name for the file of a checkpoint that is held as the options say.
  static func name(_ model: String, _ options: LoadOptions, _ fingerprint: Fingerprint) -> String {
    let format =
      options.format.rawValue + (options.compactFormats.contains(options.format) ? "-compact" : "")
    let plain = model.map { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) ? $0 : "_" }
    return "\(String(plain.prefix(80)))-\(format)-\(fingerprint.hexadecimal.prefix(16)).fspacked"
  }

  static func header(_ fingerprint: Fingerprint, index: [UInt8], offset: Int) -> [UInt8] {
    var digest = Fingerprint()
    digest.add(index)
    var bytes = magic
    for number in [version, offset, index.count] { append(number, to: &bytes) }
    for word in fingerprint.words + digest.words { append(Int(truncatingIfNeeded: word), to: &bytes) }
    return bytes
  }

  static func encode(_ entries: [(key: String, entry: Entry)]) -> [UInt8] {
    var bytes: [UInt8] = []
    for (key, entry) in entries {
      append(key.utf8.count, to: &bytes)
      bytes += key.utf8
      let format = WeightFormat.allCases.firstIndex(of: entry.format) ?? 0
      let flags = (entry.isGatedPair ? 1 : 0) + (entry.isCompact ? 2 : 0)
      for number in [format, flags, entry.outputs, entry.inputs, entry.offset] {
        append(number, to: &bytes)
      }
    }
    return bytes
  }

  /// The index of a complete file of this version and fingerprint; nil for any other.
  static func index(of file: MappedFile, _ fingerprint: Fingerprint) -> [String: Entry]? {
    guard file.byteCount >= alignment else { return nil }
    let head = unsafe file.withBytes(0..<alignment) { bytes in unsafe Array(bytes) }
    var reader = Reader(bytes: head, place: magic.count)
    guard head.starts(with: magic), reader.number() == version, let offset = reader.number(),
      let size = reader.number(), reader.fingerprint() == fingerprint, let digest = reader.fingerprint(),
      offset >= alignment, size >= 0, offset <= file.byteCount, size <= file.byteCount - offset
    else { return nil }
    let index = unsafe file.withBytes(offset..<offset + size) { bytes in unsafe Array(bytes) }
    var found = Fingerprint()
    found.add(index)
    return found == digest ? decode(index) : nil
  }

  private static func decode(_ bytes: [UInt8]) -> [String: Entry]? {
    var entries: [String: Entry] = [:]
    var reader = Reader(bytes: bytes, place: 0)
    while reader.place < bytes.count {
      guard let size = reader.number(), let key = reader.text(size), let format = reader.number(),
        WeightFormat.allCases.indices.contains(format), let flags = reader.number(), (0...3).contains(flags),
        let outputs = reader.number(), let inputs = reader.number(), let offset = reader.number(),
        (0...1 << 32).contains(outputs), (0...1 << 32).contains(inputs), offset >= 0,
        flags & 2 == 0 || WeightFormat.allCases[format].hasCompactForm
      else { return nil }
      entries[key] = Entry(
        format: WeightFormat.allCases[format], isGatedPair: flags & 1 == 1, isCompact: flags & 2 == 2,
        outputs: outputs, inputs: inputs, offset: offset)
    }
    return entries
  }

  private static func append(_ number: Int, to bytes: inout [UInt8]) {
    for byte in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * byte))) }
  }

  private struct Reader {
    let bytes: [UInt8]
    var place: Int

    mutating func number() -> Int? {
      guard place <= bytes.count - 8 else { return nil }
      defer { place += 8 }
      return (0..<8).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
    }

    mutating func text(_ size: Int) -> String? {
      guard size >= 0, size <= bytes.count - place else { return nil }
      defer { place += size }
      return String(validating: bytes[place..<place + size], as: UTF8.self)
    }

    mutating func fingerprint() -> Fingerprint? {
      guard let first = number(), let second = number() else { return nil }
      return Fingerprint(first: UInt64(truncatingIfNeeded: first), second: UInt64(truncatingIfNeeded: second))
    }
  }
}
