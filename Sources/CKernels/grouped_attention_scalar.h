// Grouped-query attention of the reference set: what grouped_attention.h computes, as plain loops. For scalar.c.

/// exp(x) for x <= 0; 0 below FS_EXP_LEAST_WEIGHT.
static float exponential_weight(float x) {
  if (x < FS_EXP_LEAST_WEIGHT) return 0;
  float rounded = fmaf(x, FS_EXP_LOG2E, FS_EXP_BIASED_ROUND);
  float n = rounded - FS_EXP_BIASED_ROUND;
  float r = fmaf(-n, FS_EXP_LN2_HIGH, x);
  r = fmaf(-n, FS_EXP_LN2_LOW, r);
  float q = fmaf(FS_EXP_C6, r, FS_EXP_C5);
  q = fmaf(q, r, FS_EXP_C4);
  q = fmaf(q, r, FS_EXP_C3);
  q = fmaf(q, r, FS_EXP_C2);
  float p = fmaf(r * r, q, r) + 1;
  return p * float_of_bits(bits_of_float(rounded) << 23);
}

/// One unit over positions [begin, end) of a span, as a record.
static void grouped_span(const fs_grouped_units *units, ptrdiff_t u, const float *cache, ptrdiff_t begin, ptrdiff_t end,
                         float *record) {
  ptrdiff_t width = units->width, padded = fs_padded_width(width);
  float weights[FS_ATTENTION_BLOCK], greatest = -INFINITY, lanes[FS_LANES] = {0};
  memset(record, 0, (size_t)padded * sizeof(float));
  for (ptrdiff_t block = begin - begin % FS_ATTENTION_BLOCK; block < end; block += FS_ATTENTION_BLOCK) {
    ptrdiff_t keys = block / FS_ATTENTION_BLOCK * fs_grouped_block_floats(width);
    ptrdiff_t values = keys + FS_ATTENTION_BLOCK * width;
    ptrdiff_t first = begin > block ? begin - block : 0;
    ptrdiff_t last = end - block < FS_ATTENTION_BLOCK ? end - block : FS_ATTENTION_BLOCK;
    float previous = greatest;
    for (ptrdiff_t t = first; t < last; t++) {
      float sum = 0;
      for (ptrdiff_t d = 0; d < width; d++)
        sum = fmaf(units->query[u][d], cache[keys + d * FS_ATTENTION_BLOCK + t], sum);
      weights[t] = sum * units->scale;
      greatest = weights[t] > greatest ? weights[t] : greatest;
    }
    float correction = exponential_weight(previous - greatest);  // 0 in the first block
    for (ptrdiff_t l = 0; l < FS_LANES; l++) lanes[l] *= correction;
    for (ptrdiff_t t = first; t < last; t++) {
      weights[t] = exponential_weight(weights[t] - greatest);
      lanes[t % FS_LANES] += weights[t];
    }
    for (ptrdiff_t d = 0; d < width; d++) {
      float sum = record[d] * correction;
      for (ptrdiff_t t = first; t < last; t++)
        sum = fmaf(weights[t], cache[values + t * padded + d], sum);
      record[d] = sum;
    }
  }
  record[padded] = greatest;
  record[padded + 1] = fold(lanes, FS_LANES);
}

/// Adds a span's record to that of the spans before it.
static void span_join(float *record, const float *span, ptrdiff_t padded) {
  float before = record[padded], own = span[padded], greatest = own > before ? own : before;
  float factor = exponential(before - greatest), own_factor = exponential(own - greatest);
  for (ptrdiff_t d = 0; d < padded; d++) record[d] = fmaf(span[d], own_factor, record[d] * factor);
  record[padded] = greatest;
  record[padded + 1] = fmaf(span[padded + 1], own_factor, record[padded + 1] * factor);
}

static void span_divide(const float *record, ptrdiff_t width, float *output) {
  float inverse = 1 / record[fs_padded_width(width) + 1];
  for (ptrdiff_t d = 0; d < width; d++) output[d] = record[d] * inverse;
}

static void join_spans(const float *records, ptrdiff_t count, ptrdiff_t width, float *scratch, float *output) {
  memcpy(scratch, records, (size_t)fs_span_record_floats(width) * sizeof(float));
  for (ptrdiff_t span = 1; span < count; span++)
    span_join(scratch, records + span * fs_span_record_floats(width), fs_padded_width(width));
  span_divide(scratch, width, output);
}

static void grouped_attention(const fs_grouped_units *units, const float *cache, float *scratch) {
  ptrdiff_t width = units->width;
  float *whole = scratch, *own = scratch + fs_span_record_floats(width);
  for (ptrdiff_t u = 0; u < units->count; u++) {
    ptrdiff_t begin = units->begin[u], end = units->end[u];
    for (ptrdiff_t from = begin, to; from < end; from = to) {
      ptrdiff_t span_end = (from / FS_ATTENTION_SPAN + 1) * FS_ATTENTION_SPAN;
      to = span_end < end ? span_end : end;
      float *record = units->records ? units->output[u] : from == begin ? whole : own;
      grouped_span(units, u, cache, from, to, record);
      if (record == own) span_join(whole, own, fs_padded_width(width));
    }
    if (!units->records) span_divide(whole, width, units->output[u]);
  }
}
