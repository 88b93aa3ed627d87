// Attention in the tiles of AMX: keys, queries, weights and values as bf16. Include after spans.h, prepare.h and
// block_amx.h and inside the target pragma.
//
// Sixteen units (a row's head) are the sixteen rows of a tile. What a unit gets depends on its own row of each tile and on the
// cache alone: positions that it does not see have the weight 0, whatever company asks for them, and adding 0 changes no
// bit of a sum that a tile has made, because tiles flush denormals.

/// Where things stand in a worker's scratch.
typedef struct tiled_work {
  char *queries;    // tiles [steps][2][16 units][32]
  float *scores;    // [units][FS_TILED_CHUNK]
  char *weights;    // tiles [FS_TILED_CHUNK / 32][2][16 units][32]
  float *sums;      // tiles [columns of 16][2][16 units][16]
  float greatest[FS_TILED_UNITS], totals[FS_TILED_UNITS];
} tiled_work;

/// Floats rounded to bf16 as tiles know them, without denormals.
FS_INLINE lanes_u16 tiled_bf16(lanes x) { return (lanes_u16)_mm512_cvtneps_pbh((__m512)x); }

/// Floats rounded to bf16, zeros from n on, in pieces of 32 to tiles that stand `stride` bytes apart.
FS_INLINE void tiled_round(const float *x, ptrdiff_t n, char *to, ptrdiff_t stride) {
  for (ptrdiff_t i = 0; i < (n + 31) / 32 * 32; i += FS_LANES) {
    lanes_u16 halves = tiled_bf16(lanes_load_within(x, i, n));
    memcpy(to + i / 32 * stride + i % 32 * 2, &halves, sizeof halves);
  }
}

/// Asks for the lines of the tile that stands `ahead` bytes behind another; for none with 0.
FS_INLINE void tiled_ask(const char *tile, ptrdiff_t ahead) {
  if (ahead == 0) return;
  tile += ahead;
  FS_UNROLL for (int l = 0; l < 16; l++) __builtin_prefetch(tile + l * 64, 0, 2);
}

/// Scores of all units against the 32 positions of a block, to columns `at` on.
FS_INLINE void tiled_scores(const tiled_work *work, const char *block, ptrdiff_t steps, ptrdiff_t at, bool many,
                            ptrdiff_t ahead) {
  tiles_clear(many, true);
  for (ptrdiff_t step = 0; step < steps; step++) {
    _tile_loadd(4, work->queries + step * 2048, 64);
    if (many) _tile_loadd(5, work->queries + step * 2048 + 1024, 64);
    _tile_loadd(6, block + step * 1024, 64);
    _tile_loadd(7, block + (steps + step) * 1024, 64);
    tiled_ask(block + step * 1024, ahead);
    tiled_ask(block + (steps + step) * 1024, ahead);
    tiles_multiply_bf16(many, true);
  }
  float *scores = work->scores + at;
  _tile_stored(0, scores, FS_TILED_CHUNK * 4);
  _tile_stored(1, scores + 16, FS_TILED_CHUNK * 4);
  if (many) _tile_stored(2, scores + 16 * FS_TILED_CHUNK, FS_TILED_CHUNK * 4);
  if (many) _tile_stored(3, scores + 16 * FS_TILED_CHUNK + 16, FS_TILED_CHUNK * 4);
}

/// Positions [begin, end) of a chunk, counted from the chunk's first.
typedef struct tiled_range {
  ptrdiff_t begin, end;
} tiled_range;

/// The greatest scaled score of the range; scores of its vectors that lie outside become -infinity.
FS_INLINE float tiled_highest(float *scores, tiled_range range, float scale) {
  const lanes_i32 place = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  ptrdiff_t first = range.begin / FS_LANES * FS_LANES, last = (range.end - 1) / FS_LANES * FS_LANES;
  if (range.begin > first) {
    lanes value = lanes_load(scores + first);
    lanes_store(scores + first, place < (lanes_i32)(int32_t)(range.begin - first) ? (lanes)-INFINITY : value);
  }
  if (range.end < last + FS_LANES) {
    lanes value = lanes_load(scores + last);
    lanes_store(scores + last, place < (lanes_i32)(int32_t)(range.end - last) ? value : (lanes)-INFINITY);
  }
  lanes maximum = -INFINITY;
  for (ptrdiff_t t = first; t <= last; t += FS_LANES) {
    lanes value = lanes_load(scores + t) * scale;
    maximum = value > maximum ? value : maximum;
  }
  return lanes_maximum(maximum);
}

