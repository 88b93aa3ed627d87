// Attention over a cache of integers in the reference set: what attention_integers.h computes, as plain loops. For scalar.c, behind
// grouped_attention_scalar.h.

/// Key of a position of a block at column d, and what column d of its value holds.
static int32_t integer_key(const char *block, fs_tiled_shape shape, ptrdiff_t at, ptrdiff_t d) {
  const uint8_t *keys = (const uint8_t *)block + fs_tiled_scale_bytes(shape);
  return keys[(at / 16 * fs_tiled_steps(shape.key_width) + d / 32) * 512 + d % 32 / 4 * 64 + at % 16 * 4 + d % 4] - 128;
}
static int32_t integer_value(const char *block, fs_tiled_shape shape, ptrdiff_t at, ptrdiff_t d) {
  const int8_t *values = (const int8_t *)block + fs_tiled_key_bytes(shape);
  return values[d / 16 * 512 + at / 4 * 64 + d % 16 * 4 + at % 4];
}

/// Scale i of a block.
static float integer_scale(const char *block, ptrdiff_t i) {
  float scale;
  memcpy(&scale, block + i * (ptrdiff_t)sizeof scale, sizeof scale);
  return scale;
}

/// Score of a query against a position of a block.
static float integer_score(const float *query, const char *block, fs_tiled_shape shape, ptrdiff_t at) {
  ptrdiff_t groups = fs_tiled_groups(shape.key_width);
  float score = 0;
  for (ptrdiff_t g = 0; g < groups; g++) {
    ptrdiff_t end = (g + 1) * FS_TILED_GROUP < shape.key_width ? (g + 1) * FS_TILED_GROUP : shape.key_width;
    int32_t greatest = 0, sum = 0;
    for (ptrdiff_t d = g * FS_TILED_GROUP; d < end; d++) {
      int32_t magnitude = (int32_t)(bits_of_float(query[d]) & 0x7fffffff);
      greatest = magnitude > greatest ? magnitude : greatest;
    }
    float scale, inverse = fs_integer_scale(greatest, &scale);
    for (ptrdiff_t d = g * FS_TILED_GROUP; d < end; d++)
      sum += fs_integer(query[d], inverse) * integer_key(block, shape, at, d);
    score = fmaf((float)sum * integer_scale(block, 32 + (at / 16 * groups + g) * 16 + at % 16), scale, score);
  }
  return score;
}

/// One unit over positions [begin, end) of a span, as a record.
static void integer_span(const fs_tiled_units *units, ptrdiff_t u, const char *cache, ptrdiff_t begin, ptrdiff_t end,
                         float *record) {
  ptrdiff_t width = units->shape.value_width, padded = fs_padded_width(width);
  ptrdiff_t block_bytes = (ptrdiff_t)fs_tiled_block_bytes(units->shape);
  float weights[FS_TILED_CHUNK], greatest = -INFINITY, total = 0;
  memset(record, 0, (size_t)padded * sizeof(float));
  for (ptrdiff_t chunk = begin - begin % FS_TILED_CHUNK; chunk < end; chunk += FS_TILED_CHUNK) {
    ptrdiff_t from = begin > chunk ? begin - chunk : 0, to = end - chunk < FS_TILED_CHUNK ? end - chunk : FS_TILED_CHUNK;
    float previous = greatest;
    for (ptrdiff_t t = from; t < to; t++) {
      weights[t] = integer_score(units->query[u], cache + (chunk + t) / 32 * block_bytes, units->shape, t % 32);
      float scaled = weights[t] * units->scale;
      greatest = scaled > greatest ? scaled : greatest;
    }
    float correction = previous == greatest ? 1 : exponential_weight(previous - greatest);
    float lanes[FS_LANES] = {0};
    for (ptrdiff_t t = 0; t < FS_TILED_CHUNK; t++) {
      bool sees = t >= from && t < to;
      float above = sees ? fmaf(weights[t], units->scale, -greatest) : 0;
      weights[t] = sees ? exponential_weight(above > 0 ? 0 : above) : 0;  // the greatest has been rounded
      lanes[t % FS_LANES] += weights[t];
    }
    total = fmaf(total, correction, fold(lanes, FS_LANES));
    for (ptrdiff_t d = 0; d < width; d++) record[d] *= correction;
    for (ptrdiff_t first = 0; first < to; first += 32) {
      const char *block = cache + (chunk + first) / 32 * block_bytes;
      float shares[32], scale;
      int32_t greatest_share = 0;
      for (ptrdiff_t t = 0; t < 32; t++) {
        shares[t] = weights[first + t] * integer_scale(block, t);
        int32_t bits = (int32_t)bits_of_float(shares[t]);
        greatest_share = bits > greatest_share ? bits : greatest_share;
      }
      float inverse = fs_integer_scale(greatest_share, &scale);
      for (ptrdiff_t d = 0; d < width; d++) {
        int32_t sum = 0;
        for (ptrdiff_t t = 0; t < 32; t++) sum += fs_integer(shares[t], inverse) * integer_value(block, units->shape, t, d);
        record[d] = fmaf((float)sum, scale, record[d]);
      }
    }
  }
  record[padded] = greatest;
  record[padded + 1] = total;
}
