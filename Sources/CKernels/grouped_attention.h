// Grouped-query attention of the vector sets, written once over sixteen lanes. Include after vector.h and inside the
// target pragma.

enum { KEYS_AHEAD = 16 };

/// One block of positions for a few query heads that share one key-value head. The caller has zeroed output and totals
/// and set greatest to -infinity.
FS_INLINE void grouped_block(const float *query, ptrdiff_t query_stride, int heads, ptrdiff_t width, const float *keys,
                             const float *values, ptrdiff_t stride, ptrdiff_t count, float scale, float *output,
                             ptrdiff_t output_stride, float *scores, float *greatest, float *totals) {
  for (ptrdiff_t t = 0; t < count; t += 4) {
    const float *four[4];
    for (int j = 0; j < 4; j++) four[j] = keys + (t + j < count ? t + j : t) * stride;
    // A head's keys are short pieces of long rows, which the processor does not foresee: keys are asked for some positions
    // ahead, values while the same positions are scored.
    for (int j = 0; j < 4; j++)
      for (ptrdiff_t d = 0; d < width; d += FS_LANES) {
        __builtin_prefetch(keys + (t + j + KEYS_AHEAD) * stride + d, 0, 3);
        __builtin_prefetch(values + (t + j) * stride + d, 0, 3);
      }
    score_tile(query, query_stride, heads, four, width, scale, scores + t, count - t);
  }
  float corrections[FS_ATTENTION_HEADS];
  for (int h = 0; h < heads; h++)
    corrections[h] = weigh(scores + h * FS_ATTENTION_BLOCK, count, greatest + h, totals + h);
  ptrdiff_t d = 0;
  for (; d + FS_ATTENTION_VECTORS * FS_LANES <= width; d += FS_ATTENTION_VECTORS * FS_LANES)
    value_tile(output + d, output_stride, heads, FS_ATTENTION_VECTORS, values + d, stride, count, scores, corrections);
  for (; d + FS_LANES <= width; d += FS_LANES)
    value_tile(output + d, output_stride, heads, 1, values + d, stride, count, scores, corrections);
  for (; d < width; d++)
    for (int h = 0; h < heads; h++) {
      float sum = output[h * output_stride + d] * corrections[h];
      for (ptrdiff_t t = 0; t < count; t++) sum = fmaf(scores[h * FS_ATTENTION_BLOCK + t], values[t * stride + d], sum);
      output[h * output_stride + d] = sum;
    }
}

static void grouped_attention(const float *query, ptrdiff_t query_stride, ptrdiff_t heads, ptrdiff_t width,
                              const float *keys, const float *values, ptrdiff_t stride, ptrdiff_t begin,
                              ptrdiff_t length, float scale, float *output, ptrdiff_t output_stride, float *scratch) {
  float *greatest = scratch + heads * FS_ATTENTION_BLOCK, *totals = greatest + heads;
  for (ptrdiff_t h = 0; h < heads; h++) {
    greatest[h] = -INFINITY;
    totals[h] = 0;
    memset(output + h * output_stride, 0, (size_t)width * sizeof(float));
  }
  for (ptrdiff_t block = begin - begin % FS_ATTENTION_BLOCK; block < length; block += FS_ATTENTION_BLOCK) {
    ptrdiff_t first = block < begin ? begin : block;
    ptrdiff_t end = length - block < FS_ATTENTION_BLOCK ? length : block + FS_ATTENTION_BLOCK;
    const float *k = keys + first * stride, *v = values + first * stride;
    ptrdiff_t h = 0;
    for (; h + FS_ATTENTION_HEADS <= heads; h += FS_ATTENTION_HEADS)
      grouped_block(query + h * query_stride, query_stride, FS_ATTENTION_HEADS, width, k, v, stride, end - first, scale,
                    output + h * output_stride, output_stride, scratch + h * FS_ATTENTION_BLOCK, greatest + h,
                    totals + h);
    for (; h < heads; h++)
      grouped_block(query + h * query_stride, query_stride, 1, width, k, v, stride, end - first, scale,
                    output + h * output_stride, output_stride, scratch + h * FS_ATTENTION_BLOCK, greatest + h,
                    totals + h);
  }
  for (ptrdiff_t h = 0; h < heads; h++) {
    float inverse = 1 / totals[h];
    for (ptrdiff_t d = 0; d < width; d++) output[h * output_stride + d] *= inverse;
  }
}
