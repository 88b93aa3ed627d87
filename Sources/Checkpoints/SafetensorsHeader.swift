import Tensors

/// The header of one safetensors file, checked so that every tensor lies whole inside the file.
///
/// The file is a little-endian 64-bit length, a JSON header of that length, and the tensors' bytes without gap or
/// overlap (github.com/huggingface/safetensors, "Format"). Nothing of the file is trusted: the length is checked
/// before the header is read, and sizes are computed with overflow checks.
struct SafetensorsHeader {
  /// The header size the reference implementation allows.
  static let maximumSize = 100_000_000
  /// More dimensions than any tensor has.
  static let maximumRank = 32

  /// The tensors in the order of their bytes.
  let tensors: [TensorDescription]

  private let path: String

  /// Reads and checks the header of a mapped file.
  init(_ file: MappedFile) throws(LoadError) {
    path = file.path
    let size = try Self.headerSize(file)
    let header = unsafe file.withBytes(8..<8 + size) { bytes in unsafe Array(bytes) }
    guard header.first == UInt8(ascii: "{") else {
      throw LoadError(
        .malformed, file: path, place: "byte 8", problem: "the header is not a JSON object",
        accepted: "a header that starts with '{'")
    }
    var reader = JSONReader(header, file: path, baseOffset: 8)
    var parser = Parser(path: path, dataStart: 8 + size, fileSize: file.byteCount)
    tensors = try parser.parse(&reader)
    try Self.requireCoverage(tensors, from: 8 + size, to: file.byteCount, file: path)
  }

  private static func headerSize(_ file: MappedFile) throws(LoadError) -> Int {
    guard file.byteCount >= 8 else {
      throw LoadError(
        .malformed, file: file.path, problem: "too short for a safetensors file",
        found: "\(file.byteCount) bytes", accepted: "at least 8 bytes")
    }
    let start = unsafe file.withBytes(0..<8) { bytes in unsafe Array(bytes) }
    if start == Array("version ".utf8) {
      throw LoadError(
        .malformed, file: file.path, problem: "a Git LFS pointer, not the weights it points to",
        accepted: "the file itself; fetch it with `git lfs pull`")
    }
    let size = start.reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
    guard size <= UInt64(file.byteCount - 8) else {
      throw LoadError(
        .malformed, file: file.path, place: "byte 0",
        problem: "the header is longer than the file: truncated, or not a safetensors file",
        found: "a header of \(size) bytes in a file of \(file.byteCount)")
    }
    guard size <= UInt64(maximumSize) else {
      throw LoadError(
        .malformed, file: file.path, place: "byte 0", problem: "the header is too long",
        found: "\(size) bytes", accepted: "at most \(maximumSize)")
    }
    return Int(size)
  }

  /// The tensors must cover the data exactly: `tensors` is sorted by position.
  private static func requireCoverage(
    _ tensors: [TensorDescription], from start: Int, to end: Int, file: String
  ) throws(LoadError) {
    var position = start
    for tensor in tensors {
      if tensor.bytes.lowerBound != position {
        throw LoadError(
          .malformed, file: file, place: "tensor \(LoadError.quoted(tensor.name))",
          problem: tensor.bytes.lowerBound < position
            ? "its bytes overlap another tensor's" : "unused bytes stand before it",
          found: "data_offsets that start at \(tensor.bytes.lowerBound - start)",
          accepted: "\(position - start)")
      }
      position = tensor.bytes.upperBound
    }
    if position != end {
      throw LoadError(
        .malformed, file: file, problem: "the tensors do not cover the file",
        found: "\(end - position) bytes after the last tensor", accepted: "none")
    }
  }
}

extension SafetensorsHeader {
  /// Turns the header's JSON into descriptions whose sizes and offsets hold.
  private struct Parser {
    let path: String
    let dataStart: Int
    let fileSize: Int

