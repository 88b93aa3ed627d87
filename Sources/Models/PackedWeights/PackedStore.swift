import Checkpoints
import Glibc
import Tensors

/// Packed matrices of one checkpoint in one format, kept in a file between runs: mapped into memory where the file is
/// there and fits the checkpoint, else written while the model is loaded.
final class PackedStore {
  private let file: MappedFile?
  private let index: [String: PackedFile.Entry]
  private var writer: PackedFileWriter?

  /// Opens or starts the file of a checkpoint in `folder`, which must be a folder that can be written, or a name under which
  /// one can be made.
  init(folder: String, checkpoint: Checkpoint, options: LoadOptions) throws(LoadError) {
    let fingerprint = checkpoint.fingerprint()
    let name = PackedFile.name(checkpoint.name, options, fingerprint)
    if let file = try? MappedFile(path: folder + "/" + name),
      let index = PackedFile.index(of: file, fingerprint)
    {
      self.file = file
      self.index = index
      writer = nil
    } else {
      file = nil
      index = [:]
      guard let writer = PackedFileWriter(folder: folder, name: name, fingerprint: fingerprint) else {
        let reason = unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "error \(errno)"
        throw LoadError(
          .unsuitable, file: folder, problem: "packed weights cannot be kept here", found: reason,
          accepted: "a folder that can be written")
      }
      self.writer = writer
    }
  }

  /// The matrix of that key where the file has it in just this form.
  func matrix(
    _ key: String, outputs: Int, inputs: Int, format: WeightFormat, isGatedPair: Bool
  ) -> PackedMatrix? {
    guard let file, let entry = index[key], entry.outputs == outputs, entry.inputs == inputs,
      entry.format == format, entry.isGatedPair == isGatedPair
    else { return nil }
    return PackedMatrix(
      outputs: outputs, inputs: inputs, format: format, isGatedPair: isGatedPair, isCompact: entry.isCompact,
      mapped: file,
      offset: entry.offset)
  }

  /// Keeps a matrix that had to be packed.
  func add(_ key: String, _ matrix: PackedMatrix) { writer?.add(key, matrix) }

  /// Ends the loading of a model: what was written becomes the file of later runs.
  func finish() {
    writer?.finish()
    writer = nil
  }
}
