public import Tensors

/// What a safetensors header says of one tensor.
public struct TensorDescription: Sendable, Equatable {
  /// The tensor's name.
  public let name: String
  /// How its elements are stored.
  public let elementType: ElementType
  /// Its dimensions, outermost first; empty for a scalar.
  public let shape: [Int]
  /// The path of the file that holds it.
  public let file: String
  /// Where its bytes stand in that file.
  public let bytes: Range<Int>

  /// The number of elements.
  public var elementCount: Int { bytes.count / elementType.byteWidth }
}
