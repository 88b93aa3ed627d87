import ArgumentParser

/// The options of output that every command takes.
struct OutputArguments: ParsableArguments {
  @Option(help: "Colour: auto (on a terminal, unless NO_COLOR is set), always, never.")
  var color: ColorChoice = .auto

  var terminal: Terminal { Terminal(color) }
}
