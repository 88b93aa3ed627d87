// Grouped-query attention: the layout of its cache, and the rows and heads that one pass over a cache serves.
#include "kernels.h"

size_t fs_grouped_cache_floats(ptrdiff_t width, ptrdiff_t capacity) {
  ptrdiff_t blocks = (capacity + FS_ATTENTION_BLOCK - 1) / FS_ATTENTION_BLOCK;
  return (size_t)blocks * (size_t)fs_grouped_block_floats(width);
}

void fs_grouped_cache_store(float *cache, ptrdiff_t width, ptrdiff_t position, const float *restrict key,
                            const float *restrict value) {
  ptrdiff_t at = position % FS_ATTENTION_BLOCK, values_at = FS_ATTENTION_BLOCK * width + at * fs_padded_width(width);
  ptrdiff_t begin = position / FS_ATTENTION_BLOCK * fs_grouped_block_floats(width);
  float *keys = cache + begin + at, *values = cache + begin + values_at;
  for (ptrdiff_t d = 0; d < width; d++) {
    keys[d * FS_ATTENTION_BLOCK] = key[d];
    values[d] = value[d];
  }
}

/// For each unit its scores, its result so far, the lanes of its total and a record; then three numbers. One
/// record more.
size_t fs_grouped_attention_scratch(ptrdiff_t width) {
  return (size_t)FS_GROUPED_UNITS *
             (size_t)(FS_ATTENTION_BLOCK + fs_padded_width(width) + FS_LANES + fs_span_record_floats(width) + 3) +
         (size_t)fs_span_record_floats(width);
}

size_t fs_span_record_size(ptrdiff_t value_width) { return (size_t)fs_span_record_floats(value_width); }

void fs_join_spans(const fs_kernels *kernels, const float *records, ptrdiff_t count, ptrdiff_t value_width,
                   float *scratch, float *output) {
  kernels->join_spans(records, count, value_width, scratch, output);
}

/// All that rows see, or what they see from `first` up to `last`.
static void attend(const fs_kernels *kernels, const fs_grouped_queries *queries, ptrdiff_t first, ptrdiff_t last,
                   bool records, const float *cache, float *scratch) {
  fs_grouped_units units = {.width = queries->width, .scale = queries->scale, .records = records};
  for (ptrdiff_t i = queries->begin; i < queries->end; i++) {
    ptrdiff_t row = queries->index ? queries->index[i] : i;
    ptrdiff_t end = (ptrdiff_t)queries->positions[row] + 1;
    ptrdiff_t begin = queries->window > 0 && queries->window < end ? end - queries->window : 0;
    begin = begin < first ? first : begin;
    end = end > last ? last : end;
    if (begin >= end) continue;
    for (ptrdiff_t head = queries->head_begin; head < queries->head_end; head++) {
      units.query[units.count] = queries->query + row * queries->query_stride + head * units.width;
      units.output[units.count] = queries->output + i * queries->output_stride + head * queries->output_head_stride;
      units.begin[units.count] = begin;
      units.end[units.count] = end;
      if (++units.count == FS_GROUPED_UNITS) {
        kernels->grouped_attention(&units, cache, scratch);
        units.count = 0;
      }
    }
  }
  if (units.count > 0) kernels->grouped_attention(&units, cache, scratch);
}

void fs_grouped_attention(const fs_kernels *kernels, const fs_grouped_queries *queries, const float *cache,
                          float *scratch) {
  attend(kernels, queries, 0, PTRDIFF_MAX, false, cache, scratch);
}

void fs_grouped_attention_span(const fs_kernels *kernels, const fs_grouped_queries *queries, ptrdiff_t span,
                               const float *cache, float *scratch) {
  attend(kernels, queries, span * FS_ATTENTION_SPAN, (span + 1) * FS_ATTENTION_SPAN, true, cache, scratch);
}
