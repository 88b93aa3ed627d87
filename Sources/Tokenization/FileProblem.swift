import Foundation

/// Why a file could not be read or written.
package enum FileProblem {
  /// The system's own words, such as "Is a directory", which Foundation hides behind numbers of its own.
  package static func reason(_ error: any Error) -> String {
    var current: (any Error)? = error
    while let error = current {
      let described = error as NSError
      if described.domain == NSPOSIXErrorDomain, let code = Int32(exactly: described.code) {
        return unsafe String(cString: strerror(code))
      }
      current = described.userInfo[NSUnderlyingErrorKey] as? any Error
    }
    return error.localizedDescription
  }
}
