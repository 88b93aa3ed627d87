// Attention in the tiles of AMX: keys, queries, weights and values as bf16. Include after attention_softmax.h and
// block_amx.h and inside the target pragma.
//
// Sixteen units (a row's head) are the sixteen rows of a tile. What a unit gets depends on its own row of each tile and on the
// cache alone: positions that it does not see have the weight 0, whatever company asks for them, and adding 0 changes no
// bit of a sum that a tile has made, because tiles flush denormals.

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

FS_INLINE void tiled_chunk_of(const fs_tiled_units *units, tiled_work *work, const char *cache, ptrdiff_t begin,
                              ptrdiff_t count, tiled_way way) {
  bool many = way == TILED_TILES;
  ptrdiff_t steps = fs_tiled_steps(units->shape.key_width), columns = (units->shape.value_width + 15) / 16;
  ptrdiff_t block_bytes = (ptrdiff_t)fs_tiled_block_bytes(units->shape);
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
  ahead_plan none = {0};
  tiled_softmax(units, work, begin, count, tiled_weigh, NULL, &none);
  const char *values = first + 2 * steps * 1024;
  if (way == TILED_VECTORS) {
    for (ptrdiff_t c = 0; c < columns; c++) {
      ptrdiff_t u = 0;
      for (; u + 2 <= units->count; u += 2) tiled_values_vector(work, values, block_bytes, count / 32, c, u, 2);
      if (u < units->count) tiled_values_vector(work, values, block_bytes, count / 32, c, u, 1);
    }
    return;
  }
  if (units->following && begin + count >= work->end)
    for (ptrdiff_t i = 0; i < FS_PREFETCH_LINES; i++) ask_near(units->following + i * 64);
  ptrdiff_t c = 0;
  for (; c + 2 <= columns; c += 2) tiled_values(work, values, block_bytes, count / 32, c, many, true, ahead);
  if (c < columns) tiled_values(work, values, block_bytes, count / 32, c, many, false, ahead);
}

FS_INLINE void tiled_chunk(const fs_tiled_units *units, tiled_work *work, const char *cache, ptrdiff_t begin,
                           ptrdiff_t count, tiled_way way) {
  if (way == TILED_TILES) tiled_chunk_of(units, work, cache, begin, count, TILED_TILES);
  else if (way == TILED_TILE) tiled_chunk_of(units, work, cache, begin, count, TILED_TILE);
  else tiled_chunk_of(units, work, cache, begin, count, TILED_VECTORS);
}

FS_INLINE tiled_way tiled_begin_span(const fs_tiled_units *units, ptrdiff_t begin, ptrdiff_t end) {
  if (units->count <= TILED_VECTOR_UNITS && units->count * (end - begin) <= TILED_VECTOR_WORK) return TILED_VECTORS;
  tiled_way way = units->count > 16 ? TILED_TILES : TILED_TILE;
  tiles_configure(way == TILED_TILES ? 16 : units->count, units->count - 16);
  return way;
}

FS_INLINE void tiled_end_span(tiled_way way) {
  if (way != TILED_VECTORS) _tile_release();
}
