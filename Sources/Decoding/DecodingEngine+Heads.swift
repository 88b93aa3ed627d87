import Models
import Tensors

/// A sequence whose rows go to the heads in this step.
struct FeedEntry {
  let sequence: SequenceState
  /// Whether its rows are worked off now even if it does not draft: those of a prompt, and the last ones of a reply whose
  /// conversation goes on.
  let mustRun: Bool
}

// The passes of the MTP heads: which rows each head gets, from which hidden rows.
extension DecodingEngine {
  /// Empties the lists of rows of a pass.
  func beginRows() {
    draftRows.removeAll()
    draftSources.removeAll()
    draftQueries.removeAll()
    draftOutputs.removeAll()
  }

  /// Begins a pass of another head.
  func beginPass() {
    beginRows()
    drafting.removeAll(keepingCapacity: true)
  }

  /// Lists what a head has to do for a sequence: the rows of true tokens that it is owed, then, while drafting, rows of the
  /// drafts made so far. While the sequence does not draft, the hidden rows are stashed until there are many.
  func feed(_ entry: FeedEntry, to head: Int) {
    let sequence = entry.sequence
    if head > 0, sequence.isHeadDrafting, sequence.depthLimit <= head || !sequence.wantsDeeper {
      sequence.isHeadDrafting = false
    }
    let begin = sequence.heads.filled[head]
    let available = head == 0 ? sequence.cachedCount : sequence.heads.filled[head - 1]
    let known = sequence.tokens.count - 1
    let trueEnd = max(begin, min(available, known - head))
    // Rows of a prompt are worked off at once, so that what waits in the ring is never further apart than it is long.
    let isFull = HeadProgress.isFull(available - begin, ringRows: ringRows)
    let runs = sequence.isHeadDrafting || entry.mustRun || isFull
    stash(sequence, for: head, (runs ? trueEnd : begin)..<available)
    let end = !runs ? begin : sequence.isHeadDrafting ? known : trueEnd
    let firstQuery = draftQueries.count
    let feedsNext = head + 1 < sequence.heads.count
    for position in begin..<end {
      if feedsNext { draftQueries.append(Int32(truncatingIfNeeded: draftRows.count)) }
      draftSources.append(Int32(truncatingIfNeeded: sourceRow(sequence, head: head, position: position)))
      let following = position + head + 1
      let token =
        following <= known ? sequence.tokens[following] : sequence.drafts[following - known - 1]
      draftRows.append(token: token, position: position, slot: sequence.slot)
    }
    if sequence.isHeadDrafting {
      if !feedsNext { draftQueries.append(Int32(truncatingIfNeeded: draftRows.count - 1)) }
      draftOutputs.append(Int32(truncatingIfNeeded: draftQueries.count - 1))
      drafting.append(sequence)
    }
    sequence.heads.filled[head] = runs ? trueEnd : begin
    sequence.heads.fresh = HeadProgress.FreshRows(positions: begin..<end, row: firstQuery)
  }

  /// Where the hidden row of a position stands that a head needs: among those that the pass before has just made, or in the
  /// stash.
  private func sourceRow(_ sequence: SequenceState, head: Int, position: Int) -> Int {
    let fresh = sequence.heads.fresh
    return fresh.positions.contains(position)
      ? fresh.row + position - fresh.positions.lowerBound
      : workspace.stashedRow(at: stashPlace(sequence, head: head, position: position))
  }

  /// Keeps hidden rows that a head is still owed; those made in earlier steps are kept already.
  private func stash(_ sequence: SequenceState, for head: Int, _ positions: Range<Int>) {
    let fresh = sequence.heads.fresh
    for position in positions.clamped(to: fresh.positions) {
      workspace.stashHidden(
        head == 0 ? .mainModel : .previousDraft, row: fresh.row + position - fresh.positions.lowerBound,
        at: stashPlace(sequence, head: head, position: position))
    }
  }

  /// The place of a position in the ring of a sequence and head; the main model's rows and those of the heads have stashes
  /// of their own.
  private func stashPlace(_ sequence: SequenceState, head: Int, position: Int) -> Int {
    let ring = max(0, head - 1) * configuration.slotCount + sequence.slot
    return ring * ringRows + position % ringRows
  }

  /// Runs a head on the rows that were listed.
  func runHead(_ head: Int, source: DecoderModel.DraftSource) {
    guard draftRows.count > 0 else { return }
    var asksConfidence = false
    for (row, sequence) in drafting.enumerated() {
      if sequence.request.speculation == .automatic { asksConfidence = true }
      let position = sequence.tokens.count + sequence.drafts.count
      if let draw = Sampler.rowDraw(sequence.request.sampling, position: position) {
        workspace.draftPeaks.ask(draw, row: row)
      }
    }
    let elapsed = measured {
      model.draft(
        head: head, draftRows, source: source, sourceIndex: draftSources, queries: draftQueries,
        outputs: draftOutputs, isDraft: true, withConfidence: asksConfidence, cache: cache,
        workspace: workspace, pool: pool,
        kernels: configuration.kernels)
    }
    // A pass that works off rows that have waited says nothing of what drafting costs.
    let usualRows = drafting.count * (1 + Speculation.depths.upperBound)
    if drafting.count > 0, draftRows.count <= usualRows {
      controller.recordHead(rows: drafting.count, nanoseconds: elapsed)
    }
  }
}
