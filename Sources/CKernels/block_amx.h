// Blocks of rows by two panels, in the tiles of AMX. Include after tile.h and inside the target pragma.
//
// A tile holds sixteen lines of 64 bytes. Sixteen lines of a panel are the weights of 64 integers or 32 bf16 for sixteen
// columns; the inputs are sixteen rows of as many bytes: a step. Tiles 0-3 hold sums [rows 0, 16][panels 0, 1], 4-5 inputs,
// 6-7 weights, so that 32 rows go at a time. Rows beyond the last are computed with whatever stands there and never looked
// at.

typedef struct tile_configuration {
  uint8_t palette, first_row, reserved[14];
  uint16_t line_bytes[16];
  uint8_t lines[16];
} tile_configuration;

/// Tiles for `first` rows in the first sixteen and `second` in the others; those of no rows stay full.
static void tiles_configure(ptrdiff_t first, ptrdiff_t second) {
  tile_configuration shape = {.palette = 1};
  for (int i = 0; i < 8; i++) {
    shape.line_bytes[i] = 64;
    shape.lines[i] = FS_BLOCK_GROUP;
  }
  shape.lines[0] = shape.lines[1] = shape.lines[4] = (uint8_t)first;
  if (second > 0) shape.lines[2] = shape.lines[3] = shape.lines[5] = (uint8_t)second;
  _tile_loadconfig(&shape);
}

/// Tiles of rows have as many lines as there are rows where these are fewer than two tiles: the processor reads and
/// multiplies no more.
static void begin_blocks(ptrdiff_t rows) {
  ptrdiff_t second = rows - FS_BLOCK_GROUP;
  tiles_configure(second < 0 ? rows : FS_BLOCK_GROUP, second < FS_BLOCK_GROUP ? second : FS_BLOCK_GROUP);
}

static void end_blocks(void) { _tile_release(); }

FS_INLINE void tiles_clear(bool rows, bool panels) {
  _tile_zero(0);
  if (panels) _tile_zero(1);
  if (rows) _tile_zero(2);
  if (rows && panels) _tile_zero(3);
}

/// Stores the sums to [row][panel][16].
FS_INLINE void tiles_store(void *tile, bool rows, bool panels) {
  size_t stride = panels ? 128 : 64;
  _tile_stored(0, tile, stride);
  if (panels) _tile_stored(1, (char *)tile + 64, stride);
  if (rows) _tile_stored(2, (char *)tile + 16 * stride, stride);
  if (rows && panels) _tile_stored(3, (char *)tile + 16 * stride + 64, stride);
}

/// Takes sums up again where they were stored.
FS_INLINE void tiles_resume(const void *tile, bool rows, bool panels) {
  size_t stride = panels ? 128 : 64;
  _tile_loadd(0, tile, stride);
  if (panels) _tile_loadd(1, (const char *)tile + 64, stride);
  if (rows) _tile_loadd(2, (const char *)tile + 16 * stride, stride);
  if (rows && panels) _tile_loadd(3, (const char *)tile + 16 * stride + 64, stride);
}

/// Loads the inputs at x and the weights at `base`, a tile of each or two.
FS_INLINE void tiles_load(const char *x, ptrdiff_t row_bytes, const char *base, ptrdiff_t second, bool rows,
                          bool panels) {
  _tile_loadd(4, x, (size_t)row_bytes);
  if (rows) _tile_loadd(5, x + FS_BLOCK_GROUP * row_bytes, (size_t)row_bytes);
  _tile_loadd(6, base, 64);
  if (panels) _tile_loadd(7, base + second, 64);
}

/// Asks for the lines of step `step` of `steps`.
FS_INLINE void block_prefetch(fs_prefetch prefetch, ptrdiff_t step, ptrdiff_t steps) {
  ptrdiff_t lines = prefetch.end - prefetch.begin, each = (lines + steps - 1) / steps;
  ptrdiff_t begin = prefetch.begin + step * each, end = begin + each < prefetch.end ? begin + each : prefetch.end;
  for (ptrdiff_t line = begin; line < end; line++) __builtin_prefetch(prefetch.next + line * 64, 0, 2);
}

FS_INLINE void tiles_multiply_bf16(bool rows, bool panels) {
  _tile_dpbf16ps(0, 4, 6);
  if (panels) _tile_dpbf16ps(1, 4, 7);
  if (rows) _tile_dpbf16ps(2, 5, 6);
  if (rows && panels) _tile_dpbf16ps(3, 5, 7);
}

