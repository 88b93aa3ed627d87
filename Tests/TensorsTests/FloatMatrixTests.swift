import Tensors
import Testing

@Suite struct `Matrices, views and lists` {
  @Test(arguments: [(0, 0), (1, 1), (3, 16), (5, 17), (700, 1000)])
  func `rows are padded, zero and aligned`(rows: Int, columns: Int) {
    let matrix = FloatMatrix(rows: rows, columns: columns)
    #expect(matrix.stride % 16 == 0 && matrix.stride >= columns && matrix.stride < columns + 16)
    for row in 0..<rows {
      #expect(matrix.array(row).allSatisfy { $0 == 0 })
      #expect(UInt(bitPattern: matrix.view.row(row).baseAddress) % 64 == 0)
    }
  }

  @Test func `a huge matrix costs nothing until it is touched`() {
    let matrix = FloatMatrix(rows: 1 << 18, columns: 1 << 16)  // 64 GiB
    matrix[262143, 65535] = 3
    #expect(matrix[262143, 65535] == 3 && matrix[0, 0] == 0)
  }

  @Test func `views see the elements they name`() {
    let matrix = FloatMatrix(rows: 4, columns: 20, (0..<80).map { Float($0) })
    let part = matrix.view.rows(1..<3).columns(5..<9)
    #expect(part.rows == 2 && part.columns == 4)
    #expect(part.array(row: 1) == [45, 46, 47, 48])
    part[0, 3] = -1
    #expect(matrix[1, 8] == -1)
    part.withRow(0) { $0[0] = -2 }
    #expect(matrix[1, 5] == -2)
    let heads = matrix.view.split(row: 3, into: 5)
    #expect(heads.rows == 5 && heads.columns == 4 && heads.array(row: 4) == [76, 77, 78, 79])
    #expect(FloatVectorView(matrix.view, row: 2).subview(3..<5)[1] == 44)
  }

  @Test func `rows are copied, added and filled`() {
    let matrix = FloatMatrix(rows: 3, columns: 3, [1, 2, 3, 10, 20, 30, 0, 0, 0])
    matrix.view.copyRow(0, to: matrix.view, row: 2)
    matrix.view.addRow(1, to: matrix.view, row: 2)
    #expect(matrix.array(2) == [11, 22, 33])
    matrix.view.addRow(0, to: matrix.view, row: 2, scale: -0.5)
    #expect(matrix.array(2) == [10.5, 21, 31.5])
    matrix.view.fill(row: 0, with: 4)
    #expect(matrix.elements == [4, 4, 4, 10, 20, 30, 10.5, 21, 31.5])
  }

  @Test func `a list grows to its capacity and gives slices`() {
    let list = IndexList(capacity: 5)
    for i in 0..<5 { list.append(Int32(10 * i)) }
    list[1] = 7
    #expect(list.count == 5 && list.view.subview(1..<3)[0] == 7 && list.view.subview(1..<3)[1] == 20)
    list.removeAll()
    #expect(list.count == 0 && list.view.count == 0)
  }

  @Test func `misuse stops the process`() async {
    await #expect(processExitsWith: .failure) { _ = FloatMatrix(rows: 2, columns: 2)[0, 2] }
    await #expect(processExitsWith: .failure) { IndexList(capacity: 0).append(1) }
    await #expect(processExitsWith: .failure) {
      let weights = PackedMatrix(outputs: 4, inputs: 2, format: .f32) { _, _ in }
      let input = FloatMatrix(rows: 2, columns: 2), output = FloatMatrix(rows: 2, columns: 4)
      let index = IndexList([0, 2])
      KernelSet.best.multiply(
        weights.view, panels: 0..<1, input: input.view, inputIndex: index.view, output: output.view,
        rowCount: 2)
    }
  }

  @Test func `kernel sets are found by name`() {
    #expect(KernelSet.named("scalar")?.name == "scalar")
    #expect(KernelSet.named("auto")?.name == KernelSet.best.name)
    #expect(KernelSet.best.name == KernelSet.available.last?.name)
    #expect(KernelSet.named("") == nil && KernelSet.named("avx1024") == nil)
  }
}
