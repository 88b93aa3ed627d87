// Grouped-query attention over a range of query heads: one call into the kernel set for each key-value head.
#include "kernels.h"

size_t fs_grouped_attention_scratch(ptrdiff_t heads) { return (size_t)heads * (FS_ATTENTION_BLOCK + 2); }

void fs_grouped_attention(const fs_kernels *kernels, const float *query, ptrdiff_t query_stride, ptrdiff_t head_begin,
                          ptrdiff_t head_end, ptrdiff_t heads_per_group, ptrdiff_t width, const float *cache,
                          ptrdiff_t cache_stride, ptrdiff_t value_offset, ptrdiff_t begin, ptrdiff_t length,
                          float scale, float *output, ptrdiff_t output_stride, float *scratch) {
  ptrdiff_t next;
  for (ptrdiff_t head = head_begin; head < head_end; head = next) {
    ptrdiff_t group = head / heads_per_group, group_end = (group + 1) * heads_per_group;
    next = group_end < head_end ? group_end : head_end;
    const float *keys = cache + group * width;
    kernels->grouped_attention(query + head * query_stride, query_stride, next - head, width, keys, keys + value_offset,
                               cache_stride, begin, length, scale, output + head * output_stride, output_stride,
                               scratch);
  }
}