/// Signed inputs and unsigned weights.
FS_INLINE void tiles_multiply_int8(bool rows, bool panels) {
  _tile_dpbsud(0, 4, 6);
  if (panels) _tile_dpbsud(1, 4, 7);
  if (rows) _tile_dpbsud(2, 5, 6);
  if (rows && panels) _tile_dpbsud(3, 5, 7);
}

/// Signed inputs and weights.
FS_INLINE void tiles_multiply_int4(bool rows, bool panels) {
  _tile_dpbssd(0, 4, 6);
  if (panels) _tile_dpbssd(1, 4, 7);
  if (rows) _tile_dpbssd(2, 5, 6);
  if (rows && panels) _tile_dpbssd(3, 5, 7);
}

/// Steps [begin, end) of up to 32 rows.
FS_INLINE void block_bf16_of(const char *base, size_t panel_bytes, ptrdiff_t begin, ptrdiff_t end, const char *x,
                             ptrdiff_t row_bytes, const char *next, ptrdiff_t lines, float *tile, bool rows, bool panels) {
  if (begin == 0) {
    tiles_clear(rows, panels);
  } else {
    tiles_resume(tile, rows, panels);
  }
  for (ptrdiff_t step = begin; step < end; step++) {
    tiles_load(x + step * 64, row_bytes, base + step * 1024, (ptrdiff_t)panel_bytes, rows, panels);
    // One by one: all at once they take the places on the way from the second-level cache that tiles wait for.
    _Pragma("clang loop unroll(disable)") for (ptrdiff_t line = 0; line < lines; line++, next += 64)
        __builtin_prefetch(next, 0, 2);
    tiles_multiply_bf16(rows, panels);
  }
  tiles_store(tile, rows, panels);
}

enum { BLOCK_STEPS = 8, BLOCK_TILE_ROWS = 2 * FS_BLOCK_GROUP };

/// More than 32 rows take eight steps in turn, so that weights come to the first-level cache once for all of them;
/// meanwhile their sums stand in the result. Lines on their way from memory hold up whatever else misses that cache, so
/// that each line read once less is time for the next panels.
static void block_bf16(const void *base, size_t panel_bytes, ptrdiff_t k, const char *x, ptrdiff_t row_bytes,
                       ptrdiff_t rows, ptrdiff_t panels, const fs_prefetch *prefetch, float *tile) {
  ptrdiff_t steps = (k + 31) / 32, at_once = rows > BLOCK_TILE_ROWS ? BLOCK_STEPS : steps;
  ptrdiff_t asking = (rows + BLOCK_TILE_ROWS - 1) / BLOCK_TILE_ROWS * (steps > 0 ? steps : 1);
  ptrdiff_t lines = (prefetch->end - prefetch->begin + asking - 1) / asking;  // in each step
  const char *next = prefetch->next + prefetch->begin * 64;
  ptrdiff_t begin = 0, end;
  do {  // at least once, since sums of nothing are 0
    end = begin + at_once < steps ? begin + at_once : steps;
    for (ptrdiff_t row = 0; row < rows; row += BLOCK_TILE_ROWS, next += (end - begin) * lines * 64) {
      const char *from = x + row * row_bytes;
      float *to = tile + row * panels * FS_LANES;
      bool many = rows - row > FS_BLOCK_GROUP, both = panels > 1;
      // Constants leave straight code without tests.
      if (many && both) {
        block_bf16_of(base, panel_bytes, begin, end, from, row_bytes, next, lines, to, true, true);
      } else if (many) {
        block_bf16_of(base, panel_bytes, begin, end, from, row_bytes, next, lines, to, true, false);
      } else if (both) {
        block_bf16_of(base, panel_bytes, begin, end, from, row_bytes, next, lines, to, false, true);
      } else {
        block_bf16_of(base, panel_bytes, begin, end, from, row_bytes, next, lines, to, false, false);
      }
    }
    begin = end;
  } while (begin < steps);
}

enum { COMPACT_STEPS_AHEAD = 2 };

/// Plain lines of a few steps of two panels, on their way from compact weights into tiles.
typedef struct compact_block {
  compact_place at[FS_BLOCK_PANELS];
  ptrdiff_t unpacked;  // steps
  _Alignas(64) char lines[BLOCK_STEPS][FS_BLOCK_PANELS][1024];
} compact_block;

FS_INLINE void compact_block_next(compact_block *block, bool panels) {
  char(*to)[1024] = block->lines[block->unpacked++ % BLOCK_STEPS];
  compact_next(&block->at[0], to[0]);
  if (panels) compact_next(&block->at[1], to[1]);
}

