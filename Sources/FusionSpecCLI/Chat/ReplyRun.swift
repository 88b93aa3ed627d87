import Foundation
import FusionSpec
import Synchronization

/// Pieces of a reply on their way from the task that receives them to the main loop.
private final class Inbox: Sendable {
  enum Item {
    case piece(ReplyPiece)
    case failure(SessionError)
    case end
  }

  private let items = Mutex<[Item]>([])

  func put(_ item: Item) {
    items.withLock { $0.append(item) }
    Notices.post(.news)
  }

  func take() -> [Item] {
    items.withLock { items in
      defer { items = [] }
      return items
    }
  }
}

/// Shows one reply while it is written, and minds the keys meanwhile.
final class ReplyRun {
  /// What became of a reply.
  enum Outcome {
    case finished(Reply)
    case failed(SessionError)
    case leave(Int32)
  }

  private let session: LanguageModelSession
  private let editor: LineEditor?
  private var display: ReplyDisplay
  private var status: StatusLine
  private var lastFrame = ContinuousClock.now
  /// Ctrl-C during this reply.
  private(set) var interrupts = 0
  private var isHungUp = false
  /// A person reads no faster than this, and a terminal is written to the less often.
  private static let frame = Duration.milliseconds(16)

  /// - Parameter editor: Where keys come from; nil without a terminal.
  init(session: LanguageModelSession, editor: LineEditor?, terminal: Terminal) {
    self.session = session
    self.editor = editor
    display = ReplyDisplay(terminal, isInteractive: editor != nil && isatty(STDOUT_FILENO) == 1)
    status = StatusLine(isStyled: terminal.usesColor)
  }

  /// Shows a reply to its end. The text of a reply that was stopped has been written as far as it came.
  func run(_ stream: ReplyStream) -> Outcome {
    let inbox = Inbox()
    let task = Task {
      do throws(SessionError) {
        for try await piece in stream { inbox.put(.piece(piece)) }
      } catch {
        inbox.put(.failure(error))
      }
      inbox.put(.end)
    }
    defer { task.cancel() }
    var outcome: Outcome?
    var isEnded = false
    while !isEnded {
      let events = Notices.wait(forInput: editor != nil && !isHungUp, milliseconds: longestWait)
      if events.isEmpty {
        if let editor, editor.isUndecided { obey(editor.finishEscape()) }
        showStatus()
      }
      for event in events {
        switch event {
        case .notice(.news):
          pace()
          if show(inbox.take(), &outcome) { isEnded = true }
          if !isEnded, outcome == nil { showStatus() }
        case .notice(.interrupt): obey([.interrupt])
        case .notice(.suspend): obey([.suspend])
        case .notice(.resume):
          if editor != nil {
            TerminalMode.leave()
            TerminalMode.enter()
          }
        case .notice(.resize): break
        case .input(let bytes): if let editor { obey(editor.takeAhead(bytes)) }
        case .endOfInput:
          isHungUp = true
          session.cancel()
        }
      }  // keys that came together with the end count as well
    }
    status.hide()
    display.endLine()
    return isHungUp ? .leave(0) : outcome ?? .failed(.cancelled)
  }

  /// Milliseconds until something has to be done without a notice or a key.
  private var longestWait: Int32 {
    guard let editor else { return -1 }
    return editor.isUndecided ? 40 : 100
  }

  private func obey(_ keys: [Key]) {
    for key in keys {
      switch key {
      case .interrupt:
        interrupts += 1
        session.cancel()
        if interrupts > 1 {
          // The reply may be far from its next step; nobody waits for it.
          status.hide()
          display.endLine()
          TerminalMode.leave()
          _exit(130)
        }
      case .endThinking: session.endThinking()
      case .suspend:
        status.hide()
        TerminalMode.suspend()
      case .quit:
        TerminalMode.leave()
        raise(SIGQUIT)
      default: break
      }
    }
  }

  /// Shows what came, as few writes as possible; true at the end.
  private func show(_ items: [Inbox.Item], _ outcome: inout Outcome?) -> Bool {
    var (thought, answer) = ("", "")
    func flush() {
      if thought.isEmpty && answer.isEmpty { return }
      status.hide()
      if !thought.isEmpty { display.write(thought, phase: .thinking) }
      if !answer.isEmpty { display.write(answer, phase: .answer) }
      (thought, answer) = ("", "")
    }
    defer { flush() }
    for item in items {
      switch item {
      case .piece(.thought(let text)):
        if !answer.isEmpty { flush() }  // thoughts that come again after an answer
        thought += text
      case .piece(.answer(let text)): answer += text
      case .piece(.finished(let reply)): outcome = .finished(reply)
      case .failure(let error): outcome = .failed(error)
      case .end: return true
      }
    }
    return false
  }

  /// Waits until the next frame is due, so that pieces gather.
  private func pace() {
    guard editor != nil else { return }
    let rest = Self.frame - (ContinuousClock.now - lastFrame)
    if rest > .zero { Thread.sleep(forTimeInterval: rest.milliseconds / 1000) }
    lastFrame = .now
  }

  private func showStatus() {
    guard editor != nil, let progress = session.progress else { return }
    // At the edge of the screen the place of the cursor cannot be kept.
    let columns = TerminalMode.size.columns
    if display.column > 0, display.column % columns == 0 { return }
    status.show(progress)
  }
}
