import Tensors
import Testing

@Suite struct `Packing and element types` {
  @Test func `bf16 rounds to nearest even`() {
    var numbers = TestNumbers(seed: 1)
    var values = numbers.floats(500, in: -1000...1000)
    values += [1, 1 + 0x1p-8, 1 + 0x1p-7 + 0x1p-8, 1 + 0x1p-8 + 0x1p-20, -1 - 0x1p-8, 0, -0.0]
    values += [.leastNonzeroMagnitude, .leastNormalMagnitude, 0x1p-133 * 1.5, .greatestFiniteMagnitude]
    values += [-.greatestFiniteMagnitude, .infinity, -.infinity]
    let packed = PackedMatrix(outputs: 1, inputs: values.count, format: .bf16, values)
    #expect(bits(packed.dequantizedRow(0)) == bits(values.map(nearestBFloat)))
  }

  @Test func `bf16 keeps NaN, even one whose upper bits are all zero`() {
    let values = [Float.nan, Float(bitPattern: 0x7F80_0001), Float(bitPattern: 0xFFFF_FFFF)]
    let packed = PackedMatrix(outputs: 1, inputs: 3, format: .bf16, values)
    #expect(packed.dequantizedRow(0).allSatisfy { $0.isNaN })
  }

  @Test(arguments: [1, 15, 16, 17, 33], [0, 1, 2, 7, 64, 65, 130])
  func `packing loses nothing but the rounding`(outputs: Int, inputs: Int) {
    var numbers = TestNumbers(seed: outputs + inputs)
    let values = numbers.floats(outputs * inputs)
    let others = numbers.floats(outputs * inputs)
    let full = PackedMatrix(outputs: outputs, inputs: inputs, format: .f32, values)
    #expect(full.dequantized() == values)
    #expect(full.panelCount == (outputs + 15) / 16)
    #expect(full.byteCount == full.panelCount * inputs * 64)
    let half = PackedMatrix.gatedPair(
      outputs: outputs, inputs: inputs, format: .bf16, gate: values, up: others)
    #expect(half.dequantized() == values.map(nearestBFloat))
    #expect(half.dequantized(up: true) == others.map(nearestBFloat))
    #expect(half.isGatedPair && half.byteCount == 2 * half.panelCount * ((inputs + 31) / 32) * 1024)
    let row = FloatMatrix(rows: 2, columns: inputs, filledWith: 7)
    half.copyDequantizedRow(outputs - 1, to: row.view, row: 1)
    #expect(row.array(1) == half.dequantizedRow(outputs - 1))
    #expect(row.array(0).allSatisfy { $0 == 7 })
  }

  @Test func `an error of the reader comes through`() {
    struct Broken: Error, Equatable { let rows: Range<Int> }
    #expect(throws: Broken(rows: 16..<20)) {
      try PackedMatrix(outputs: 20, inputs: 4, format: .f32) { rows, _ throws(Broken) in
        if rows.lowerBound > 0 { throw Broken(rows: rows) }
      }
    }
  }

  /// Converts bytes that start at an odd address.
  func floats(_ type: ElementType, _ bytes: [UInt8]) -> [Float] {
    let shifted = [0] + bytes
    return [Float](unsafeUninitializedCapacity: bytes.count / type.byteWidth) { buffer, count in
      count = bytes.count / type.byteWidth
      let target = UnsafeMutableBufferPointer(rebasing: buffer[..<count])
      shifted.withUnsafeBytes {
        convert(type, bytes: UnsafeRawBufferPointer(rebasing: $0[1...]), into: target)
      }
    }
  }

  @Test func `every f16 converts exactly`() {
    let all = (0...UInt16.max).map { $0 }
    let actual = floats(.f16, all.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] })
    for (pattern, value) in zip(all, actual) {
      let expected = Float(Float16(bitPattern: pattern))
      #expect(value.isNaN ? expected.isNaN : value.bitPattern == expected.bitPattern, "\(pattern)")
    }
  }

  @Test func `every bf16 converts exactly`() {
    let all = (0...UInt16.max).map { $0 }
    let actual = floats(.bf16, all.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] })
    #expect(bits(actual) == all.map { UInt32($0) << 16 })
  }

  @Test func `every f8e4m3 converts exactly`() {
    let actual = floats(.f8e4m3, (0...UInt8.max).map { $0 })
    for pattern in 0...255 {
      let exponent = pattern >> 3 & 15, mantissa = Float(pattern & 7)
      let magnitude: Float =
        exponent == 0
        ? mantissa * 0x1p-9 : (1 + mantissa / 8) * Float(sign: .plus, exponent: exponent - 7, significand: 1)
      let expected = pattern >= 128 ? -magnitude : magnitude
      if pattern & 127 == 127 {
        #expect(actual[pattern].isNaN)
      } else {
        #expect(actual[pattern].bitPattern == expected.bitPattern, "\(pattern)")
      }
    }
  }

  @Test func `f32 is copied`() {
    let values: [Float] = [1, -2.5, .nan, -0.0, .infinity]
    let bytes = values.flatMap { value in
      (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
    }
    #expect(bits(floats(.f32, bytes)) == bits(values))
  }

  @Test func `safetensors names and widths`() {
    #expect(ElementType(safetensorsName: "BF16") == .bf16)
    #expect(ElementType(safetensorsName: "F8_E4M3") == .f8e4m3)
    #expect(ElementType(safetensorsName: "bf16") == nil)
    #expect(ElementType(safetensorsName: "") == nil)
    #expect(ElementType.allCases.filter(\.isConvertible) == [.f32, .f16, .bf16, .f8e4m3])
    #expect(ElementType.allCases.map(\.byteWidth) == [8, 4, 2, 2, 1, 1, 1, 2, 4, 8, 1, 2, 4, 8, 1])
  }
}
