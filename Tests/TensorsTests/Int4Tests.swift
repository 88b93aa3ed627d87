import Tensors
import Testing

@Suite struct `4-bit weights` {
  @Test(arguments: [1, 15, 16, 17, 33], [0, 1, 3, 8, 63, 64, 65, 130, 200])
  func `packing is off by half a step of the group at most, or a step at its edge`(outputs: Int, inputs: Int)
  {
    var numbers = TestNumbers(seed: 11 * outputs + inputs)
    let rows = (0..<outputs).map { row in
      numbers.floats(inputs).map { $0 * Float(sign: .plus, exponent: row % 30 - 15, significand: 1) }
    }
    let packed = PackedMatrix(outputs: outputs, inputs: inputs, format: .int4, rows.flatMap { $0 })
    let blocks = (inputs + 63) / 64 * 512 + (inputs + 127) / 128 * 64
    #expect(packed.byteCount == packed.panelCount * blocks)
    for (index, row) in rows.enumerated() {
      let values = packed.dequantizedRow(index)
      for begin in stride(from: 0, to: inputs, by: 64) {
        let range = begin..<min(begin + 64, inputs)
        let greatest = row[range].map(abs).max() ?? 0
        // Steps are between greatest / 8.5 and greatest / 7; where seven of the smallest end, a step and a half are cut off.
        let limit = greatest * 0.18
        #expect(range.allSatisfy { abs(values[$0] - row[$0]) <= limit }, "row \(index)")
        let error = range.reduce(Float(0)) { $0 + (values[$1] - row[$1]) * (values[$1] - row[$1]) }
        let step = greatest / 7 * 1.01
        #expect(error <= step * step / 4 * Float(range.count) + 1e-30, "row \(index)")
      }
    }
  }

  @Test func `integers at a scale of one are kept`() {
    let values: [Float] = [-8, -7, -1, 0, 1, 2, 6, 7, 3, -4]
    let packed = PackedMatrix(outputs: 1, inputs: values.count, format: .int4, values)
    #expect(packed.dequantizedRow(0) == values)
  }

  @Test func `a group with an element that is not finite is NaN, its neighbours are not`() {
    var row = [Float](repeating: 1, count: 192)
    row[70] = .infinity
    let packed = PackedMatrix(outputs: 1, inputs: 192, format: .int4, row).dequantizedRow(0)
    #expect(packed[64..<128].allSatisfy { $0.isNaN })
    #expect((packed[..<64] + packed[128...]).allSatisfy { abs($0 - 1) < 0.01 })
  }

  @Test func `zeros stay zero`() {
    let packed = PackedMatrix(outputs: 2, inputs: 70, format: .int4, [Float](repeating: 0, count: 140))
    #expect(packed.dequantized() == [Float](repeating: 0, count: 140))
  }
}