/// Turns the scores of a unit into weights relative to `greatest`, 0 for what it does not see; returns their sum.
FS_INLINE float tiled_weigh(const float *scores, char *weights, tiled_range range, ptrdiff_t count, float scale,
                            float greatest) {
  ptrdiff_t first = range.begin / FS_LANES * FS_LANES, last = (range.end + FS_LANES - 1) / FS_LANES * FS_LANES;
  if (range.end <= range.begin) first = last = 0;
  const lanes_u16 none = 0;
  for (ptrdiff_t t = 0; t < first; t += FS_LANES) memcpy(weights + t / 32 * 2048 + t % 32 * 2, &none, sizeof none);
  lanes sum = 0.0f;
  for (ptrdiff_t t = first; t < last; t += FS_LANES) {
    lanes_u16 halves = tiled_bf16(lanes_weight(lanes_fma(lanes_load(scores + t), (lanes)scale, (lanes)-greatest)));
    memcpy(weights + t / 32 * 2048 + t % 32 * 2, &halves, sizeof halves);
    sum += __builtin_bit_cast(lanes, __builtin_convertvector(halves, lanes_i32) << 16);
  }
  for (ptrdiff_t t = last; t < count; t += FS_LANES) memcpy(weights + t / 32 * 2048 + t % 32 * 2, &none, sizeof none);
  return lanes_sum(sum);
}

/// From scores to weights for all units, their sums so far corrected.
static void tiled_softmax(const fs_tiled_units *units, tiled_work *work, ptrdiff_t begin, ptrdiff_t count) {
  ptrdiff_t columns = (units->value_width + 15) / 16;
  tiled_range ranges[FS_TILED_UNITS];
  float highest[FS_TILED_UNITS], corrections[FS_TILED_UNITS];
  for (ptrdiff_t u = 0; u < FS_TILED_UNITS; u++) highest[u] = -INFINITY;
  for (ptrdiff_t u = 0; u < units->count; u++) {
    ptrdiff_t from = units->begin[u] - begin, to = units->end[u] - begin;
    ranges[u] = (tiled_range){from > 0 ? from : 0, to < count ? to : count};
    if (ranges[u].begin < ranges[u].end)
      highest[u] = tiled_highest(work->scores + u * FS_TILED_CHUNK, ranges[u], units->scale);
  }
  for (ptrdiff_t u = 0; u < units->count; u += FS_LANES) {
    lanes previous = lanes_load(work->greatest + u), value = lanes_load(highest + u);
    value = value > previous ? value : previous;
    lanes_store(work->greatest + u, value);
    // What has seen nothing yet keeps its zeros.
    lanes_store(corrections + u, previous == value ? (lanes)1.0f : lanes_weight(previous - value));
  }
  for (ptrdiff_t u = 0; u < units->count; u++) {
    float total = tiled_weigh(work->scores + u * FS_TILED_CHUNK, work->weights + u / 16 * 1024 + u % 16 * 64,
                              ranges[u], count, units->scale, work->greatest[u]);
    work->totals[u] = fmaf(work->totals[u], corrections[u], total);
    if (corrections[u] == 1) continue;
    float *sums = work->sums + u / 16 * 256 + u % 16 * 16;
    for (ptrdiff_t c = 0; c < columns; c++) lanes_store(sums + c * 512, lanes_load(sums + c * 512) * corrections[u]);
  }
}

/// Adds weights times values of `blocks` blocks to sixteen columns, or to 32.
FS_INLINE void tiled_values(const tiled_work *work, const char *values, ptrdiff_t block_bytes, ptrdiff_t blocks,
                             ptrdiff_t column, bool many, bool both, ptrdiff_t ahead) {
  float *sums = work->sums + column * 512;
  _tile_loadd(0, sums, 64);
  if (both) _tile_loadd(1, sums + 512, 64);
  if (many) _tile_loadd(2, sums + 256, 64);
  if (many && both) _tile_loadd(3, sums + 768, 64);
  for (ptrdiff_t b = 0; b < blocks; b++) {
    _tile_loadd(4, work->weights + b * 2048, 64);
    if (many) _tile_loadd(5, work->weights + b * 2048 + 1024, 64);
    _tile_loadd(6, values + b * block_bytes + column * 1024, 64);
    if (both) _tile_loadd(7, values + b * block_bytes + column * 1024 + 1024, 64);
    tiled_ask(values + b * block_bytes + column * 1024, ahead);
    if (both) tiled_ask(values + b * block_bytes + column * 1024 + 1024, ahead);
    tiles_multiply_bf16(many, both);
  }
  _tile_stored(0, sums, 64);
  if (both) _tile_stored(1, sums + 512, 64);
  if (many) _tile_stored(2, sums + 256, 64);
  if (many && both) _tile_stored(3, sums + 768, 64);
}

// The same with vectors, in the order of the tiles: for every 32 inputs the even and the odd ones are summed apart, then both
// join the result. A few units over a short cache are not worth waking the tiles.