/// block_bf16_of for compact weights. The first rows `unpack` them, two steps ahead of the products, which leave vectors time.
FS_INLINE void block_compact_of(compact_block *block, ptrdiff_t begin, ptrdiff_t end, bool unpack, const char *x,
                                ptrdiff_t row_bytes, const char *next, ptrdiff_t lines, float *tile, bool rows,
                                bool panels) {
  if (begin == 0) {
    tiles_clear(rows, panels);
  } else {
    tiles_resume(tile, rows, panels);
  }
  while (unpack && block->unpacked < end && block->unpacked < begin + COMPACT_STEPS_AHEAD)
    compact_block_next(block, panels);
  for (ptrdiff_t step = begin; step < end; step++) {
    tiles_load(x + step * 64, row_bytes, block->lines[step % BLOCK_STEPS][0], 1024, rows, panels);
    _Pragma("clang loop unroll(disable)") for (ptrdiff_t line = 0; line < lines; line++, next += 64)
        __builtin_prefetch(next, 0, 2);
    tiles_multiply_bf16(rows, panels);
    if (unpack && block->unpacked < end) compact_block_next(block, panels);
  }
  tiles_store(tile, rows, panels);
}

static void block_compact(const void *base, size_t panel_bytes, ptrdiff_t k, const char *x, ptrdiff_t row_bytes,
                          ptrdiff_t rows, ptrdiff_t panels, const fs_prefetch *prefetch, float *tile) {
  ptrdiff_t steps = (k + 31) / 32, at_once = rows > BLOCK_TILE_ROWS ? BLOCK_STEPS : steps;
  ptrdiff_t asking = (rows + BLOCK_TILE_ROWS - 1) / BLOCK_TILE_ROWS * (steps > 0 ? steps : 1);
  ptrdiff_t lines = (prefetch->end - prefetch->begin + asking - 1) / asking;  // in each step
  const char *next = prefetch->next + prefetch->begin * 64;
  compact_block block;
  block.unpacked = 0;
  for (ptrdiff_t p = 0; p < panels; p++)
    block.at[p] = compact_enter((const char *)base + p * (ptrdiff_t)panel_bytes, steps);
  ptrdiff_t begin = 0, end;
  do {  // at least once, since sums of nothing are 0
    end = begin + at_once < steps ? begin + at_once : steps;
    for (ptrdiff_t row = 0; row < rows; row += BLOCK_TILE_ROWS, next += (end - begin) * lines * 64) {
      const char *from = x + row * row_bytes;
      float *to = tile + row * panels * FS_LANES;
      bool many = rows - row > FS_BLOCK_GROUP, both = panels > 1, unpack = row == 0 && begin < end;
      if (many && both && unpack) {
        block_compact_of(&block, begin, end, true, from, row_bytes, next, lines, to, true, true);
      } else if (many && both) {
        block_compact_of(&block, begin, end, false, from, row_bytes, next, lines, to, true, true);
      } else if (many) {
        block_compact_of(&block, begin, end, unpack, from, row_bytes, next, lines, to, true, false);
      } else if (both) {
        block_compact_of(&block, begin, end, unpack, from, row_bytes, next, lines, to, false, true);
      } else {
        block_compact_of(&block, begin, end, unpack, from, row_bytes, next, lines, to, false, false);
      }
    }
    begin = end;
  } while (begin < steps);
}

/// The tail of a row.
FS_INLINE const char *block_tail(const char *x, ptrdiff_t row_bytes, ptrdiff_t k, ptrdiff_t row) {
  return fs_row_tail(x + row * row_bytes, k);
}

/// Adds the integer sums [rows][panels][16] of group g, with the scales of their rows, to the result. `scales`, if any,
/// are those of the panels' columns.
FS_INLINE void block_join(const int32_t *sums, const char *x, ptrdiff_t row_bytes, ptrdiff_t k, ptrdiff_t g,
                          const lanes *scales, ptrdiff_t rows, int panels, float *tile) {
  for (ptrdiff_t r = 0; r < rows; r++) {
    lanes scale = fs_tail_scales(block_tail(x, row_bytes, k, r))[g];
    FS_UNROLL for (int p = 0; p < panels; p++) {
      ptrdiff_t at = (r * panels + p) * FS_LANES;
      lanes_i32 sum;
      memcpy(&sum, sums + at, sizeof sum);
      lanes value = __builtin_convertvector(sum, lanes);
      if (scales) value *= scales[p];
      lanes_store(tile + at, lanes_fma(value, scale, lanes_load(tile + at)));
    }
  }
}

