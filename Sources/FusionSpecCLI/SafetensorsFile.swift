import Foundation
import Tokenization

/// Writes tensors in the safetensors format.
enum SafetensorsFile {
  struct Tensor {
    let name: String
    let shape: [Int]
    let values: [Float]
  }

  /// Writes f32 tensors; a file of that name is replaced in one step, or left alone on failure.
  static func write(_ tensors: [Tensor], to url: URL) throws {
    var offset = 0
    var entries: [String: JSONDocument] = [:]
    for tensor in tensors {
      let end = offset + tensor.values.count * 4
      entries[tensor.name] = [
        "dtype": "F32", "shape": JSONDocument(tensor.shape), "data_offsets": JSONDocument([offset, end]),
      ]
      offset = end
    }
    var header = Data(JSONDocument.object(entries).line().utf8)
    header.append(Data(repeating: 0x20, count: (8 - header.count % 8) % 8))
    var data = unsafe withUnsafeBytes(of: UInt64(header.count).littleEndian) { unsafe Data($0) }
    data.append(header)
    for tensor in tensors { unsafe tensor.values.withUnsafeBytes { unsafe data.append(contentsOf: $0) } }
    do {
      try data.write(to: url, options: .atomic)
    } catch {
      throw CommandError.failure("\(url.path): cannot be written: \(FileProblem.reason(error))")
    }
  }
}
