// Grouped-query attention of the reference set: what grouped_attention.h computes, as plain loops. Included by scalar.c.

static void grouped_attention(const float *query, ptrdiff_t query_stride, ptrdiff_t heads, ptrdiff_t width,
                              const float *keys, const float *values, ptrdiff_t stride, ptrdiff_t begin,
                              ptrdiff_t length, float scale, float *output, ptrdiff_t output_stride, float *scratch) {
  float *weights = scratch;  // [FS_ATTENTION_BLOCK]
  for (ptrdiff_t h = 0; h < heads; h++) {
    const float *q = query + h * query_stride;
    float *out = output + h * output_stride;
    float greatest = -INFINITY, total = 0;
    for (ptrdiff_t d = 0; d < width; d++) out[d] = 0;
    for (ptrdiff_t block = begin - begin % FS_ATTENTION_BLOCK; block < length; block += FS_ATTENTION_BLOCK) {
      ptrdiff_t first = block < begin ? begin : block;
      ptrdiff_t end = length - block < FS_ATTENTION_BLOCK ? length : block + FS_ATTENTION_BLOCK;
      float previous = greatest;
      for (ptrdiff_t t = first; t < end; t++) {
        float score = dot(q, keys + t * stride, width) * scale;
        weights[t - first] = score;
        greatest = score > greatest ? score : greatest;
      }
      float lanes[FS_LANES] = {0};
      for (ptrdiff_t t = 0; t < end - first; t++) {
        weights[t] = exponential(weights[t] - greatest);
        lanes[t % FS_LANES] += weights[t];
      }
      float correction = exponential(previous - greatest);  // 0 in the first block
      total = fmaf(total, correction, fold(lanes, FS_LANES));
      for (ptrdiff_t d = 0; d < width; d++) {
        float sum = out[d] * correction;
        for (ptrdiff_t t = first; t < end; t++) sum = fmaf(weights[t - first], values[t * stride + d], sum);
        out[d] = sum;
      }
    }
    float inverse = 1 / total;
    for (ptrdiff_t d = 0; d < width; d++) out[d] *= inverse;
  }
}