    mutating func parse(_ reader: inout JSONReader) throws(LoadError) -> [TensorDescription] {
      var tensors: [TensorDescription] = []
      var isFirst = true
      try reader.begin("{")
      while let name = try reader.nextKey(&isFirst) {
        if name == "__metadata__" {
          try skipMetadata(&reader)
        } else {
          reader.tensor = name
          tensors.append(try tensor(name, &reader))
          reader.tensor = nil
        }
      }
      try reader.end()
      // Empty tensors may share a position with the one that follows them.
      tensors.sort { ($0.bytes.lowerBound, $0.bytes.upperBound) < ($1.bytes.lowerBound, $1.bytes.upperBound) }
      return tensors
    }

    /// `__metadata__` maps strings to strings; nothing in it is needed.
    private func skipMetadata(_ reader: inout JSONReader) throws(LoadError) {
      var isFirst = true
      try reader.begin("{")
      while try reader.nextKey(&isFirst) != nil { _ = try reader.string() }
    }

    private func tensor(_ name: String, _ reader: inout JSONReader) throws(LoadError) -> TensorDescription {
      var type: String?
      var shape: [Int]?
      var offsets: [Int]?
      var isFirst = true
      try reader.begin("{")
      while let key = try reader.nextKey(&isFirst) {
        switch key {
        case "dtype" where type == nil: type = try reader.string()
        case "shape" where shape == nil: shape = try integers("shape", of: name, &reader)
        case "data_offsets" where offsets == nil: offsets = try integers("data_offsets", of: name, &reader)
        default:
          throw failure(
            name, "has a key that is unknown or repeated", found: LoadError.quoted(key),
            accepted: "dtype, shape and data_offsets, once each")
        }
      }
      guard let type, let shape, let offsets else {
        throw failure(name, "lacks dtype, shape or data_offsets")
      }
      return try describe(name, type, shape, offsets)
    }

    private func integers(
      _ key: String, of name: String, _ reader: inout JSONReader
    ) throws(LoadError) -> [Int] {
      var result: [Int] = []
      var isFirst = true
      try reader.begin("[")
      while try reader.nextElement(&isFirst) {
        let value = try reader.number()
        guard case .integer(let integer) = value, integer >= 0, result.count < SafetensorsHeader.maximumRank
        else {
          throw failure(
            name, "has an unsuitable \(key)", found: value.summary,
            accepted: "at most \(SafetensorsHeader.maximumRank) non-negative integers")
        }
        result.append(integer)
      }
      return result
    }

    private func describe(
      _ name: String, _ typeName: String, _ shape: [Int], _ offsets: [Int]
    ) throws(LoadError) -> TensorDescription {
      guard let type = ElementType(safetensorsName: typeName) else {
        throw LoadError(
          .unsupported, file: path, place: place(name), problem: "has an unknown dtype",
          found: LoadError.quoted(typeName),
          accepted: ElementType.allCases.map(\.rawValue).joined(separator: ", "))
      }
      var size = type.byteWidth
      for dimension in shape {
        let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
        if overflow { throw failure(name, "is larger than memory can be", found: "shape \(shape)") }
        size = product
      }
      guard offsets.count == 2, offsets[0] <= offsets[1], offsets[1] <= fileSize - dataStart else {
        throw failure(
          name, "lies outside the file: truncated, or a wrong header", found: "data_offsets \(offsets)",
          accepted: "[begin, end] with begin <= end <= \(fileSize - dataStart)")
      }
      guard offsets[1] - offsets[0] == size else {
        throw failure(
          name, "has data_offsets that do not fit its shape",
          found: "\(offsets[1] - offsets[0]) bytes for \(typeName) \(shape)", accepted: "\(size) bytes")
      }
      return TensorDescription(
        name: name, elementType: type, shape: shape, file: path,
        bytes: dataStart + offsets[0]..<dataStart + offsets[1])
    }

    private func place(_ name: String) -> String { "tensor \(LoadError.quoted(name))" }

    private func failure(
      _ name: String, _ problem: String, found: String? = nil, accepted: String? = nil
    ) -> LoadError {
      LoadError(
        .malformed, file: path, place: place(name), problem: problem, found: found, accepted: accepted)
    }
  }
}
