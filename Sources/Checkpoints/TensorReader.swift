import Tensors

/// A tensor of a checkpoint that a model knows and does not need.
public struct IgnoredTensor: Sendable, Equatable {
  /// The tensor's name.
  public let name: String
  /// Why it is not needed.
  public let reason: String
}

/// Reads the tensors of one model and keeps account of them, so that a checkpoint loads exactly: a tensor that is
/// missing or has another shape is an error where it is asked for, and one that nothing asked for is an error at the
/// end.
///
///     let reader = TensorReader(checkpoint: checkpoint)
///     let norm = try reader.floats("model.norm.weight", shape: [hiddenSize])
///     reader.ignore(prefix: "vision.", reason: "no image input")
///     let ignored = try reader.finish()
public final class TensorReader {
  /// The checkpoint being read.
  public let checkpoint: Checkpoint

  private var used: Set<String> = []
  private var ignored: [String: String] = [:]

  /// Starts an account with every tensor unused.
  public init(checkpoint: Checkpoint) {
    self.checkpoint = checkpoint
  }

  // MARK: - Reading

  /// Whether the checkpoint holds a tensor of that name. Asking does not use it.
  public func has(_ name: String) -> Bool { checkpoint.tensors[name] != nil }

  /// A whole tensor as floats, FP8 scaled.
  public func floats(_ name: String, shape: [Int]) throws(LoadError) -> [Float] {
    let source = try source(name, shape: shape)
    return source.floats(rows: 0..<source.rows)
  }

  /// A tensor to be read by rows; it and its FP8 scales count as used.
  public func source(_ name: String, shape: [Int]) throws(LoadError) -> TensorSource {
    let tensor: TensorDescription
    let scales: BlockScales?
    switch check(name, shape) {
    case .failure(let problem): throw problem.error(checkpoint)
    case .success(let found): (tensor, scales) = (found.tensor, found.scales)
    }
    used.insert(name)
    if scales != nil { used.insert(scaleName(of: name)) }
    return TensorSource(
      name: name, elementType: tensor.elementType, rows: shape.dropLast().reduce(1, *),
      columns: shape.last ?? 1, file: checkpoint.file(of: tensor), bytes: tensor.bytes, scales: scales)
  }

  /// Checks many tensors at once, so that one error can name all that are missing or do not fit. Uses none of them.
  public func requireAll(_ specifications: [(String, [Int])]) throws(LoadError) {
    var problems: [TensorProblem] = []
    for (name, shape) in specifications {
      if case .failure(let problem) = check(name, shape) { problems.append(problem) }
    }
    guard let first = problems.first else { return }
    if problems.count == 1 { throw first.error(checkpoint) }
    let allMissing = problems.allSatisfy { $0.kind == .missing }
    throw LoadError(
      allMissing ? .missing : .unsuitable, file: checkpoint.path,
      problem: allMissing
        ? "\(problems.count) tensors are missing"
        : "\(problems.count) tensors are missing or do not fit config.json",
      found: LoadError.listing(problems.map(\.summary)))
  }

  // MARK: - Exact loading

  /// Marks a tensor as known and not needed, where the checkpoint has it.
  public func ignore(_ name: String, reason: String) {
    if has(name) { ignored[name] = reason }
  }

  /// Marks all tensors whose names start so as known and not needed, except those used.
  ///
  /// - Complexity: O(number of tensors)
  public func ignore(prefix: String, reason: String) {
    for name in checkpoint.tensors.keys where name.hasPrefix(prefix) { ignored[name] = reason }
  }

