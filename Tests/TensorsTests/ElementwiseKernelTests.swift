import Foundation
import Tensors
import Testing

@Suite struct `Norm, rotation, exponential and argmax` {
  static let lengths = [1, 2, 15, 16, 17, 48, 63, 64, 65, 100, 127, 128, 192, 1000, 1031]

  @Test(arguments: lengths)
  func `the norm has the same bits in every set and is right`(length: Int) {
    var numbers = TestNumbers(seed: length)
    for _ in 0..<30 {  // a wrong order of additions shows in few of the sums
      let input = FloatMatrix(rows: 1, columns: length, numbers.floats(length, in: -3...3))
      let weight = FloatVector(numbers.floats(length))
      func result(_ set: KernelSet) -> [Float] {
        let output = FloatMatrix(rows: 1, columns: length)
        set.rmsNorm(
          input: input.view, inputRow: 0, weight: weight, epsilon: 1e-6, output: output.view, outputRow: 0)
        return output.array(0)
      }
      let expected = result(scalar)
      for name in vectorSets { #expect(bits(result(kernelSet(name))) == bits(expected), "\(name)") }

      let mean = input.array(0).reduce(0) { $0 + Double($1) * Double($1) } / Double(length)
      let sound = (0..<length).allSatisfy { i in
        let exact = Double(input[0, i]) / (mean + 1e-6).squareRoot() * Double(weight[i])
        return abs(Double(expected[i]) - exact) <= 1e-6 * (1 + abs(exact))
      }
      #expect(sound)
    }
  }

  @Test(arguments: testedSets)
  func `the norm works in place`(name: String) {
    var numbers = TestNumbers(seed: 5)
    let values = numbers.floats(77)
    let weight = FloatVector(numbers.floats(77))
    let input = FloatMatrix(rows: 1, columns: 77, values)
    let output = FloatMatrix(rows: 1, columns: 77)
    let set = kernelSet(name)
    set.rmsNorm(
      input: input.view, inputRow: 0, weight: weight, epsilon: 1e-5, output: output.view, outputRow: 0)
    set.rmsNorm(
      input: input.view, inputRow: 0, weight: weight, epsilon: 1e-5, output: input.view, outputRow: 0)
    #expect(bits(input.elements) == bits(output.elements))
  }

  @Test func `the exponential has the same bits in every set and is within 1.5 units in the last place`() {
    var values: [Float] = stride(from: Float(-110), through: 95, by: 0.0137).map { $0 }
    values += [
      0, -0.0, .infinity, -.infinity, 1, -1, 88.72283, 88.72285, -87.33655, -103.9, -104, 1e30, -1e30,
    ]
    let input = FloatMatrix(rows: 1, columns: values.count, values)
    func result(_ set: KernelSet) -> [Float] {
      let output = FloatMatrix(rows: 1, columns: values.count)
      set.exponentials(input.view, row: 0, offset: 0.5, output: output.view, outputRow: 0)
      return output.array(0)
    }
    let actual = result(scalar)
    for name in vectorSets { #expect(bits(result(kernelSet(name))) == bits(actual), "\(name)") }
    for (value, y) in zip(values, actual) {
      let exact = exp(Double(value - 0.5))
      guard exact < Double(Float.greatestFiniteMagnitude) else {
        #expect(y == .infinity, "exp(\(value - 0.5))")
        continue
      }
      let unit = Double(max(Float(exact), Float.leastNormalMagnitude).ulp)
      #expect(abs(Double(y) - exact) <= 1.5 * unit, "exp(\(value - 0.5)) = \(y), not \(exact)")
    }
  }

  @Test(arguments: testedSets)
  func `the exponential keeps NaN and gives 1 at 0`(name: String) {
    let input = FloatMatrix(rows: 1, columns: 3, [.nan, 2, -.infinity])
    let output = FloatMatrix(rows: 1, columns: 3)
    kernelSet(name).exponentials(input.view, row: 0, offset: 2, output: output.view, outputRow: 0)
    #expect(output[0, 0].isNaN && output[0, 1] == 1 && output[0, 2] == 0)
  }

  @Test(arguments: testedSets, lengths)
  func `argmax finds the first of the greatest`(name: String, length: Int) {
    let set = kernelSet(name)
    var numbers = TestNumbers(seed: length)
    for _ in 0..<20 {
      // Few distinct values, so that there are ties, and some NaN.
      let choices: [Float] = [.nan, -.infinity, -2, -1, 0, -0.0, 3]
      let values = (0..<length).map { _ in choices[Int.random(in: 0..<7, using: &numbers)] }
      let row = FloatMatrix(rows: 1, columns: length, values)
      var expected = 0
      for (i, value) in values.enumerated()
      where value > (values[expected].isNaN ? -.infinity : values[expected]) { expected = i }
      #expect(set.argmax(row.view, row: 0) == expected)
    }
    let ascending = FloatMatrix(rows: 1, columns: length, (0..<length).map { Float($0) - 1e6 })
    #expect(set.argmax(ascending.view, row: 0) == length - 1)
    let hopeless = FloatMatrix(rows: 1, columns: length, filledWith: .nan)
    #expect(set.argmax(hopeless.view, row: 0) == 0)
  }

  @Test(arguments: [true, false], [1, 2, 8, 13, 32])
  func `rotation turns each pair by its angle and nothing else`(interleaved: Bool, pairs: Int) {
    var numbers = TestNumbers(seed: pairs)
    let angles = numbers.floats(pairs, in: -3...3)
    let cosines = FloatVector(angles.map { cos($0) })
    let sines = FloatVector(angles.map { sin($0) })
    let values = numbers.floats(2 * pairs + 10)
    let row = FloatMatrix(rows: 2, columns: 2 * pairs + 10, values + values)
    scalar.rotate(
      row.view, row: 1, offset: 7, cosines: cosines.view, sines: sines.view, interleaved: interleaved)
    #expect(row.array(0) == values)
    var expected = values
    for i in 0..<pairs {
      let first = 7 + (interleaved ? 2 * i : i), second = 7 + (interleaved ? 2 * i + 1 : i + pairs)
      expected[first] = values[first] * cosines[i] - values[second] * sines[i]
      expected[second] = values[first] * sines[i] + values[second] * cosines[i]
    }
    #expect(row.array(1) == expected)
  }
}
