import Synchronization

/// A variant of a SentencePiece model that is opened when it is first needed.
final class LazyLibrary: Sendable {
  private let serialized: [UInt8]
  private let opened = Mutex<SentencePieceLibrary?>(nil)
  private let fallback: SentencePieceLibrary

  /// - Parameters:
  ///   - serialized: The variant's model.
  ///   - fallback: What stands in if the library refuses the variant, which it has no reason to: the variants differ
  ///     from a model that it has taken in settings alone.
  init(_ serialized: [UInt8], fallback: SentencePieceLibrary) {
    self.serialized = serialized
    self.fallback = fallback
  }

  var library: SentencePieceLibrary {
    opened.withLock { opened in
      if let opened { return opened }
      let library = (try? SentencePieceLibrary(serialized, file: "")) ?? fallback
      opened = library
      return library
    }
  }
}
