// Products of few rows with weights that come from memory, a panel after the other: one stream of lines, which AMD's prefetchers
// follow best. How much a core then brings depends on how few instructions a line takes. Sums of integers are exact, so
// that several chains of them may hide the latency of the products. Include after tile.h.

// How many lines ahead of its use one is asked for.
#if defined(FS_STREAMING)
enum { FS_STREAM_LINES = 48 };
#else
enum { FS_STREAM_LINES = 8 };
#endif

/// How far ahead of each of eight lines from `line` on, of a panel at `base`, one is asked for.
FS_INLINE ptrdiff_t stream_ahead(ptrdiff_t line, const char *base, size_t panel_bytes, const char *following) {
  ptrdiff_t end = (ptrdiff_t)panel_bytes, bytes = FS_STREAM_LINES * 64;
  return (line + 8 + FS_STREAM_LINES) * 64 <= end ? bytes : following - base - (end > bytes ? end - bytes : 0);
}

FS_INLINE lanes_i32 stream_line(const char *line, ptrdiff_t ahead) {
  ask_near(line + ahead);
  return __builtin_bit_cast(lanes_i32, lanes_load((const float *)(const void *)line));
}

FS_INLINE lanes_i32 stream_input(const void *row, ptrdiff_t i) {
  int32_t input;
  memcpy(&input, (const char *)row + i, sizeof input);
  return (lanes_i32)input;
}

FS_INLINE void stream_int8(const char *base, size_t panel_bytes, ptrdiff_t k, const void *const *x, float *tile,
                           ptrdiff_t stride, const char *following, int rows) {
  const int chains = rows < 3 ? 4 : 2;
  lanes sum[FS_MAX_STREAM_ROWS];
  FS_UNROLL for (int r = 0; r < rows; r++) sum[r] = *fs_tail_correction(fs_row_tail(x[r], k));
  ptrdiff_t lines = (k + 3) / 4;
  for (ptrdiff_t g = 0; g < fs_groups(k); g++) {
    lanes_i32 integers[FS_MAX_STREAM_ROWS][4];
    FS_UNROLL for (int r = 0; r < rows; r++) {
      integers[r][0] = fours_int8_start(fs_row_tail(x[r], k), k, g);
      FS_UNROLL for (int c = 1; c < chains; c++) integers[r][c] = 0;
    }
    ptrdiff_t begin = g * (FS_GROUP / 4), end = begin + FS_GROUP / 4 < lines ? begin + FS_GROUP / 4 : lines;
    for (; begin + 8 <= end; begin += 8) {
      ptrdiff_t ahead = stream_ahead(begin, base, panel_bytes, following);
      FS_UNROLL for (int i = 0; i < 8; i++) {
        lanes_i32 weights = fours_of_int8(stream_line(base + (begin + i) * 64, ahead));
        FS_UNROLL for (int r = 0; r < rows; r++)
          integers[r][i % chains] =
              lanes_multiply_fours(integers[r][i % chains], weights, stream_input(x[r], 4 * (begin + i)));
      }
    }
    for (; begin < end; begin++) {
      lanes_i32 weights = fours_of_int8(stream_line(base + begin * 64, following - base));
      FS_UNROLL for (int r = 0; r < rows; r++)
        integers[r][0] = lanes_multiply_fours(integers[r][0], weights, stream_input(x[r], 4 * begin));
    }
    FS_UNROLL for (int r = 0; r < rows; r++) {
      FS_UNROLL for (int c = 1; c < chains; c++) integers[r][0] += integers[r][c];
      lanes scale = fs_tail_scales(fs_row_tail(x[r], k))[g];
      sum[r] = lanes_fma(__builtin_convertvector(integers[r][0], lanes), scale, sum[r]);
    }
  }
  FS_UNROLL for (int r = 0; r < rows; r++) lanes_store(tile + r * stride, sum[r]);
}

/// Adds the products of `count` lines of weights of 4 bits; `high` takes sixteen times those of the high halves, which saves a
/// shift for every line.
FS_INLINE void stream_eights(lanes_i32 low[FS_MAX_STREAM_ROWS], lanes_i32 high[FS_MAX_STREAM_ROWS], const char *lines,
                             const void *const *x, ptrdiff_t input, ptrdiff_t count, ptrdiff_t ahead, int rows) {
  for (ptrdiff_t i = 0; i < count; i++) {
    lanes_i32 both = stream_line(lines + i * 64, ahead);
    lanes_i32 first = both & 0x0f0f0f0f, second = both & (int32_t)0xf0f0f0f0;
    FS_UNROLL for (int r = 0; r < rows; r++) {
      low[r] = lanes_multiply_fours(low[r], first, stream_input(x[r], input + 8 * i));
      high[r] = lanes_multiply_fours(high[r], second, stream_input(x[r], input + 8 * i + 4));
    }
  }
}

