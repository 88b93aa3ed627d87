// Attention over a cache of tiles in the reference set: what attention_pairs.h computes, as plain loops. For scalar.c, behind
// grouped_attention_scalar.h and integer_attention_scalar.h.

/// Number of a position's key, or of its value, in a block of 32 positions.
static float tiled_number(const char *block, ptrdiff_t offset) {
  uint16_t number;
  memcpy(&number, block + offset, sizeof number);
  return float_of_bits((uint32_t)number << 16);
}
static float tiled_key(const char *block, ptrdiff_t steps, ptrdiff_t at, ptrdiff_t d) {
  return tiled_number(block, (at / 16 * steps + d / 32) * 1024 + d % 32 / 2 * 64 + at % 16 * 4 + d % 2 * 2);
}
static float tiled_value(const char *block, ptrdiff_t steps, ptrdiff_t at, ptrdiff_t d) {
  return tiled_number(block, (2 * steps + d / 16) * 1024 + at / 2 * 64 + d % 16 * 4 + at % 2 * 2);
}

static float paired(float x) { return float_of_bits((uint32_t)fs_paired_bf16(x) << 16); }

/// Products of a pair, the second one's first.
static float add_pair(float sum, const float first[2], const float second[2]) {
  return fmaf(first[0], second[0], fmaf(first[1], second[1], sum));
}

/// One unit over positions [begin, end) of a span, as a record.
static void tiled_span(const fs_tiled_units *units, ptrdiff_t u, const char *cache, ptrdiff_t begin, ptrdiff_t end,
                       float *record) {
  ptrdiff_t steps = fs_tiled_steps(units->shape.key_width), width = units->shape.value_width;
  ptrdiff_t padded = fs_padded_width(width);
  ptrdiff_t block_bytes = (ptrdiff_t)fs_tiled_block_bytes(units->shape);
  float weights[FS_TILED_CHUNK], greatest = -INFINITY, total = 0;
  memset(record, 0, (size_t)padded * sizeof(float));
  for (ptrdiff_t chunk = begin - begin % FS_TILED_CHUNK; chunk < end; chunk += FS_TILED_CHUNK) {
    const char *first = cache + chunk / 32 * block_bytes;
    ptrdiff_t from = begin > chunk ? begin - chunk : 0, to = end - chunk < FS_TILED_CHUNK ? end - chunk : FS_TILED_CHUNK;
    float previous = greatest;
    for (ptrdiff_t t = from; t < to; t++) {
      const char *block = first + t / 32 * block_bytes;
      float score = 0;
      for (ptrdiff_t d = 0; d < units->shape.key_width; d += 2) {
        bool is_odd = d + 1 == units->shape.key_width;
        float query[2] = {paired(units->query[u][d]), is_odd ? 0 : paired(units->query[u][d + 1])};
        float key[2] = {tiled_key(block, steps, t % 32, d), tiled_key(block, steps, t % 32, d + 1)};
        score = add_pair(score, query, key);
      }
      weights[t] = score;
      float scaled = score * units->scale;
      greatest = scaled > greatest ? scaled : greatest;
    }
    float correction = previous == greatest ? 1 : exponential_weight(previous - greatest);
    float lanes[FS_LANES] = {0};
    for (ptrdiff_t t = 0; t < FS_TILED_CHUNK; t++) {
      bool sees = t >= from && t < to;
      weights[t] = sees ? paired(exponential_weight(fmaf(weights[t], units->scale, -greatest))) : 0;
      lanes[t % FS_LANES] += weights[t];
    }
    total = fmaf(total, correction, fold(lanes, FS_LANES));
    for (ptrdiff_t d = 0; d < width; d++) {
      float sum = record[d] * correction;
      for (ptrdiff_t t = from - from % 2; t < to; t += 2) {
        const char *block = first + t / 32 * block_bytes;
        float value[2] = {tiled_value(block, steps, t % 32, d), tiled_value(block, steps, t % 32 + 1, d)};
        sum = add_pair(sum, weights + t, value);
      }
      record[d] = sum;
    }
  }
  record[padded] = greatest;
  record[padded + 1] = total;
}

static void tiled_attention(const fs_tiled_units *units, const char *cache, char *scratch) {
  ptrdiff_t stride = fs_span_record_floats(units->shape.value_width);
  float *whole = (float *)(void *)scratch, *own = whole + stride;
  for (ptrdiff_t u = 0; u < units->count; u++) {
    ptrdiff_t begin = units->begin[u], end = units->end[u];
    for (ptrdiff_t from = begin, to; from < end; from = to) {
      ptrdiff_t span_end = (from / FS_ATTENTION_SPAN + 1) * FS_ATTENTION_SPAN;
      to = span_end < end ? span_end : end;
      float *record = units->records ? units->output[u] : from == begin ? whole : own;
      if (units->shape.format == FS_TILED_INT8) integer_span(units, u, cache, from, to, record);
      else tiled_span(units, u, cache, from, to, record);
      if (record == own) span_join(whole, own, fs_padded_width(units->shape.value_width));
    }
    if (!units->records) span_divide(whole, units->shape.value_width, units->output[u]);
  }
}
