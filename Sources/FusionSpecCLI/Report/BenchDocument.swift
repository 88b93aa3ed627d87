import FusionSpec
import Models
import Tensors

/// The numbers of a benchmark as the contract `fusionspec.bench/1` fixes them.
struct BenchDocument {
  let report: BenchmarkReport
  let model: BenchmarkModel
  let options: BenchmarkOptions

  var document: JSONDocument {
    [
      "schema": "fusionspec.bench/1", "model": .string(model.name),
      "weights": .string(model.weightFormat.rawValue),
      "compact_weights": .bool(model.decoder.hasCompactWeights),
      "isa": .string(model.kernels.name), "threads": .integer(model.threadCount),
      "random_weights": .bool(model.isRandom), "repetitions": .integer(options.repetitions),
      "parameters": ["total": .integer(model.parameters.total), "active": .integer(model.parameters.active)],
      "machine": machine, "prefill": .array(report.prefill.map(prefill)),
      "decode": .array(report.decode.map(decode)), "rows": .array(report.rows.map(rows)),
    ]
  }

  private var machine: JSONDocument {
    let limits = report.limits
    return [
      "read_gbps": JSONDocument(limits.readBytesPerSecond / 1e9),
      "int8_gops": JSONDocument(limits.int8OperationsPerSecond / 1e9),
      "bf16_gflops": JSONDocument(limits.bf16OperationsPerSecond / 1e9),
      "f32_gflops": JSONDocument(limits.floatOperationsPerSecond / 1e9),
    ]
  }

  private func prefill(_ prefill: BenchmarkReport.Prefill) -> JSONDocument {
    [
      "tokens": .integer(prefill.tokens), "ms": JSONDocument(prefill.milliseconds),
      "tokens_per_second": JSONDocument(prefill.tokensPerSecond),
      "operations": JSONDocument(prefill.operations),
      "share_of_peak": JSONDocument(report.shareOfPeak(prefill)),
    ]
  }

  private func decode(_ decode: BenchmarkReport.Decode) -> JSONDocument {
    [
      "context": .integer(decode.context), "tokens": .integer(options.generatedTokens),
      "ms_per_token": JSONDocument(decode.millisecondsPerToken),
      "tokens_per_second": JSONDocument(decode.tokensPerSecond),
      "bytes_per_token": .integer(Int(decode.bytesPerToken)),
      "share_of_bandwidth": JSONDocument(decode.shareOfBandwidth),
      "plain_bytes_per_token": .integer(Int(decode.plainBytesPerToken)),
      "plain_share_of_bandwidth": JSONDocument(decode.plainShareOfBandwidth),
      "operations_per_token": JSONDocument(decode.operationsPerToken),
      "share_of_peak": JSONDocument(
        report.shareOfPeak(
          operations: decode.operationsPerToken, milliseconds: decode.millisecondsPerToken)),
    ]
  }

  private func rows(_ rows: BenchmarkReport.Rows) -> JSONDocument {
    [
      "rows": .integer(rows.rows), "context": .integer(options.depths[0]),
      "ms": JSONDocument(rows.milliseconds),
      "relative_cost": JSONDocument(rows.relativeCost),
      "distinct_experts_per_layer": JSONDocument(rows.distinctExpertsPerLayer),
      "bytes": .integer(Int(rows.bytes)), "relative_bytes": JSONDocument(report.relativeBytes(rows)),
      "share_of_bandwidth": JSONDocument(rows.shareOfBandwidth),
      "operations": JSONDocument(rows.operations),
      "share_of_peak": JSONDocument(
        report.shareOfPeak(operations: rows.operations, milliseconds: rows.milliseconds)),
    ]
  }
}
