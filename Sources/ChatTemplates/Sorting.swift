/// A stable sort whose comparison may fail, for values of kinds that cannot be compared.
enum Sorting {
  static func sorted<Element>(
    _ elements: [Element], _ isLess: (Element, Element) throws(Failure) -> Bool
  ) throws(Failure) -> [Element] {
    if elements.count < 2 { return elements }
    let middle = elements.count / 2
    let left = try sorted(Array(elements[..<middle]), isLess)
    let right = try sorted(Array(elements[middle...]), isLess)
    var result: [Element] = []
    result.reserveCapacity(elements.count)
    var (leftIndex, rightIndex) = (0, 0)
    while leftIndex < left.count, rightIndex < right.count {
      if try isLess(right[rightIndex], left[leftIndex]) {
        result.append(right[rightIndex])
        rightIndex += 1
      } else {
        result.append(left[leftIndex])
        leftIndex += 1
      }
    }
    return result + left[leftIndex...] + right[rightIndex...]
  }
}
