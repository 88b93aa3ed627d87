// Attention in tiles: the rows and heads that one pass over a cache serves.
#include "kernels.h"

size_t fs_tiled_attention_scratch(fs_tiled_shape shape) {
  // Queries and weights as floats, which takes more room than as bf16 or integers and their scales; scores; sums.
  return (size_t)FS_TILED_UNITS * (size_t)(fs_tiled_steps(shape.key_width) * 32 + FS_TILED_CHUNK + FS_TILED_CHUNK +
                                           fs_padded_width(shape.value_width)) +
         (FS_TILED_UNITS + 1) * (size_t)fs_span_record_floats(shape.value_width);
}

/// All that rows see, or what they see from `first` up to `last`.
static void attend(const fs_kernels *kernels, const fs_tiled_queries *queries, ptrdiff_t first, ptrdiff_t last,
                   bool records, const float *cache, float *scratch) {
  fs_tiled_units units = {.shape = queries->shape, .scale = queries->scale, .records = records, .cold = true};
  for (ptrdiff_t i = queries->begin; i < queries->end; i++) {
    ptrdiff_t row = queries->index ? queries->index[i] : i;
    ptrdiff_t end = (ptrdiff_t)queries->positions[row] + 1;
    ptrdiff_t begin = queries->window > 0 && queries->window < end ? end - queries->window : 0;
    begin = begin < first ? first : begin;
    end = end > last ? last : end;
    if (begin >= end) continue;
    const float *query = queries->query + (queries->packed ? i : row) * queries->query_stride;
    float *output = queries->output + i * queries->output_stride;
    for (ptrdiff_t head = queries->head_begin; head < queries->head_end; head++) {
      if (units.count == FS_TILED_UNITS) {
        kernels->tiled_attention(&units, (const char *)cache, (char *)scratch);
        units.count = 0;
        // What one pass has read the next finds in the second cache, if it fits.
        units.cold = (end - begin) / 32 * (ptrdiff_t)fs_tiled_block_bytes(units.shape) > 1 << 20;
      }
      units.query[units.count] = query + head * units.shape.key_width;
      units.output[units.count] = output + head * queries->output_head_stride;
      units.begin[units.count] = begin;
      units.end[units.count] = end;
      units.count++;
    }
  }
  units.following = queries->following;
  if (units.count > 0) kernels->tiled_attention(&units, (const char *)cache, (char *)scratch);
}

void fs_tiled_attention(const fs_kernels *kernels, const fs_tiled_queries *queries, const float *cache,
                        float *scratch) {
  attend(kernels, queries, 0, PTRDIFF_MAX, false, cache, scratch);
}

void fs_tiled_attention_span(const fs_kernels *kernels, const fs_tiled_queries *queries, ptrdiff_t span,
                             const float *cache, float *scratch) {
  attend(kernels, queries, span * FS_ATTENTION_SPAN, (span + 1) * FS_ATTENTION_SPAN, true, cache, scratch);
}
