// Which sequence has which cache slot, and what of a slot's content a sequence can take over.
extension DecodingEngine {
  /// Gives waiting requests a slot, as long as there are any.
  func admit() {
    while !waiting.isEmpty, hasSlot, let sequence = waiting.popFirst() {
      let prefix = takeRetained(for: sequence)
      guard let slot = prefix?.slot ?? freeSlots.popLast() ?? takeOldestRetained() else { return }
      sequence.admit(slot: slot, utilities: draftUtilities, prefix: prefix)
      if sequence.request.speculation == .automatic, live.isEmpty {
        calibrate(slot: slot, from: sequence.cachedCount, text: sequence.tokens)
      }
      live.append(sequence)
    }
  }

  /// Whether a request can start: a slot that only remembers a conversation gives way.
  private var hasSlot: Bool { !freeSlots.isEmpty || !retained.isEmpty }

  /// What the last request of the sequence's conversation left behind.
  private func takeRetained(for sequence: SequenceState) -> RetainedPrefix? {
    guard let conversation = sequence.request.conversation,
      let place = retained.firstIndex(where: { $0.conversation == conversation })
    else { return nil }
    return retained.remove(at: place)
  }

  /// The slot of the conversation that has rested longest, which forgets it.
  private func takeOldestRetained() -> Int? { retained.isEmpty ? nil : retained.removeFirst().slot }

  /// Frees the slot of a finished sequence, or keeps it for the rest of its conversation.
  func vacate(_ sequence: SequenceState) {
    guard let conversation = sequence.request.conversation else {
      freeSlots.append(sequence.slot)
      return
    }
    release(conversation)
    retained.append(RetainedPrefix(sequence, conversation: conversation))
  }

  /// Forgets what finished requests of a conversation left in the cache. Without this the slot is taken when a new request
  /// needs it, the one that has rested longest first; forgetting only ever costs time.
  public func release(_ conversation: ConversationHandle) {
    guard let place = retained.firstIndex(where: { $0.conversation == conversation }) else { return }
    freeSlots.append(retained.remove(at: place).slot)
  }
}
