public import Tensors

/// The output head that drafts are read from. The model's own tokens always come from the full head, so no token of a text
/// depends on the choice.
public enum DraftHeadFormat: String, Sendable, CaseIterable {
  /// An 8-bit copy where the weights are wider and the copy measures faster here, else the full head.
  case automatic = "auto"
  /// The model's own head.
  case full
  /// An 8-bit copy of it.
  case int8
}

extension DecoderModel {
  /// The output head that drafts are read from.
  public var draftHeadFormat: DraftHeadFormat { draftHead == nil ? .full : .int8 }

  /// Whether an 8-bit copy of the output head is narrower than the head, and there are MTP heads to use it.
  public var canNarrowDraftHead: Bool {
    mtpHeadCount > 0 && (outputHead.format == .f32 || outputHead.format == .bf16)
  }

  /// The same model with drafts read from a head of the given format. A format other than `full` needs
  /// `canNarrowDraftHead`; where that is false the model is returned as it is.
  ///
  /// - Parameters:
  ///   - threadCount: Workers that the choice is measured with.
  ///   - kernels: Instruction set that it is measured with.
  public func drafting(with format: DraftHeadFormat, threadCount: Int, kernels: KernelSet) -> DecoderModel {
    guard format != .full, canNarrowDraftHead else { return self }
    let hidden = outputHead.inputs
    let pool = WorkerPool(threadCount: threadCount, bindsThreads: false)
    let copy = unsafe PackedMatrix(
      outputs: outputHead.outputs, inputs: hidden, format: .int8, pool: pool
    ) { rows, buffer in
      let row = FloatMatrix(rows: 1, columns: hidden)
      withExtendedLifetime(row) {
        for (place, output) in rows.enumerated() {
          outputHead.copyDequantizedRow(output, to: row.view, row: 0)
          for column in 0..<hidden { unsafe buffer[place * hidden + column] = row[0, column] }
        }
      }
    }
    if format == .automatic, !Self.pays(copy, insteadOf: outputHead, pool, kernels) { return self }
    return DecoderModel(self, draftHead: copy, cacheFormat: cacheFormat)
  }

  /// Whether a product of one row with the copy takes less than nine tenths of the time. The two take turns; the least
  /// time of each counts, since whatever else runs on the machine only ever adds time.
  private static func pays(
    _ copy: PackedMatrix, insteadOf head: PackedMatrix, _ pool: WorkerPool, _ kernels: KernelSet
  ) -> Bool {
    let input = FloatMatrix(rows: 1, columns: head.inputs)
    for column in 0..<head.inputs { input[0, column] = Float(column % 13) / 13 - 0.5 }
    let output = FloatMatrix(rows: 1, columns: head.outputs)
    let scratch = (0..<pool.threadCount).map { _ in KernelScratch(inputs: head.inputs, rowCount: 32) }
    let clock = ContinuousClock()
    func time(_ matrix: PackedMatrix) -> Duration {
      clock.measure {
        pool.run { worker in
          kernels.using(scratch[worker.index]).multiply(
            matrix.view, panels: worker.share(of: matrix.panelCount), input: input.view, output: output.view,
            rowCount: 1)
        }
      }
    }
    var least = (full: time(head), copy: time(copy))
    let end = clock.now + .milliseconds(20)
    for _ in 0..<64 {
      least.full = min(least.full, time(head))
      least.copy = min(least.copy, time(copy))
      if clock.now > end { break }
    }
    return least.copy < least.full * 0.9
  }
}
