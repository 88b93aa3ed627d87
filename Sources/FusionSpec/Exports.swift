// Requests, results and errors are part of this library's own interface: `import FusionSpec` is enough to use it.
@_exported public import Checkpoints
@_exported public import Decoding
