/// Values in the spelling of Python's `repr`.
extension PythonText {
  static func representation(of text: String) -> String {
    func isPlain(_ byte: UInt8) -> Bool { (0x20...0x7E).contains(byte) && byte != 0x27 && byte != 0x5C }
    if text.utf8.allSatisfy(isPlain) { return "'" + text + "'" }
    let scalars = text.unicodeScalars
    let quote: Unicode.Scalar = scalars.contains("'") && !scalars.contains("\"") ? "\"" : "'"
    var result = String.UnicodeScalarView()
    result.append(quote)
    for scalar in scalars {
      switch scalar {
      case "\\", quote:
        result.append("\\")
        result.append(scalar)
      case "\n": result.append(contentsOf: "\\n".unicodeScalars)
      case "\r": result.append(contentsOf: "\\r".unicodeScalars)
      case "\t": result.append(contentsOf: "\\t".unicodeScalars)
      case _ where isPrintable(scalar): result.append(scalar)
      default:
        let code = String(scalar.value, radix: 16)
        let (mark, width) = scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
        let zeros = String(repeating: "0", count: width - code.count)
        result.append(contentsOf: "\\\(mark)\(zeros)\(code)".unicodeScalars)
      }
    }
    result.append(quote)
    return String(result)
  }

  private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    if scalar == " " { return true }
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
      .spaceSeparator:
      return false
    default: return true
    }
  }

  /// A fraction with as few digits as tell it from every other: `1.0`, `1e+16`, `1e-05`, `inf`.
  static func representation(of number: Double) -> String {
    if number.isNaN { return "nan" }
    if number.isInfinite { return number < 0 ? "-inf" : "inf" }
    // Swift finds the same digits; only the spelling of exponents differs.
    var (digits, exponent) = decimal(of: number.magnitude)
    let sign = number.sign == .minus ? "-" : ""
    if exponent < -4 || exponent >= 16 {
      let fraction = digits.count > 1 ? "." + digits.dropFirst() : ""
      let power = String(exponent.magnitude)
      let padded = power.count < 2 ? "0" + power : power
      return "\(sign)\(digits.prefix(1))\(fraction)e\(exponent < 0 ? "-" : "+")\(padded)"
    }
    if exponent < 0 { return sign + "0." + String(repeating: "0", count: -exponent - 1) + digits }
    if digits.count <= exponent + 1 {
      digits += String(repeating: "0", count: exponent + 1 - digits.count) + "0"
    }
    return sign + digits.prefix(exponent + 1) + "." + digits.dropFirst(exponent + 1)
  }

  /// The shortest digits of a number, and the power of ten of the first one.
  private static func decimal(of number: Double) -> (digits: String, exponent: Int) {
    if number == 0 { return ("0", 0) }
    let spelled = number.description
    let parts = spelled.split(separator: "e")
    let power = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    let whole = mantissa[0]
    let fraction = mantissa.count > 1 ? mantissa[1] : ""
    let all = whole + fraction
    let leadingZeros = all.prefix { $0 == "0" }.count
    var digits = String(all.dropFirst(leadingZeros))
    while digits.count > 1, digits.last == "0" { digits.removeLast() }
    return (digits, whole.count - 1 - leadingZeros + power)
  }
}
