import CKernels

/// The element types that safetensors files name. The raw value is that name.
public enum ElementType: String, Sendable, CaseIterable {
  /// IEEE binary64.
  case f64 = "F64"
  /// IEEE binary32.
  case f32 = "F32"
  /// IEEE binary16.
  case f16 = "F16"
  /// The upper half of a binary32.
  case bf16 = "BF16"
  /// 8-bit float, 4 exponent and 3 mantissa bits, no infinity (the OCP "FN" variant).
  case f8e4m3 = "F8_E4M3"
  /// 8-bit float, 5 exponent and 2 mantissa bits.
  case f8e5m2 = "F8_E5M2"
  /// Signed 8-bit integer.
  case i8 = "I8"
  /// Signed 16-bit integer.
  case i16 = "I16"
  /// Signed 32-bit integer.
  case i32 = "I32"
  /// Signed 64-bit integer.
  case i64 = "I64"
  /// Unsigned 8-bit integer.
  case u8 = "U8"
  /// Unsigned 16-bit integer.
  case u16 = "U16"
  /// Unsigned 32-bit integer.
  case u32 = "U32"
  /// Unsigned 64-bit integer.
  case u64 = "U64"
  /// One byte, 0 or 1.
  case bool = "BOOL"

  /// The type of that name in a safetensors header, or nil where the name is unknown.
  public init?(safetensorsName: String) { self.init(rawValue: safetensorsName) }

  /// Bytes of one element.
  public var byteWidth: Int {
    switch self {
    case .f8e4m3, .f8e5m2, .i8, .u8, .bool: 1
    case .f16, .bf16, .i16, .u16: 2
    case .f32, .i32, .u32: 4
    case .f64, .i64, .u64: 8
    }
  }

  /// Whether `convert(_:bytes:into:)` takes this type.
  public var isConvertible: Bool { kernelType != nil }

  private var kernelType: fs_dtype? {
    switch self {
    case .f32: FS_DTYPE_F32
    case .f16: FS_DTYPE_F16
    case .bf16: FS_DTYPE_BF16
    case .f8e4m3: FS_DTYPE_F8_E4M3
    default: nil
    }
  }

  fileprivate func requireKernelType() -> fs_dtype {
    guard let kernelType else {
      preconditionFailure("\(rawValue) is not convertible; check isConvertible first")
    }
    return kernelType
  }
}

/// Converts checkpoint elements to floats, exactly. `bytes` holds `destination.count` elements of `type`, at
/// any alignment; `type.isConvertible` must hold.
public func convert(
  _ type: ElementType, bytes: UnsafeRawBufferPointer, into destination: UnsafeMutableBufferPointer<Float>
) {
  precondition(bytes.count == destination.count * type.byteWidth, "byte count does not fit the element count")
  guard let source = bytes.baseAddress, let target = destination.baseAddress else { return }
  unsafe fs_to_float(type.requireKernelType(), source, destination.count, target)
}
