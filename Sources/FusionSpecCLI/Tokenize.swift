import ArgumentParser
import ChatTemplates
import FusionSpec
import Tokenization

/// `fusionspec tokenize`.
struct Tokenize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Text to token ids, or ids to text.",
    discussion:
      "Takes the options of every command; of those about the model only --model changes the tokens.")

  @OptionGroup(title: "Model") var modelArguments: ModelArguments
  @Argument(help: "The text; - reads stdin.") var text: String?
  @Option(help: "Token ids to decode, such as 1,2,3.") var ids: String?
  @Flag(help: "Put the text through the chat template as one user message.") var chat = false
  @Flag(help: "Print the result as JSON.") var json = false
  @OptionGroup(title: "Output") var output: OutputArguments

  func validate() throws {
    if (text == nil) == (ids == nil) { throw ValidationError("give either TEXT or --ids") }
    if chat, ids != nil { throw ValidationError("--chat goes with TEXT") }
  }

  func run() throws {
    let processor = try TextProcessor(directory: modelArguments.directory)
    let tokenizer = processor.tokenizer
    let tokens: [TokenID]
    let string: String
    if let ids {
      tokens = try TextInput.tokenIDs(ids, option: "--ids")
      string = try tokenizer.decode(tokens, skippingSpecialTokens: false)
    } else {
      var input = text ?? ""
      if input == "-" { input = try TextInput.read("-") }
      if chat {
        let messages: [TemplateValue] = [["role": "user", "content": .string(input)]]
        input = try processor.renderChat(messages: messages)
        tokens = try processor.encodeChat(messages: messages)
      } else {
        tokens = tokenizer.encode(input, parsingSpecialTokens: false)
      }
      string = input
    }
    if json {
      let document: JSONDocument = [
        "schema": "fusionspec.tokenize/1", "tokenizer": .string(tokenizer.kind),
        "token_ids": JSONDocument(tokens),
        "pieces": .array(tokens.map { JSONDocument(tokenizer.piece(of: $0)) }), "text": .string(string),
      ]
      Terminal.output(document.line() + "\n")
    } else if ids != nil {
      Terminal.output(string + "\n")
    } else {
      for token in tokens { Terminal.output("\(token)\t\(tokenizer.piece(of: token) ?? "")\n") }
    }
  }
}
