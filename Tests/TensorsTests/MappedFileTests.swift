import Foundation
import Tensors
import Testing

@Suite final class `Mapped files` {
  let folder = FileManager.default.temporaryDirectory.appending(path: "mapped-\(UUID().uuidString)").path

  init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func file(_ bytes: [UInt8]) throws -> String {
    let path = folder + "/file-\(UUID().uuidString)"
    try Data(bytes).write(to: URL(filePath: path))
    return path
  }

  func code(_ path: String) -> (MappedFileError.Step, Int32)? {
    do throws(MappedFileError) {
      _ = try MappedFile(path: path)
      return nil
    } catch { return (error.step, error.code) }
  }

  @Test(arguments: [0, 1, 4095, 4096, 4097, 1_000_003])
  func `all bytes are there`(size: Int) throws {
    let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    let file = try MappedFile(path: file(bytes))
    #expect(file.byteCount == size)
    #expect(file.withBytes(0..<size) { Array($0) } == bytes)
    let middle = size / 3..<size / 3 * 2
    #expect(file.withBytes(middle) { Array($0) } == Array(bytes[middle]))
    #expect(file.withBytes(size..<size) { $0.count } == 0)
    file.willNeed(middle)
    file.doneWith(middle)
    #expect(file.withBytes(middle) { Array($0) } == Array(bytes[middle]))
  }

  @Test func `a file with holes larger than memory maps at once`() throws {
    let path = try file([1])
    let size = 1 << 42
    try #require(truncate(path, size) == 0)
    let file = try MappedFile(path: path)
    #expect(file.byteCount == size)
    #expect(file.withBytes(size - 2..<size) { Array($0) } == [0, 0])
  }

  @Test func `what is no readable file is refused with the reason`() throws {
    #expect(code(folder + "/missing")! == (.open, ENOENT))
    #expect(code("")! == (.open, ENOENT))
    #expect(code(folder)! == (.inspect, EISDIR))
    #expect(code("/dev/zero")! == (.inspect, EINVAL))
    #expect(code(folder + "/a\0b")! == (.open, EINVAL))
    #expect(code(folder + "/" + String(repeating: "x", count: 300))! == (.open, ENAMETOOLONG))
    let pipe = folder + "/pipe"
    try #require(mkfifo(pipe, 0o600) == 0)
    #expect(code(pipe)! == (.inspect, EINVAL))
    let loop = folder + "/loop"
    try FileManager.default.createSymbolicLink(atPath: loop, withDestinationPath: loop)
    #expect(code(loop)! == (.open, ELOOP))
  }

  @Test func `the error says what happened`() {
    #expect(throws: MappedFileError.self) { try MappedFile(path: "/nowhere/at all") }
    do { _ = try MappedFile(path: "/nowhere/at all") } catch {
      #expect(error.description == "cannot open '/nowhere/at all': No such file or directory")
    }
  }

  @Test func `a range outside the file stops the process`() async {
    await #expect(processExitsWith: .failure) {
      let file = try MappedFile(path: "/proc/self/exe")
      file.withBytes(0..<file.byteCount + 1) { _ in }
    }
  }
}