FS_INLINE void block_int8_of(const char *base, size_t panel_bytes, ptrdiff_t k, const char *x, ptrdiff_t row_bytes,
                             ptrdiff_t row_count, fs_prefetch prefetch, float *tile, bool rows, bool panels) {
  _Alignas(64) int32_t sums[BLOCK_TILE_ROWS * FS_BLOCK_PANELS * FS_LANES];
  for (ptrdiff_t r = 0; r < row_count; r++) {
    lanes correction = *fs_tail_correction(block_tail(x, row_bytes, k, r));
    for (int p = 0; p < (panels ? 2 : 1); p++) lanes_store(tile + (r * (panels ? 2 : 1) + p) * FS_LANES, correction);
  }
  ptrdiff_t steps = (k + 63) / 64;
  for (ptrdiff_t g = 0; g < fs_groups(k); g++) {
    tiles_clear(rows, panels);
    for (ptrdiff_t step = 2 * g; step < 2 * g + 2 && step < steps; step++) {
      tiles_load(x + step * 64, row_bytes, base + step * 1024, (ptrdiff_t)panel_bytes, rows, panels);
      block_prefetch(prefetch, step, steps);
      tiles_multiply_int8(rows, panels);
    }
    tiles_store(sums, rows, panels);
    block_join(sums, x, row_bytes, k, g, NULL, row_count, panels ? 2 : 1, tile);
  }
}

FS_INLINE void block_int4_of(const char *base, size_t panel_bytes, ptrdiff_t k, const char *x, ptrdiff_t row_bytes,
                             ptrdiff_t row_count, fs_prefetch prefetch, float *tile, bool rows, bool panels) {
  _Alignas(64) int32_t sums[BLOCK_TILE_ROWS * FS_BLOCK_PANELS * FS_LANES];
  _Alignas(64) char weights[2][1024];  // 64 inputs of both panels, a byte each
  memset(tile, 0, (size_t)row_count * (panels ? 128 : 64));
  for (ptrdiff_t half = 0; half < (k + FS_GROUP_HALF - 1) / FS_GROUP_HALF; half++) {
    ptrdiff_t g = half / 2, side = half % 2;
    const char *block = base + g * FS_INT4_BLOCK;
    lanes scales[2];
    for (int p = 0; p < (panels ? 2 : 1); p++) {
      const char *from = block + p * (ptrdiff_t)panel_bytes;
      scales[p] = lanes_load_bf16(from + side * 2 * FS_LANES);
      FS_UNROLL for (int i = 0; i < 8; i++) {
        const char *line = from + 64 + (8 * side + i) * 64;
        lanes_i32 both = __builtin_bit_cast(lanes_i32, lanes_load((const float *)line));
        __m512i eight = _mm512_set1_epi8(8);
        __m512i low = _mm512_sub_epi8((__m512i)(both & 0x0f0f0f0f), eight);
        __m512i high = _mm512_sub_epi8((__m512i)((both >> 4) & 0x0f0f0f0f), eight);
        memcpy(weights[p] + 128 * i, &low, 64);
        memcpy(weights[p] + 128 * i + 64, &high, 64);
      }
    }
    tiles_clear(rows, panels);
    tiles_load(x + half * 64, row_bytes, weights[0], 1024, rows, panels);
    block_prefetch(prefetch, half, (k + FS_GROUP_HALF - 1) / FS_GROUP_HALF);
    tiles_multiply_int4(rows, panels);
    tiles_store(sums, rows, panels);
    block_join(sums, x, row_bytes, k, g, scales, row_count, panels ? 2 : 1, tile);
  }
}

// Sums of integers join the result group by group as it is: 32 rows at a time.
#define FS_BLOCK(format)                                                                                              \
  static void block_##format(const void *base, size_t panel_bytes, ptrdiff_t k, const char *x, ptrdiff_t row_bytes,    \
                             ptrdiff_t rows, ptrdiff_t panels, const fs_prefetch *prefetch, float *tile) {             \
    fs_prefetch ahead = *prefetch;                                                                                    \
    if (rows > 16 && panels > 1) {                                                                                    \
      block_##format##_of(base, panel_bytes, k, x, row_bytes, rows, ahead, tile, true, true);                         \
    } else if (rows > 16) {                                                                                           \
      block_##format##_of(base, panel_bytes, k, x, row_bytes, rows, ahead, tile, true, false);                        \
    } else if (panels > 1) {                                                                                          \
      block_##format##_of(base, panel_bytes, k, x, row_bytes, rows, ahead, tile, false, true);                        \
    } else {                                                                                                          \
      block_##format##_of(base, panel_bytes, k, x, row_bytes, rows, ahead, tile, false, false);                       \
    }                                                                                                                 \
  }
FS_BLOCK(int8)
FS_BLOCK(int4)
