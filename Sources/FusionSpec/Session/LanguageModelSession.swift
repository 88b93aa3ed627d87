public import Decoding
import Models
import Synchronization

/// A conversation with a model.
///
///     let session = LanguageModelSession(model: model, instructions: "Answer briefly.")
///     for try await piece in session.streamReply(to: "What is 347 * 28?", thinking: .slow) {
///       if case .answer(let text) = piece { print(text, terminator: "") }
///     }
///     print(try await session.reply(to: "And 12 + 7?", thinking: .fast).answer)
///
/// The thinking mode may change with every turn. Each turn renders the whole conversation with the model's chat template,
/// which drops earlier thoughts where the model was trained that way, and computes only what follows the longest prefix
/// that its cache holds already; the text is the same as without a cache.
///
/// A session can be used from any task. It decodes on a thread of its own, so it never holds up the threads of Swift
/// concurrency; what others ask of a reply in progress (`cancel`, `endThinking`) is noticed between two steps. Each session
/// has its own cache, whose memory grows with the conversation up to the context.
public final class LanguageModelSession: Sendable {
  /// The model.
  public let model: LanguageModel
  /// Positions that the conversation may have.
  public let context: Int
  private let core: Core
  private let thread: DecodingThread

  /// Begins a conversation.
  ///
  /// - Parameters:
  ///   - model: The model; any number of sessions may share it.
  ///   - instructions: What the model is told first, as a system message.
  ///   - transcript: Earlier turns to go on from.
  ///   - context: Most positions of the conversation; nil for the model's whole context.
  public init(
    model: LanguageModel, instructions: String? = nil, transcript: [TranscriptEntry] = [], context: Int? = nil
  ) {
    self.model = model
    self.context = max(2, min(context ?? model.context, model.context))
    let first = instructions.map { [TranscriptEntry(role: .system, text: $0)] } ?? []
    core = Core(
      decoder: SessionDecoder(model: model, context: self.context), instructions: first,
      transcript: first + transcript)
    thread = DecodingThread(name: "fusionspec session")
  }

  /// The conversation so far, instructions first. A turn is added when its reply ends; one that ended before any of the
  /// answer was written, by cancelling or by a limit, leaves nothing behind.
  public var transcript: [TranscriptEntry] { core.state.withLock { $0.transcript } }

  /// Whether a reply is being made.
  public var isReplying: Bool { core.state.withLock { $0.active != nil } }

  /// How far the reply in progress has come, a few times a second; nil before its first steps and between replies.
  public var progress: GenerationProgress? {
    core.state.withLock { $0.active }?.progress.withLock { $0 }
  }

  /// Writes a reply.
  ///
  /// The reply begins at once. It stops when the loop over the stream is left, when the task that runs the loop is cancelled,
  /// and by `cancel`; what was said by then stays in the transcript. While a reply is being made, another is refused with
  /// `SessionError.busy`.
  ///
  /// - Parameters:
  ///   - text: What the user says.
  ///   - thinking: How to think about it; nil for the model's own way.
  ///   - options: Limits, sampling, speculation.
  public func streamReply(
    to text: String, thinking: ThinkingMode? = nil, options: ReplyOptions = ReplyOptions()
  ) -> ReplyStream {
    let (pieces, continuation) = ReplyStream.Pieces.makeStream()
    let control = ReplyControl()
    guard let epoch = core.begin(control) else {
      continuation.yield(.failure(.busy))
      continuation.finish()
      return ReplyStream(pieces: pieces)
    }
    continuation.onTermination = { _ in control.cancel() }
    thread.run { [core] in
      let outcome = core.reply(to: text, thinking: thinking, options: options, control: control, epoch: epoch)
      {
        continuation.yield(.success($0))
      }
      continuation.yield(outcome.map { .finished($0) })
      continuation.finish()
    }
    return ReplyStream(pieces: pieces)
  }

  /// Makes a whole reply. See `streamReply` for the parameters.
  public func reply(
    to text: String, thinking: ThinkingMode? = nil, options: ReplyOptions = ReplyOptions()
  ) async throws(SessionError) -> Reply {
    try await streamReply(to: text, thinking: thinking, options: options).collect()
  }

  /// Finds out whether the model can reply with a mode and options, without replying.
  public func check(
    thinking: ThinkingMode? = nil, options: ReplyOptions = ReplyOptions()
  ) throws(SessionError) {
    let turns = core.instructions + [TranscriptEntry(role: .user, text: "?")]
    let request = try model.makeRequest(
      turns.map { $0.message(nil) }, thinking: thinking, options: options, context: context)
    do {
      try request.validate(
        vocabularySize: model.decoder.description.vocabularySize, context: context,
        mtpHeadCount: model.decoder.mtpHeadCount)
    } catch {
      throw .request(error)
    }
  }

  /// Ends the thoughts of the reply in progress; its answer begins with the next step.
  public func endThinking() { core.state.withLock { $0.active }?.endThinking() }

  /// Stops the reply in progress, if any.
  public func cancel() { core.state.withLock { $0.active }?.cancel() }

  /// Stops the reply in progress, if any, and forgets everything but the instructions.
  public func reset() { core.reset() }
}

/// What a session's callers and its thread share.
private final class Core: Sendable {
  struct State {
    var transcript: [TranscriptEntry]
    /// The reply in progress.
    var active: ReplyControl?
    /// Counts resets, so that a reply begun before one leaves nothing behind.
    var epoch = 0
  }

  let state: Mutex<State>
  private let decoder: SessionDecoder
  let instructions: [TranscriptEntry]

  init(decoder: SessionDecoder, instructions: [TranscriptEntry], transcript: [TranscriptEntry]) {
    self.decoder = decoder
    self.instructions = instructions
    state = Mutex(State(transcript: transcript))
  }

  /// Registers a reply; nil while there is another that nobody has stopped.
  func begin(_ control: ReplyControl) -> Int? {
    state.withLock { state in
      if let active = state.active, !active.isCancelled { return nil }
      state.active = control
      return state.epoch
    }
  }

  func reset() {
    state.withLock { state in
      state.active?.cancel()
      state.transcript = instructions
      state.epoch += 1
    }
  }

  /// Makes a reply and adds the turn to the transcript. Runs on the session's thread.
  func reply(
    to text: String, thinking: ThinkingMode?, options: ReplyOptions, control: ReplyControl, epoch: Int,
    yield: (ReplyPiece) -> Void
  ) -> Result<Reply, SessionError> {
    let question = TranscriptEntry(role: .user, text: text)
    let turns = state.withLock { $0.transcript } + [question]
    let outcome = Result { () throws(SessionError) in
      try decoder.reply(to: turns, thinking: thinking, options: options, control: control, yield: yield)
    }
    state.withLock { state in
      if case .success(let reply) = outcome, epoch == state.epoch, !reply.answer.isEmpty {
        state.transcript += [
          question, TranscriptEntry(role: .assistant, text: reply.answer, thoughts: reply.thoughts),
        ]
      }
      if state.active === control { state.active = nil }
    }
    return outcome
  }
}