FS_INLINE void stream_int4(const char *base, size_t panel_bytes, ptrdiff_t k, const void *const *x, float *tile,
                           ptrdiff_t stride, const char *following, int rows) {
  lanes sum[FS_MAX_STREAM_ROWS];
  FS_UNROLL for (int r = 0; r < rows; r++) sum[r] = 0.0f;
  for (ptrdiff_t half = 0; half < (k + FS_GROUP_HALF - 1) / FS_GROUP_HALF; half++) {
    ptrdiff_t g = half / 2, side = half % 2;
    const char *block = base + g * FS_INT4_BLOCK;
    lanes_i32 low[FS_MAX_STREAM_ROWS], high[FS_MAX_STREAM_ROWS];
    FS_UNROLL for (int r = 0; r < rows; r++) {
      low[r] = fs_tail_offsets(fs_row_tail(x[r], k), k)[half];
      high[r] = 0;
    }
    ptrdiff_t left = (k - half * FS_GROUP_HALF + 7) / 8;
    ptrdiff_t ahead = stream_ahead(g * (FS_INT4_BLOCK / 64) + 1 + 8 * side, base, panel_bytes, following);
    if (side == 0) ask_near(block + ahead);
    const char *lines = block + 64 + side * 8 * 64;
    if (left >= 8)
      stream_eights(low, high, lines, x, half * FS_GROUP_HALF, 8, ahead, rows);
    else
      stream_eights(low, high, lines, x, half * FS_GROUP_HALF, left, ahead, rows);
    lanes scales = lanes_load_bf16(block + side * 2 * FS_LANES);
    FS_UNROLL for (int r = 0; r < rows; r++) {
      lanes scale = fs_tail_scales(fs_row_tail(x[r], k))[g];
      sum[r] = lanes_fma(__builtin_convertvector(low[r] + (high[r] >> 4), lanes) * scales, scale, sum[r]);
    }
  }
  FS_UNROLL for (int r = 0; r < rows; r++) lanes_store(tile + r * stride, sum[r]);
}

#define FS_STREAM_OF(format, rows)                                                                                \
  static void stream_##format##_##rows(const void *base, size_t panel_bytes, ptrdiff_t panels, ptrdiff_t k,      \
                                       const void *const *x, float *tile, const char *following) {               \
    for (ptrdiff_t p = 0; p < panels; p++) {                                                                     \
      const char *panel = (const char *)base + p * (ptrdiff_t)panel_bytes;                                       \
      stream_##format(panel, panel_bytes, k, x, tile + p * FS_LANES, panels * FS_LANES,                          \
                      p + 1 < panels ? panel + panel_bytes : following, rows);                                   \
    }                                                                                                            \
  }
#define FS_STREAM_ENTRY(format, rows) [rows] = stream_##format##_##rows,

#if defined(FS_STREAMING)
#define FS_INT8_STREAMS(entry)                                                                                    \
  entry(int8, 1) entry(int8, 2) entry(int8, 3) entry(int8, 4) entry(int8, 5) entry(int8, 6) entry(int8, 7)        \
  entry(int8, 8) entry(int8, 9) entry(int8, 10)
#define FS_INT4_STREAMS(entry)                                                                                    \
  entry(int4, 1) entry(int4, 2) entry(int4, 3) entry(int4, 4) entry(int4, 5) entry(int4, 6) entry(int4, 7)        \
  entry(int4, 8)
#else
// One row of int8 is as fast or faster in tiles, whose lines take two instructions each; with more rows, where lines take
// longer than memory needs for them, tiles are.
#define FS_INT8_STREAMS(entry) entry(int8, 2) entry(int8, 3)
#define FS_INT4_STREAMS(entry) entry(int4, 1) entry(int4, 2)
#endif

FS_INT8_STREAMS(FS_STREAM_OF)
FS_INT4_STREAMS(FS_STREAM_OF)

#if defined(FS_STREAMING)
/// Some panels of compact weights at once, [rows][panels] of the tile's rows of `stride`.
FS_INLINE void stream_compact(const char *base, size_t panel_bytes, ptrdiff_t k, const void *const *x, float *tile,
                              ptrdiff_t stride, const char *following, int rows, int panels) {
  float sums[FS_COMPACT_ROWS * FS_COMPACT_PANELS * FS_LANES];
  tile_compact(base, panel_bytes, k, x, sums, tile_own(following), rows, panels);
  FS_UNROLL for (int r = 0; r < rows; r++)
    FS_UNROLL for (int p = 0; p < panels; p++)
      lanes_store(tile + r * stride + p * FS_LANES, lanes_load(sums + (r * panels + p) * FS_LANES));
}
#define FS_COMPACT_STREAM(rows, each)                                                                             \
  static void stream_compact_##rows(const void *base, size_t panel_bytes, ptrdiff_t panels, ptrdiff_t k,          \
                                    const void *const *x, float *tile, const char *following) {                   \
    for (ptrdiff_t p = 0, count; p < panels; p += count) {                                                        \
      const char *panel = (const char *)base + p * (ptrdiff_t)panel_bytes;                                        \
      count = panels - p < each ? 1 : each;                                                                       \
      const char *next = p + count < panels ? panel + count * (ptrdiff_t)panel_bytes : following;                 \
      float *to = tile + p * FS_LANES;                                                                            \
      if (count == 1)                                                                                             \
        stream_compact(panel, panel_bytes, k, x, to, panels * FS_LANES, next, rows, 1);                           \
      else                                                                                                        \
        stream_compact(panel, panel_bytes, k, x, to, panels * FS_LANES, next, rows, each);                        \
    }                                                                                                             \
  }
FS_COMPACT_STREAM(1, 1)
FS_COMPACT_STREAM(2, 1)
FS_COMPACT_STREAM(3, 1)
FS_COMPACT_STREAM(4, 2)  // with one, products of four rows would take longer than memory, each waiting for the one before
#define FS_COMPACT_STREAMS(entry) entry(compact, 1) entry(compact, 2) entry(compact, 3) entry(compact, 4)
#else
#define FS_COMPACT_STREAMS(entry)
#endif

#define FS_STREAMS                                             \
  [FS_FORMAT_INT8] = {FS_INT8_STREAMS(FS_STREAM_ENTRY)},       \
  [FS_FORMAT_INT4] = {FS_INT4_STREAMS(FS_STREAM_ENTRY)},       \
  [FS_FORMAT_BF16_COMPACT] = {FS_COMPACT_STREAMS(FS_STREAM_ENTRY)},