  /// Ends the account: the tensors ignored, sorted by name, or an error naming those that nothing asked for.
  public func finish() throws(LoadError) -> [IgnoredTensor] {
    let extra = checkpoint.tensors.keys.filter { !used.contains($0) && ignored[$0] == nil }.sorted()
    guard extra.isEmpty else {
      throw LoadError(
        .unexpected, file: checkpoint.path,
        problem: extra.count == 1
          ? "1 tensor has no place in this model" : "\(extra.count) tensors have no place in this model",
        found: LoadError.listing(extra.map(LoadError.quoted)),
        accepted: "only the tensors that config.json calls for")
    }
    return ignored.filter { !used.contains($0.key) }
      .map { IgnoredTensor(name: $0.key, reason: $0.value) }
      .sorted { $0.name < $1.name }
  }

  // MARK: - Checks

  private func scaleName(of name: String) -> String { name + "_scale_inv" }

  private func check(
    _ name: String, _ shape: [Int]
  ) -> Result<(tensor: TensorDescription, scales: BlockScales?), TensorProblem> {
    guard let tensor = checkpoint.tensors[name] else {
      return .failure(TensorProblem(.missing, name, "is missing", accepted: "shape \(shape)"))
    }
    guard tensor.shape == shape else {
      return .failure(
        TensorProblem(
          .unsuitable, name, "has another shape than config.json calls for", file: tensor.file,
          found: "shape \(tensor.shape)", accepted: "shape \(shape)"))
    }
    guard tensor.elementType.isConvertible else {
      let types = ElementType.allCases.filter(\.isConvertible).map(\.rawValue)
      return .failure(
        TensorProblem(
          .unsupported, name, "is of a type that is not read as weights", file: tensor.file,
          found: tensor.elementType.rawValue, accepted: types.joined(separator: ", ")))
    }
    guard tensor.elementType == .f8e4m3 else { return .success((tensor, nil)) }
    guard shape.count == 2 else {
      return .failure(
        TensorProblem(
          .unsupported, name, "is FP8 and not a matrix", file: tensor.file, found: "shape \(tensor.shape)",
          accepted: "two dimensions"))
    }
    return scales(of: tensor).map { (tensor, $0) }
  }

  private func scales(of tensor: TensorDescription) -> Result<BlockScales, TensorProblem> {
    let blocks = checkpoint.quantization ?? .standard
    let name = scaleName(of: tensor.name)
    let shape = blocks.scaleShape(rows: tensor.shape[0], columns: tensor.shape[1])
    let accepted = "F32, F16 or BF16 \(shape), a scale for each \(blocks.rows) x \(blocks.columns) block"
    guard let scales = checkpoint.tensors[name] else {
      return .failure(
        TensorProblem(.missing, name, "is missing, the scales of an FP8 tensor", accepted: accepted))
    }
    guard scales.shape == shape, [.f32, .f16, .bf16].contains(scales.elementType) else {
      return .failure(
        TensorProblem(
          .unsuitable, name, "does not fit the FP8 tensor it scales", file: scales.file,
          found: "\(scales.elementType.rawValue) \(scales.shape)", accepted: accepted))
    }
    return .success(
      BlockScales(
        blocks: blocks, blockColumns: shape[1], elementType: scales.elementType,
        file: checkpoint.file(of: scales), bytes: scales.bytes))
  }
}

/// What is wrong with one tensor that a model needs.
private struct TensorProblem: Error {
  let kind: LoadError.Kind
  let name: String
  let problem: String
  let file: String?
  let found: String?
  let accepted: String

  init(
    _ kind: LoadError.Kind, _ name: String, _ problem: String, file: String? = nil, found: String? = nil,
    accepted: String
  ) {
    (self.kind, self.name, self.problem) = (kind, name, problem)
    (self.file, self.found, self.accepted) = (file, found, accepted)
  }

  func error(_ checkpoint: Checkpoint) -> LoadError {
    LoadError(
      kind, file: file ?? checkpoint.path, place: "tensor \(LoadError.quoted(name))",
      problem: problem, found: found, accepted: accepted)
  }

  var summary: String {
    let detail = found.map { "has \($0), needs \(accepted)" } ?? "missing, needs \(accepted)"
    return "\(LoadError.quoted(name)) (\(detail))"
  }
}
