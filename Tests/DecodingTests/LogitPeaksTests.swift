import Tensors
import Testing

@testable import Decoding
@testable import Models

/// What workers find out about rows of logits is what one thread would.
struct LogitPeaksTests {
  private static let vocabulary = 16 * 9 + 5

  private func logits(rows: Int) -> FloatMatrix {
    let matrix = FloatMatrix(rows: rows, columns: Self.vocabulary)
    for row in 0..<rows {
      for column in 0..<Self.vocabulary {
        let words = Philox(seed: 3).words(tokenBlock: column, position: row)
        matrix[row, column] = Float(Int(words[0] % 2048) - 1024) / 256
      }
    }
    return matrix
  }

  private func record(_ peaks: LogitPeaks, _ logits: FloatMatrix, threads: Int, drawing: Bool) {
    let pool = WorkerPool(threadCount: threads, bindsThreads: false)
    pool.run { worker in
      peaks.record(
        logits.view, rowCount: logits.rows, panels: worker.share(of: (Self.vocabulary + 15) / 16),
        kernels: .best, worker: worker.index, withSums: false)
      if drawing { peaks.draw(logits.view, rowCount: logits.rows, worker: worker) }
    }
  }

  @Test(arguments: 1...3)
  func `draws of the workers are those of the sampler`(threads: Int) {
    let logits = logits(rows: 5)
    let sampler = Sampler(kernels: .best, vocabularySize: Self.vocabulary)
    let history = TokenHistory(vocabularySize: Self.vocabulary, isUsed: false, capacity: 1)
    let peaks = LogitPeaks(rows: 5, vocabulary: Self.vocabulary, workerCount: threads)
    for trial in 0..<50 {
      var found: [Int32] = []
      var expected: [Int32] = []
      let options = (0..<5).map { row in
        SamplingOptions(
          temperature: 0.5 + 0.25 * Float(row), minP: row == 3 ? 0.2 : 0, seed: UInt64(trial / 2))
      }
      for row in [0, 2, 3, 4] {
        if let draw = Sampler.rowDraw(options[row], position: trial + row) { peaks.ask(draw, row: row) }
      }
      record(peaks, logits, threads: threads, drawing: true)
      for row in 0..<5 {
        found.append(
          sampler.sample(
            logits.view, row: row, peaks: peaks, options: options[row], history: history,
            position: trial + row))
        expected.append(
          sampler.sample(
            logits.view, row: row, options: options[row], history: history, position: trial + row))
      }
      #expect(found == expected)
      peaks.removeDraws()
    }
  }

  @Test
  func `only the draw that was asked for is answered`() {
    let logits = logits(rows: 2)
    let peaks = LogitPeaks(rows: 2, vocabulary: Self.vocabulary, workerCount: 2)
    let draw = RowDraw(scale: 1, floor: -.infinity, key: 7, position: 40)
    peaks.ask(draw, row: 0)
    peaks.ask(draw, row: 1)
    #expect(peaks.drawn(draw, row: 0) == nil)
    record(peaks, logits, threads: 2, drawing: true)
    #expect(peaks.drawn(draw, row: 0) != nil)
    for change in [
      RowDraw(scale: 2, floor: -.infinity, key: 7, position: 40),
      RowDraw(scale: 1, floor: -1, key: 7, position: 40),
      RowDraw(scale: 1, floor: -.infinity, key: 8, position: 40),
      RowDraw(scale: 1, floor: -.infinity, key: 7, position: 41),
    ] {
      #expect(peaks.drawn(change, row: 0) == nil)
    }
    peaks.removeDraws()
    #expect(peaks.drawn(draw, row: 0) == nil)
    // What is asked for anew has no answer from before.
    peaks.ask(draw, row: 1)
    #expect(peaks.drawn(draw, row: 1) == nil)
  }

  @Test
  func `penalties and filters are left to the sampler`() {
    #expect(Sampler.rowDraw(SamplingOptions(temperature: 0), position: 1) == nil)
    #expect(Sampler.rowDraw(SamplingOptions(temperature: 1, topK: 5), position: 1) == nil)
    #expect(Sampler.rowDraw(SamplingOptions(temperature: 1, topP: 0.9), position: 1) == nil)
    #expect(Sampler.rowDraw(SamplingOptions(temperature: 1, repetitionPenalty: 1.1), position: 1) == nil)
    #expect(Sampler.rowDraw(SamplingOptions(temperature: 1, minP: 0.1), position: 1) != nil)
  }
}
