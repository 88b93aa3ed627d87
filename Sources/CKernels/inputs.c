// Input rows in the forms that the tile kernels take.
#include <string.h>

#include "inputs.h"

/// Bytes of the lines of a prepared row.
static size_t line_bytes(fs_form form, ptrdiff_t k) {
  return form == FS_FORM_INTEGERS ? (size_t)fs_groups(k) * FS_GROUP
         : form == FS_FORM_PAIRS  ? (size_t)(k + 31) / 32 * 64
                                  : (size_t)(k + 31) / 16 * 64;
}

// A multiple of 64 that is none of 4096, so that the same columns of many rows find room in a cache side by side.
size_t fs_form_bytes(fs_form form, ptrdiff_t k) {
  size_t tail = form == FS_FORM_INTEGERS ? fs_tail_bytes(k) : 0;
  return (line_bytes(form, k) + tail + 63) / 64 * 64 | 64;
}

size_t fs_expanded_bytes(ptrdiff_t k) { return FS_EXPANDED_PANELS * fs_panel_bytes(FS_FORMAT_BF16, k); }

size_t fs_widest_rows_bytes(ptrdiff_t k, ptrdiff_t row_count) {
  return (size_t)row_count * fs_form_bytes(FS_FORM_FLOATS, k);
}

size_t fs_scratch_bytes(ptrdiff_t k, ptrdiff_t row_count) {
  return fs_widest_rows_bytes(k, row_count) + fs_expanded_bytes(k);
}

size_t fs_prepared_bytes(const fs_kernels *kernels, fs_format format, ptrdiff_t k) {
  return fs_form_bytes(kernels->form[format], k);
}

void fs_prepare(const fs_kernels *kernels, fs_format format, ptrdiff_t k, fs_rows x, ptrdiff_t row_count,
                void *prepared) {
  fs_form form = kernels->form[format];
  size_t bytes = fs_form_bytes(form, k);
  for (ptrdiff_t r = 0; r < row_count; r++) {
    char *to = (char *)prepared + (size_t)r * bytes;
    if (form == FS_FORM_FLOATS)
      memcpy(to, fs_row(x, r), (size_t)k * sizeof(float));
    else
      kernels->prepare[form](fs_row(x, r), k, to);
  }
}
