/// What a person can press.
enum Key: Equatable {
  case text(String)
  case enter
  /// A line break inside the text: Alt-Enter, or one that was pasted.
  case lineBreak
  case backspace
  case delete
  case left
  case right
  case up
  case down
  case home
  case end
  case wordLeft
  case wordRight
  case deleteWord
  case deleteToStart
  case deleteToEnd
  case clearScreen
  /// Ctrl-C.
  case interrupt
  /// Ctrl-D.
  case endOfInput
  /// Ctrl-Z.
  case suspend
  /// Ctrl-\.
  case quit
  /// Ctrl-T, or Escape alone.
  case endThinking
}

/// Turns the bytes of a terminal in raw mode into keys. Bytes may arrive in any pieces.
struct KeyDecoder {
  private enum State: Equatable {
    case ground
    case escape
    /// Inside ESC [ or ESC O: the bytes so far.
    case sequence([UInt8])
    /// Inside a character: its bytes so far and how many it has.
    case character([UInt8], length: Int)
  }

  private var state = State.ground
  private var isPasting = false
  private var afterReturn = false
  private var keys: [Key] = []
  private static let longestSequence = 32

  /// Whether an escape byte came that may be the Escape key or the beginning of another key.
  var isUndecided: Bool { state == .escape }

  /// Takes bytes; returns the keys that they complete.
  mutating func append(_ bytes: some Sequence<UInt8>) -> [Key] {
    for byte in bytes { take(byte) }
    defer { keys.removeAll() }
    return keys
  }

  /// Decides that nothing more belongs to an escape byte: it was the key.
  mutating func finishEscape() -> [Key] {
    guard state == .escape else { return [] }
    state = .ground
    return [.endThinking]
  }

  private mutating func take(_ byte: UInt8) {
    switch state {
    case .ground: begin(byte)
    case .escape: escaped(byte)
    case .sequence(let bytes):
      // A sequence ends with a letter or ~; anything else out of place ends it too.
      if (0x40...0x7E).contains(byte), !(bytes.isEmpty && byte == 0x5B) {
        state = .ground
        sequence(String(decoding: bytes + [byte], as: UTF8.self))
      } else if byte < 0x20 {
        state = .ground
        begin(byte)
      } else if bytes.count >= Self.longestSequence {
        state = .ground
      } else {
        state = .sequence(bytes + [byte])
      }
    case .character(let bytes, let length):
      guard byte & 0xC0 == 0x80 else {
        state = .ground
        insert("\u{FFFD}")
        begin(byte)
        return
      }
      let all = bytes + [byte]
      if all.count < length {
        state = .character(all, length: length)
      } else {
        state = .ground
        insert(String(decoding: all, as: UTF8.self))
      }
    }
  }

  private mutating func begin(_ byte: UInt8) {
    let wasReturn = afterReturn
    afterReturn = byte == 0x0D
    switch byte {
    case 0x1B: state = .escape
    case 0x0D: keys.append(isPasting ? .lineBreak : .enter)
    case 0x0A:
      // A terminal that was not yet raw turned Enter into this byte; a pasted line may end with both.
      if !wasReturn { keys.append(isPasting ? .lineBreak : .enter) }
    case 0x09: insert("\t")
    case 0x00..<0x20, 0x7F: if !isPasting { control(byte) }
    case 0x20..<0x7F: insert(String(UnicodeScalar(byte)))
    case 0xC2...0xDF: state = .character([byte], length: 2)
    case 0xE0...0xEF: state = .character([byte], length: 3)
    case 0xF0...0xF4: state = .character([byte], length: 4)
    default: insert("\u{FFFD}")
    }
  }

  private mutating func insert(_ text: String) {
    if case .text(let before)? = keys.last {
      keys[keys.count - 1] = .text(before + text)
    } else {
      keys.append(.text(text))
    }
  }

  private mutating func control(_ byte: UInt8) {
    let key: Key? =
      switch byte {
      case 0x01: .home
      case 0x02: .left
      case 0x03: .interrupt
      case 0x04: .endOfInput
      case 0x05: .end
      case 0x06: .right
      case 0x08, 0x7F: .backspace
      case 0x0B: .deleteToEnd
      case 0x0C: .clearScreen
      case 0x0E: .down
      case 0x10: .up
      case 0x14: .endThinking
      case 0x15: .deleteToStart
      case 0x17: .deleteWord
      case 0x1A: .suspend
      case 0x1C: .quit
      default: nil
      }
    if let key { keys.append(key) }
  }

  private mutating func escaped(_ byte: UInt8) {
    state = .ground
    switch byte {
    case 0x5B, 0x4F: state = .sequence([])
    case 0x1B:
      keys.append(.endThinking)
      state = .escape
    case 0x0D, 0x0A: keys.append(.lineBreak)
    case 0x62: keys.append(.wordLeft)
    case 0x66: keys.append(.wordRight)
    case 0x7F, 0x08: keys.append(.deleteWord)
    default:
      // Escape, and then another key within the same instant.
      if byte < 0x20 {
        keys.append(.endThinking)
        begin(byte)
      }
    }
  }

  private mutating func sequence(_ text: String) {
    switch text {
    case "200~": isPasting = true
    case "201~": isPasting = false
    case "A": keys.append(.up)
    case "B": keys.append(.down)
    case "C": keys.append(.right)
    case "D": keys.append(.left)
    case "H", "1~", "7~": keys.append(.home)
    case "F", "4~", "8~": keys.append(.end)
    case "3~": keys.append(.delete)
    case "1;5C", "1;3C", "5C": keys.append(.wordRight)
    case "1;5D", "1;3D", "5D": keys.append(.wordLeft)
    default: break
    }
  }
}
