import Tensors

/// RMSNorm (arXiv 1910.07467): y = x / sqrt(mean(x²) + epsilon) * weight.
struct Norm: Sendable {
  let weight: FloatVector
  let epsilon: Float

  func apply(_ kernels: KernelSet, _ source: FloatRows, row: Int, to target: FloatRows, row targetRow: Int) {
    kernels.rmsNorm(
      input: source, inputRow: row, weight: weight, epsilon: epsilon, output: target, outputRow: targetRow)
  }
}
