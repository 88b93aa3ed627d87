// A C face for libsentencepiece: no C++ type and no exception crosses it.
//
// A processor is immutable once opened, so any number of threads may use one at the same time. The pieces themselves
// (texts and types) are read from the model file, for the library does not tell user-defined pieces from ordinary ones.
#ifndef FUSIONSPEC_CSENTENCEPIECE_H
#define FUSIONSPEC_CSENTENCEPIECE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct csp_processor csp_processor;

/// How a call ended. `code` is 0 for success, else the library's status code, or 2 for an exception that was caught.
typedef struct {
  int32_t code;
  char message[244];
} csp_status;

/// Opens a serialized model. On success `*processor` is to be released with `csp_close`; else it is null.
csp_status csp_open(const uint8_t *bytes, size_t count, csp_processor **processor);
void csp_close(csp_processor *processor);

/// Encodes UTF-8 text (NUL bytes allowed). `*ids` is to be released with `csp_free`.
csp_status csp_encode(const csp_processor *processor, const char *text, size_t count, int32_t **ids,
                      size_t *id_count);
/// Decodes ids to UTF-8 text, which is not NUL-terminated. An id out of range is an error.
csp_status csp_decode(const csp_processor *processor, const int32_t *ids, size_t id_count, char **text,
                      size_t *count);
void csp_free(void *memory);

int32_t csp_vocabulary_size(const csp_processor *processor);
/// -1 where the model has no such piece.
int32_t csp_beginning_of_sequence(const csp_processor *processor);
int32_t csp_end_of_sequence(const csp_processor *processor);
int32_t csp_unknown(const csp_processor *processor);
int32_t csp_padding(const csp_processor *processor);

#ifdef __cplusplus
}
#endif

#endif