/// Scores of `units` units from `unit` on against sixteen positions.
FS_INLINE void tiled_scores_vector(const tiled_work *work, const char *keys, ptrdiff_t steps, ptrdiff_t at,
                                    ptrdiff_t unit, int units) {
  lanes sum[2] = {0.0f, 0.0f};
  for (ptrdiff_t step = 0; step < steps; step++) {
    lanes even[2] = {0.0f, 0.0f}, odd[2] = {0.0f, 0.0f};
    const char *query = work->queries + step * 2048 + unit * 64;
    FS_UNROLL for (int pair = 0; pair < 16; pair++) {
      lanes_i32 line = __builtin_bit_cast(lanes_i32, lanes_load((const float *)(keys + step * 1024 + pair * 64)));
      lanes low = __builtin_bit_cast(lanes, line << 16), high = __builtin_bit_cast(lanes, line & (int32_t)0xffff0000);
      FS_UNROLL for (int u = 0; u < units; u++) {
        even[u] = lanes_fma(bf16_of_pair(query + u * 64, pair, 0), low, even[u]);
        odd[u] = lanes_fma(bf16_of_pair(query + u * 64, pair, 1), high, odd[u]);
      }
    }
    FS_UNROLL for (int u = 0; u < units; u++) sum[u] += even[u] + odd[u];
  }
  FS_UNROLL for (int u = 0; u < units; u++) lanes_store(work->scores + (unit + u) * FS_TILED_CHUNK + at, sum[u]);
}

/// Adds weights times values of `blocks` blocks to sixteen columns of `units` units.
FS_INLINE void tiled_values_vector(const tiled_work *work, const char *values, ptrdiff_t block_bytes,
                                    ptrdiff_t blocks, ptrdiff_t column, ptrdiff_t unit, int units) {
  float *sums = work->sums + column * 512 + unit * 16;
  lanes sum[2];
  FS_UNROLL for (int u = 0; u < units; u++) sum[u] = lanes_load(sums + u * 16);
  for (ptrdiff_t b = 0; b < blocks; b++) {
    lanes even[2] = {0.0f, 0.0f}, odd[2] = {0.0f, 0.0f};
    const char *weights = work->weights + b * 2048 + unit * 64, *lines = values + b * block_bytes + column * 1024;
    FS_UNROLL for (int pair = 0; pair < 16; pair++) {
      lanes_i32 line = __builtin_bit_cast(lanes_i32, lanes_load((const float *)(lines + pair * 64)));
      lanes low = __builtin_bit_cast(lanes, line << 16), high = __builtin_bit_cast(lanes, line & (int32_t)0xffff0000);
      FS_UNROLL for (int u = 0; u < units; u++) {
        even[u] = lanes_fma(bf16_of_pair(weights + u * 64, pair, 0), low, even[u]);
        odd[u] = lanes_fma(bf16_of_pair(weights + u * 64, pair, 1), high, odd[u]);
      }
    }
    FS_UNROLL for (int u = 0; u < units; u++) sum[u] += even[u] + odd[u];
  }
  FS_UNROLL for (int u = 0; u < units; u++) lanes_store(sums + u * 16, sum[u]);
}

/// How the units of a pass are computed.
typedef enum tiled_way { TILED_VECTORS, TILED_TILE, TILED_TILES } tiled_way;
enum { TILED_VECTOR_UNITS = 4, TILED_VECTOR_WORK = 256 };  // the most units, and units times positions, left to vectors

FS_INLINE void tiled_chunk(const fs_tiled_units *units, tiled_work *work, const char *cache, ptrdiff_t begin,
                            ptrdiff_t count, tiled_way way) {
  bool many = way == TILED_TILES;
  ptrdiff_t steps = fs_tiled_steps(units->key_width), columns = (units->value_width + 15) / 16;
  ptrdiff_t block_bytes = (ptrdiff_t)fs_tiled_block_bytes(units->key_width, units->value_width);
  const char *first = cache + begin / 32 * block_bytes;
  // The next chunk's lines come while this one's tiles are multiplied; the hardware alone is a third slower.
  ptrdiff_t ahead = units->cold ? FS_TILED_CHUNK / 32 * block_bytes : 0;
  for (ptrdiff_t at = 0; at < count; at += 32) {
    const char *block = first + at / 32 * block_bytes;
    if (way != TILED_VECTORS) {
      tiled_scores(work, block, steps, at, many, ahead);
      continue;
    }
    for (ptrdiff_t half = 0; half < 2; half++) {
      const char *keys = block + half * steps * 1024;
      ptrdiff_t u = 0;
      for (; u + 2 <= units->count; u += 2) tiled_scores_vector(work, keys, steps, at + 16 * half, u, 2);
      if (u < units->count) tiled_scores_vector(work, keys, steps, at + 16 * half, u, 1);
    }
  }
  tiled_softmax(units, work, begin, count);
  const char *values = first + 2 * steps * 1024;
  if (way == TILED_VECTORS) {
    for (ptrdiff_t c = 0; c < columns; c++) {
      ptrdiff_t u = 0;
      for (; u + 2 <= units->count; u += 2) tiled_values_vector(work, values, block_bytes, count / 32, c, u, 2);
      if (u < units->count) tiled_values_vector(work, values, block_bytes, count / 32, c, u, 1);
    }
    return;
  }
  ptrdiff_t c = 0;
  for (; c + 2 <= columns; c += 2) tiled_values(work, values, block_bytes, count / 32, c, many, true, ahead);
  if (c < columns) tiled_values(work, values, block_bytes, count / 32, c, many, false, ahead);
}

