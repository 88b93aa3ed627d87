import CKernels

// Attention goes through the positions in spans at fixed places, whose results are joined in ascending order: threads can
// share the positions of a sequence, and no bit of the result says whether they did.
extension KernelSet {
  /// Positions of a span.
  public static var attentionSpan: Int { Int(FS_ATTENTION_SPAN) }

  /// Floats of what a span leaves of a row and head with values of this width.
  public static func spanRecordCount(width: Int) -> Int { Int(fs_span_record_size(width)) }

  /// The result of one row and head from the records of `spans`, those that it sees, of its `spanCount` places.
  ///
  /// - Parameters:
  ///   - records: [ordinals, heads · spans · record], as the attention to a span leaves them.
  ///   - output: row `ordinal`, from column `head` · width on.
  ///   - scratch: a row with room for a record, one for each thread.
  public func joinSpans(
    _ records: FloatRows, ordinal: Int, head: Int, spans: Range<Int>, spanCount: Int, width: Int,
    output: FloatRows, scratch: FloatRows, scratchRow: Int
  ) {
    let record = Self.spanRecordCount(width: width)
    let source = unsafe records.row(ordinal)
    let target = unsafe output.row(ordinal)
    let room = unsafe scratch.row(scratchRow)
    precondition(
      spans.lowerBound >= 0 && !spans.isEmpty && spans.upperBound <= spanCount && head >= 0,
      "spans out of range")
    precondition(source.count >= (head + 1) * spanCount * record, "no such records")
    precondition(target.count >= (head + 1) * width && room.count >= record, "no room for the result")
    guard let from = source.baseAddress, let to = target.baseAddress, let scratch = room.baseAddress else {
      return
    }
    unsafe fs_join_spans(
      table, from + (head * spanCount + spans.lowerBound) * record, spans.count, width, scratch,
      to + head * width)
  }
}
