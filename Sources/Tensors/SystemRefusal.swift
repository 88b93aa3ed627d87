import Synchronization

/// What happens where the system refuses memory or a thread, of which no computation can do without.
public enum SystemRefusal {
  private static let handler = Mutex<(@Sendable (String) -> Never)?>(nil)

  /// Sets what is done then: a program can say so and end. Without it the process stops with the message as a fatal error.
  public static func handle(with body: @escaping @Sendable (_ message: String) -> Never) {
    handler.withLock { $0 = body }
  }

  static func end(_ message: String) -> Never {
    if let body = handler.withLock({ $0 }) { body(message) }
    fatalError(message)
  }
}
