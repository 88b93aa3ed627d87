public import Decoding

/// A part of a reply, as it becomes certain.
public enum ReplyPiece: Sendable {
  /// Text of the thoughts.
  case thought(String)
  /// Text of the answer.
  case answer(String)
  /// The end of the reply, always the last piece: everything that was said, and what it took.
  case finished(Reply)
}

/// A whole reply.
public struct Reply: Sendable {
  /// The answer, without thoughts and special tokens.
  public let answer: String
  /// What stood between the thinking markers; nil where there were none.
  public let thoughts: String?
  /// Tokens, counts and times. `finishReason` is `cancelled` for a reply that was stopped.
  public let result: GenerationResult

  /// The conversation as the model saw it.
  public var promptTokens: [Int32] { result.promptTokens }
}

/// A reply as it is written. Leaving the loop over it, or cancelling the task that runs the loop, stops the reply.
///
/// A reply stopped by `LanguageModelSession.cancel` still ends with `ReplyPiece.finished`; one whose loop's task was
/// cancelled ends without.
public struct ReplyStream: AsyncSequence, Sendable {
  /// What the stream is made of.
  public typealias Element = ReplyPiece
  /// What it fails with.
  public typealias Failure = SessionError

  typealias Pieces = AsyncStream<Result<ReplyPiece, SessionError>>
  let pieces: Pieces

  /// Goes through the pieces.
  public struct AsyncIterator: AsyncIteratorProtocol {
    /// What the stream is made of.
    public typealias Element = ReplyPiece
    /// What it fails with.
    public typealias Failure = SessionError

    var pieces: Pieces.AsyncIterator

    /// Waits for the next piece; nil after the last.
    public mutating func next() async throws(SessionError) -> ReplyPiece? {
      try await pieces.next(isolation: #isolation)?.get()
    }

    /// Waits for the next piece without leaving the caller's actor; nil after the last.
    public mutating func next(isolation actor: isolated (any Actor)?) async throws(SessionError)
      -> ReplyPiece?
    {
      try await pieces.next(isolation: actor)?.get()
    }
  }

  /// Begins to go through the pieces. They can be gone through once.
  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(pieces: pieces.makeAsyncIterator()) }

  /// Waits for the whole reply.
  ///
  /// - Throws: `SessionError.cancelled` where the waiting task is cancelled, which stops the reply.
  public func collect() async throws(SessionError) -> Reply {
    for try await piece in self {
      if case .finished(let reply) = piece { return reply }
    }
    throw .cancelled
  }
}
