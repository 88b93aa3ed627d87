private import Foundation

/// Fractions in the styles of format specifications.
enum DecimalText {
  /// The text of a number that is not negative.
  static func text(_ number: Double, kind: Unicode.Scalar?, precision: Int?) throws(Failure) -> String {
    if !number.isFinite { return PythonText.representation(of: number) }
    switch kind {
    case "f", "F": return String(format: "%.\(precision ?? 6)f", number)
    case "e", "E", "g", "G":
      return String(format: "%.\(precision ?? 6)\(Character(kind ?? "g"))", number)
    case "%": return String(format: "%.\(precision ?? 6)f", number * 100) + "%"
    case nil:
      guard let precision else { return PythonText.representation(of: number) }
      return String(format: "%.\(precision)g", number)
    default: throw Failure("unknown format code '\(kind ?? "?")' for a 'float'")
    }
  }

  /// The number rounded to some digits after the point; half goes to the even digit, as in Python.
  static func rounded(_ number: Double, digits: Int) -> Double {
    if digits > 300 || !number.isFinite { return number }
    if digits >= 0 { return Double(String(format: "%.\(digits)f", number)) ?? number }
    if digits < -300 { return 0 }
    var scale = 1.0
    for _ in 0..<(-digits) { scale *= 10 }
    return (number / scale).rounded(.toNearestOrEven) * scale
  }

  /// The time as `strftime` shows it, in the local time zone.
  static func formatted(time: Int?, _ format: String) throws(Failure) -> String {
    if format.isEmpty { return "" }
    var seconds = time ?? Foundation.time(nil)
    var calendar = unsafe tm()
    guard unsafe localtime_r(&seconds, &calendar) != nil else { throw Failure("the time cannot be shown") }
    var buffer = [CChar](repeating: 0, count: format.utf8.count * 40 + 64)
    let count = unsafe strftime(&buffer, buffer.count, format, &calendar)
    return String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
