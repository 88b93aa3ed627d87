import Decoding
import Synchronization

/// The engine of a session and the loop that steps it.
final class SessionDecoder: @unchecked Sendable {
  // Sendable: the engine is made and used by jobs of the session's thread alone, which run one after the other.

  private let model: LanguageModel
  private let context: Int
  private let conversation = ConversationHandle()
  private var engine: DecodingEngine?
  /// Steps take from microseconds to seconds; their progress is told at most this often.
  private static let progressInterval = Duration.milliseconds(20)

  init(model: LanguageModel, context: Int) {
    self.model = model
    self.context = context
  }

  /// Makes one reply. Runs on the session's thread.
  ///
  /// - Parameter yield: Receives text as it becomes certain.
  func reply(
    to turns: [TranscriptEntry], thinking: ThinkingMode?, options: ReplyOptions, control: ReplyControl,
    yield: (ReplyPiece) -> Void
  ) throws(SessionError) -> Reply {
    var request = try model.makeRequest(
      turns.map { $0.message(model.thinkingProfile) }, thinking: thinking, options: options, context: context)
    request.conversation = conversation
    let engine = self.engine ?? model.makeEngine(context: context)
    self.engine = engine
    let identifier: Int
    do { identifier = try engine.submit(request) } catch { throw .request(error) }
    var text: ReplyText?
    var told: ContinuousClock.Instant?
    while true {
      if control.isCancelled { engine.cancel(identifier) }
      if control.takeThinkingEnd() { engine.endThinking(identifier) }
      let results = engine.step { _, token, _ in
        // The first token settles which prompt is answered, and so whether the reply begins in its thoughts.
        if text == nil { text = self.text(after: engine.promptTokens(of: identifier) ?? [], options) }
        if let piece = text?.append(token) { yield(ReplyPiece(piece)) }
        return text?.isStopped == false
      }
      let now = ContinuousClock.now
      if told.map({ now - $0 > Self.progressInterval }) ?? true {
        told = now
        let progress = engine.progress(identifier)
        control.progress.withLock { $0 = progress }
      }
      guard let result = results.first else { continue }
      var whole = text ?? self.text(after: result.promptTokens, options)
      if let rest = whole.finish() { yield(ReplyPiece(rest)) }
      return Reply(
        answer: whole.answerText, thoughts: whole.hasThoughts ? whole.thinkingText : nil, result: result)
    }
  }

  private func text(after prompt: [Int32], _ options: ReplyOptions) -> ReplyText {
    ReplyText(model, after: prompt, stopStrings: options.stopStrings)
  }
}

extension ReplyPiece {
  init(_ piece: ReplyText.Piece) {
    self = piece.phase == .thinking ? .thought(piece.text) : .answer(piece.text)
  }
}
