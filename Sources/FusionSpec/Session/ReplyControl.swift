import Decoding
import Synchronization

/// How others reach a reply in progress: they leave word, and the decoding thread looks between two steps.
final class ReplyControl: Sendable {
  private let cancelled = Atomic(false)
  private let thinkingEnd = Atomic(false)
  /// How far the reply has come, as the decoding thread said last.
  let progress = Mutex<GenerationProgress?>(nil)

  /// Asks for the end of the reply.
  func cancel() { cancelled.store(true, ordering: .relaxed) }

  /// Whether the end of the reply has been asked for.
  var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

  /// Asks for the end of the thoughts.
  func endThinking() { thinkingEnd.store(true, ordering: .relaxed) }

  /// Whether the end of the thoughts has been asked for since the last look.
  func takeThinkingEnd() -> Bool { thinkingEnd.exchange(false, ordering: .relaxed) }
}