/// The units over the positions of one span, [begin, end) of them seen by any.
static void tiled_span(const fs_tiled_units *units, tiled_work *work, const char *cache, ptrdiff_t begin,
                       ptrdiff_t end) {
  ptrdiff_t columns = (units->value_width + 15) / 16;
  for (ptrdiff_t u = 0; u < units->count; u++) {
    work->greatest[u] = -INFINITY;
    work->totals[u] = 0;
    for (ptrdiff_t c = 0; c < columns; c++) lanes_store(work->sums + c * 512 + u / 16 * 256 + u % 16 * 16, 0.0f);
  }
  bool few = units->count <= TILED_VECTOR_UNITS && units->count * (end - begin) <= TILED_VECTOR_WORK;
  tiled_way way = few ? TILED_VECTORS : units->count > 16 ? TILED_TILES : TILED_TILE;
  if (!few) tiles_configure(way == TILED_TILES ? 16 : units->count, units->count - 16);
  for (ptrdiff_t at = begin - begin % FS_TILED_CHUNK; at < end; at += FS_TILED_CHUNK) {
    ptrdiff_t left = (end - at + 31) / 32 * 32, count = left < FS_TILED_CHUNK ? left : FS_TILED_CHUNK;
    if (way == TILED_TILES) tiled_chunk(units, work, cache, at, count, TILED_TILES);
    else if (way == TILED_TILE) tiled_chunk(units, work, cache, at, count, TILED_TILE);
    else tiled_chunk(units, work, cache, at, count, TILED_VECTORS);
  }
  if (!few) _tile_release();
}

static void tiled_attention(const fs_tiled_units *units, const char *cache, char *scratch) {
  ptrdiff_t width = units->value_width, padded = fs_padded_width(width), stride = fs_span_record_floats(width);
  ptrdiff_t steps = fs_tiled_steps(units->key_width);
  tiled_work work = {.queries = scratch};
  work.scores = (float *)(work.queries + steps * 2048);
  work.weights = (char *)(work.scores + FS_TILED_UNITS * FS_TILED_CHUNK);
  work.sums = (float *)(work.weights + FS_TILED_CHUNK / 32 * 2048);
  float *records = work.sums + padded / 16 * 512, *own = records + FS_TILED_UNITS * stride;
  ptrdiff_t first = PTRDIFF_MAX, last = 0;
  for (ptrdiff_t u = 0; u < units->count; u++) {
    tiled_round(units->query[u], units->key_width, work.queries + u / 16 * 1024 + u % 16 * 64, 2048);
    first = units->begin[u] < first ? units->begin[u] : first;
    last = units->end[u] > last ? units->end[u] : last;
  }
  for (ptrdiff_t span = first / FS_ATTENTION_SPAN * FS_ATTENTION_SPAN; span < last; span += FS_ATTENTION_SPAN) {
    ptrdiff_t end = span + FS_ATTENTION_SPAN < last ? span + FS_ATTENTION_SPAN : last;
    tiled_span(units, &work, cache, first > span ? first : span, end);
    for (ptrdiff_t u = 0; u < units->count; u++) {
      if (units->begin[u] >= end || units->end[u] <= span) continue;
      bool is_first = units->begin[u] >= span;
      float *record = units->records ? units->output[u] : is_first ? records + u * stride : own;
      const float *sums = work.sums + u / 16 * 256 + u % 16 * 16;
      for (ptrdiff_t d = 0; d < padded; d += FS_LANES) lanes_store(record + d, lanes_load(sums + d / 16 * 512));
      record[padded] = work.greatest[u];
      record[padded + 1] = work.totals[u];
      if (record == own) span_join(records + u * stride, own, padded);
    }
  }
  if (units->records) return;
  for (ptrdiff_t u = 0; u < units->count; u++) span_divide(records + u * stride, width, units->output[u]);
}
