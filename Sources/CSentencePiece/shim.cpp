#include <sentencepiece_processor.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "CSentencePiece.h"

// Exported by the library, though its header does not declare it; weak, so that a build without it still links.
namespace sentencepiece::logging {
__attribute__((weak)) void SetMinLogLevel(int level);
}

struct csp_processor {
  sentencepiece::SentencePieceProcessor library;
};

namespace {

csp_status make_status(int32_t code, const char *message) {
  csp_status status = {code, {0}};
  if (message != nullptr) {
    std::strncpy(status.message, message, sizeof(status.message) - 1);
  }
  return status;
}

csp_status make_status(const sentencepiece::util::Status &status) {
  if (status.ok()) return make_status(0, nullptr);
  return make_status(static_cast<int32_t>(status.code()), status.error_message());
}

constexpr int32_t kCaughtException = 2;
constexpr int32_t kInvalidArgument = 3;

/// Runs `body`; an exception becomes a status.
template <typename Body>
csp_status guarded(Body body) {
  try {
    return body();
  } catch (const std::exception &error) {
    return make_status(kCaughtException, error.what());
  } catch (...) {
    return make_status(kCaughtException, "an exception of unknown type");
  }
}

/// Copies `count` elements into memory of `malloc`, which C and Swift can release. Never null for success.
template <typename Element>
Element *copied(const Element *elements, size_t count) {
  auto *copy = static_cast<Element *>(std::malloc(count == 0 ? 1 : count * sizeof(Element)));
  if (copy == nullptr) throw std::bad_alloc();
  if (count > 0) std::memcpy(copy, elements, count * sizeof(Element));
  return copy;
}

bool in_range(const csp_processor *processor, int32_t id) {
  return id >= 0 && id < processor->library.GetPieceSize();
}

}  // namespace

csp_status csp_open(const uint8_t *bytes, size_t count, csp_processor **processor) {
  *processor = nullptr;
  return guarded([&] {
    // Errors come back as statuses; the library would print them as well.
    if (sentencepiece::logging::SetMinLogLevel != nullptr) sentencepiece::logging::SetMinLogLevel(3);
    auto opened = std::make_unique<csp_processor>();
    const std::string_view serialized(reinterpret_cast<const char *>(bytes), count);
    const auto status = opened->library.LoadFromSerializedProto(serialized);
    if (!status.ok()) return make_status(status);
    *processor = opened.release();
    return make_status(0, nullptr);
  });
}

void csp_close(csp_processor *processor) { delete processor; }

csp_status csp_encode(const csp_processor *processor, const char *text, size_t count, int32_t **ids,
                      size_t *id_count) {
  *ids = nullptr;
  *id_count = 0;
  return guarded([&] {
    std::vector<int> encoded;
    const auto status = processor->library.Encode(std::string_view(text, count), &encoded);
    if (!status.ok()) return make_status(status);
    static_assert(sizeof(int) == sizeof(int32_t));
    *ids = copied(encoded.data(), encoded.size());
    *id_count = encoded.size();
    return make_status(0, nullptr);
  });
}

csp_status csp_decode(const csp_processor *processor, const int32_t *ids, size_t id_count, char **text,
                      size_t *count) {
  *text = nullptr;
  *count = 0;
  return guarded([&] {
    std::vector<int> tokens(ids, ids + id_count);
    for (const int token : tokens) {
      if (!in_range(processor, token)) return make_status(kInvalidArgument, "an id is out of range");
    }
    std::string decoded;
    const auto status = processor->library.Decode(tokens, &decoded);
    if (!status.ok()) return make_status(status);
    *text = copied(decoded.data(), decoded.size());
    *count = decoded.size();
    return make_status(0, nullptr);
  });
}

void csp_free(void *memory) { std::free(memory); }

int32_t csp_vocabulary_size(const csp_processor *processor) { return processor->library.GetPieceSize(); }

int32_t csp_beginning_of_sequence(const csp_processor *processor) { return processor->library.bos_id(); }
int32_t csp_end_of_sequence(const csp_processor *processor) { return processor->library.eos_id(); }
int32_t csp_unknown(const csp_processor *processor) { return processor->library.unk_id(); }
int32_t csp_padding(const csp_processor *processor) { return processor->library.pad_id(); }
