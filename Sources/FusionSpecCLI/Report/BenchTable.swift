import Foundation
import FusionSpec
import Models
import Tensors

/// A benchmark in a few lines for people.
struct BenchTable {
  let report: BenchmarkReport
  let model: BenchmarkModel

  var text: String {
    let lines =
      [heading, machine, ""] + Self.aligned(prefill) + [""] + Self.aligned(decode) + [""] + Self.aligned(rows)
    let isCached = (report.decode.map(\.shareOfBandwidth) + report.rows.map(\.shareOfBandwidth)).contains {
      $0 > 1
    }
    let note = "note: shares of bandwidth beyond 100% mean that caches hold weights from forward to forward"
    let notes = (isCached ? [note] : []) + (model.decoder.hasCompactWeights ? [compactNote] : [])
    return (notes.isEmpty ? lines : lines + [""] + notes).joined(separator: "\n")
  }

  private var compactNote: String {
    let (format, held, width) = model.weightFormat == .f32 ? ("f32", 16, 32) : ("bf16", 12, 16)
    let plain = report.decode.first.map {
      "; in \(width) a token would read \(Self.number($0.plainBytesPerToken / 1e6)) MB, "
        + "\(Self.percent($0.plainShareOfBandwidth)) of "
        + "bandwidth at this speed"
    }
    return "note: \(format) weights are held in \(held) bits, without loss\(plain ?? "")"
  }

  private var prefill: [[String]] {
    let head = ["prefill", "ms", "tok/s", "GFLOP", "of peak"]
    return [head]
      + report.prefill.map {
        [
          "\($0.tokens) tokens", Self.number($0.milliseconds), Self.number($0.tokensPerSecond),
          Self.number($0.operations / 1e9), Self.percent(report.shareOfPeak($0)),
        ]
      }
  }

  private var decode: [[String]] {
    let head = ["decode", "ms", "tok/s", "MB/token", "of bandwidth", "of peak"]
    return [head]
      + report.decode.map {
        [
          "at \($0.context)", Self.number($0.millisecondsPerToken), Self.number($0.tokensPerSecond),
          Self.number($0.bytesPerToken / 1e6), Self.percent($0.shareOfBandwidth),
          Self.percent(
            report.shareOfPeak(operations: $0.operationsPerToken, milliseconds: $0.millisecondsPerToken)),
        ]
      }
  }

  private var rows: [[String]] {
    let head = ["rows", "ms", "cost", "bytes", "experts", "of bandwidth", "of peak"]
    return [head]
      + report.rows.map {
        [
          "\($0.rows)", Self.number($0.milliseconds), Self.ratio($0.relativeCost),
          Self.ratio(report.relativeBytes($0)), String(format: "%.1f", $0.distinctExpertsPerLayer),
          Self.percent($0.shareOfBandwidth),
          Self.percent(report.shareOfPeak(operations: $0.operations, milliseconds: $0.milliseconds)),
        ]
      }
  }

  private var heading: String {
    let millions = [model.parameters.total, model.parameters.active].map { Self.number(Double($0) / 1e6) }
    let threads = model.threadCount == 1 ? "1 thread" : "\(model.threadCount) threads"
    return "\(model.name)\(model.isRandom ? " (random weights)" : ""), \(model.weightFormat.rawValue), "
      + "\(model.kernels.name), \(threads) · \(millions[0]) M parameters, \(millions[1]) M active"
  }

  private var machine: String {
    let limits = report.limits
    return "machine: reads \(Self.number(limits.readBytesPerSecond / 1e9)) GB/s, "
      + "f32 \(Self.number(limits.floatOperationsPerSecond / 1e9)) GFLOP/s, "
      + "bf16 \(Self.number(limits.bf16OperationsPerSecond / 1e9)) GFLOP/s, "
      + "int8 \(Self.number(limits.int8OperationsPerSecond / 1e9)) Gop/s"
  }

  /// Three significant digits or all before the point.
  private static func number(_ value: Double) -> String {
    String(format: value < 9.995 ? "%.3f" : value < 99.95 ? "%.1f" : "%.0f", value)
  }

  private static func ratio(_ value: Double) -> String { String(format: "%.2f ×", value) }

  private static func percent(_ share: Double) -> String {
    share < 0.0995 ? String(format: "%.1f%%", 100 * share) : AcceptanceTable.percent(share)
  }

  /// Columns of equal width: the first flush left, numbers flush right.
  private static func aligned(_ rows: [[String]]) -> [String] {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      row.indices.map { column in
        let padding = String(repeating: " ", count: widths[column] - row[column].count)
        return column == 0 ? row[column] + padding : padding + row[column]
      }.joined(separator: "  ")
    }
  }
}
