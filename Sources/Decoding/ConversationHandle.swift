import Synchronization

/// Names a conversation, so that its requests can go on from each other's keys and values.
///
/// A request that carries a handle leaves what it computed in its cache slot when it ends, and the next request with the
/// same handle recomputes only what follows their longest common prefix. The text is the same as without a handle.
public struct ConversationHandle: Sendable, Hashable {
  private let number: Int
  private static let count = Atomic<Int>(0)

  /// Makes a handle unlike every other of this process.
  public init() { number = Self.count.add(1, ordering: .relaxed).newValue }
}

/// What a finished request left in its cache slot.
struct RetainedPrefix {
  let conversation: ConversationHandle
  let slot: Int
  /// Prompt and reply.
  let tokens: [Int32]
  /// Positions whose keys and values are in the main model's cache.
  let cachedCount: Int
  /// Positions whose keys and values are in the caches of all MTP heads.
  let headCachedCount: Int

  init(_ sequence: SequenceState, conversation: ConversationHandle) {
    self.conversation = conversation
    slot = sequence.slot
    tokens = sequence.tokens
    cachedCount = sequence.cachedCount
    headCachedCount = sequence.heads.filled.min() ?? 0
  }

  /// Positions that a sequence beginning with `prompt` can take over as they are.
  ///
  /// Position p of the main cache depends on tokens 0...p. Position p of the cache of head k (from 0) depends on token
  /// p + k + 1 besides, and is made from a hidden row p; so with heads as many of the last common positions are computed
  /// again, which makes those rows anew. At least one token of the prompt is always left to compute, since its logits begin the reply.
  func reusableCount(for prompt: [Int32], headCount: Int) -> Int {
    let common = zip(tokens, prompt).prefix { $0 == $1 }.count
    let main = min(common, cachedCount, prompt.count - 1)
    return max(0, headCount > 0 ? min(main, headCachedCount, common - headCount) : main)
  }
}
