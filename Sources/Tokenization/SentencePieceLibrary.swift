private import CSentencePiece

/// One opened processor of libsentencepiece.
///
/// `@unchecked Sendable` because the pointer is constant and the library's processor is not changed by encoding.
@safe final class SentencePieceLibrary: @unchecked Sendable {
  private let processor: OpaquePointer

  let vocabularySize: Int
  let beginningOfSequence: TokenID?
  let endOfSequence: TokenID?
  let unknown: TokenID?
  let padding: TokenID?

  /// Opens a serialized model.
  init(_ serialized: [UInt8], file: String) throws(TokenizerError) {
    var opened: OpaquePointer?
    let status = unsafe serialized.withUnsafeBufferPointer { bytes in
      unsafe csp_open(bytes.baseAddress, bytes.count, &opened)
    }
    guard status.code == 0, let pointer = unsafe opened else {
      throw .malformed(file: file, reason: "not a SentencePiece model: \(Self.message(of: status))")
    }
    unsafe processor = pointer
    unsafe vocabularySize = Int(csp_vocabulary_size(pointer))
    func present(_ id: Int32) -> TokenID? { id < 0 ? nil : id }
    unsafe beginningOfSequence = present(csp_beginning_of_sequence(pointer))
    unsafe endOfSequence = present(csp_end_of_sequence(pointer))
    unsafe unknown = present(csp_unknown(pointer))
    unsafe padding = present(csp_padding(pointer))
  }

  deinit { unsafe csp_close(processor) }

  /// The ids of `text`, or nil where the library refuses it (which a consistent model never does).
  func encode(_ text: String) -> [TokenID]? {
    var text = text
    return text.withUTF8 { (utf8: UnsafeBufferPointer<UInt8>) -> [TokenID]? in
      unsafe utf8.withMemoryRebound(to: CChar.self) { characters -> [TokenID]? in
        var ids: UnsafeMutablePointer<Int32>?
        var count = 0
        // An empty string has no address, and the library wants one.
        let empty: CChar = 0
        let status = unsafe withUnsafePointer(to: empty) { fallback in
          unsafe csp_encode(processor, characters.baseAddress ?? fallback, characters.count, &ids, &count)
        }
        defer { unsafe csp_free(ids) }
        guard status.code == 0, let ids = unsafe ids else { return nil }
        return unsafe Array(UnsafeBufferPointer(start: ids, count: count))
      }
    }
  }

  /// The library's own decoding, in which control pieces are invisible; nil for an id out of range.
  func decode(_ tokens: [TokenID]) -> String? {
    var text: UnsafeMutablePointer<CChar>?
    var count = 0
    let status = unsafe tokens.withUnsafeBufferPointer { ids in
      unsafe csp_decode(processor, ids.baseAddress, ids.count, &text, &count)
    }
    defer { unsafe csp_free(text) }
    guard status.code == 0, let text = unsafe text else { return nil }
    return unsafe UnsafeBufferPointer(start: text, count: count).withMemoryRebound(to: UInt8.self) { bytes in
      unsafe String(decoding: bytes, as: UTF8.self)
    }
  }

  private static func message(of status: csp_status) -> String {
    unsafe withUnsafeBytes(of: status.message) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
