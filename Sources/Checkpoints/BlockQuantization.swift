/// FP8 weights with one scale for each block of a matrix, as DeepSeek-V3 ships them: W = q * scale.
public struct BlockQuantization: Sendable, Equatable {
  /// Rows of the matrix that share a scale.
  public let rows: Int
  /// Columns of the matrix that share a scale.
  public let columns: Int

  /// The blocks of DeepSeek-V3, 128 by 128.
  public static let standard = BlockQuantization(rows: 128, columns: 128)

  /// The number of scales for a matrix, in rows and columns of blocks; blocks at the edges may be cut.
  public func scaleShape(rows matrixRows: Int, columns matrixColumns: Int) -> [Int] {
    [matrixRows.dividedRoundingUp(by: rows), matrixColumns.dividedRoundingUp(by: columns)]
  }

  private init(rows: Int, columns: Int) {
    self.rows = rows
    self.columns = columns
  }

  /// Reads `quantization_config`; nil where a checkpoint has none. Any method but block-wise FP8 is an error.
  public init?(configuration: ConfigurationObject) throws(LoadError) {
    if configuration.has("compression_config") {
      throw configuration.unsupported("compression_config", accepted: Self.accepted)
    }
    guard let settings = try configuration.objectIfPresent("quantization_config") else { return nil }
    let method = try settings.string("quant_method")
    guard method == "fp8" else { throw settings.unsupported("quant_method", accepted: Self.accepted) }
    if let format = try settings.stringIfPresent("fmt"), format != "e4m3" {
      throw settings.unsupported("fmt", accepted: "\"e4m3\"")
    }
    let sizes = try settings.integersIfPresent("weight_block_size", count: 2, in: 1...65536)
    self = sizes.map { BlockQuantization(rows: $0[0], columns: $0[1]) } ?? .standard
  }

  private static let accepted =
    "no quantization_config, or quant_method \"fp8\" (E4M3 with weight_scale_inv blocks)"
}

extension Int {
  fileprivate func dividedRoundingUp(by divisor: Int) -> Int {
    self / divisor + (self % divisor == 0 ? 0 : 1)
  }
}
