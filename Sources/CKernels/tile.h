// The tile kernels of the vector sets: R rows by P panels of dot products in registers. Each output is one lane that
// runs over k in order, so neither R nor P can change a bit. Include after fours.h and inside the target pragma.

typedef lanes tile_sums[FS_MAX_TILE_ROWS][FS_MAX_TILE_PANELS];

FS_INLINE void tile_clear(tile_sums sum, int rows, int panels) {
  FS_UNROLL for (int r = 0; r < rows; r++) FS_UNROLL for (int p = 0; p < panels; p++) sum[r][p] = 0.0f;
}

FS_INLINE void tile_store(tile_sums sum, float *tile, int rows, int panels) {
  FS_UNROLL for (int r = 0; r < rows; r++)
    FS_UNROLL for (int p = 0; p < panels; p++) lanes_store(tile + (r * panels + p) * FS_LANES, sum[r][p]);
}

/// Where a tile asks for what is read later: of its own panels and what follows them, or a slice of that.
typedef struct tile_asking {
  const char *following;
  bool slices;        // known to the compiler
  const char *slice;
  ptrdiff_t stride, step;  // of the slice, in bytes: between parts, one for each panel, and from line to line
} tile_asking;

FS_INLINE tile_asking tile_own(const char *following) { return (tile_asking){.following = following}; }

/// Reads line `i` of each panel, and asks for one further on, or for the next of the slice.
FS_INLINE void tile_lines(lanes_i32 lines[FS_MAX_TILE_PANELS], const char *base, size_t panel_bytes, ptrdiff_t i,
                          ptrdiff_t ahead, tile_asking *asking, int rows, int panels) {
  FS_UNROLL for (int p = 0; p < panels; p++) {
    const char *line = base + (size_t)p * panel_bytes + i * 64;
    ask_for(asking->slices ? asking->slice + p * asking->stride : line + ahead, rows);
    lines[p] = __builtin_bit_cast(lanes_i32, lanes_load((const float *)line));
  }
  if (asking->slices) asking->slice += asking->step;
}

/// Where a panel ends, its prefetches go on to the panel that takes its place in what follows: to its first lines, or, where
/// panels are shorter than that, to the same line.
FS_INLINE ptrdiff_t tile_ahead(ptrdiff_t line, const char *base, size_t panel_bytes, const tile_asking *asking, int rows) {
  if (asking->slices) return 0;
  ptrdiff_t bytes = (is_near(rows) ? FS_NEAR_LINES : FS_FAR_LINES) * 64, end = (ptrdiff_t)panel_bytes;
  return line * 64 + bytes < end ? bytes : asking->following - base - (end > bytes ? end - bytes : 0);
}

FS_INLINE void tile_f32(const char *base, size_t panel_bytes, ptrdiff_t k, const void *const *x, float *tile,
                        tile_asking asking, int rows, int panels) {
  tile_sums sum;
  tile_clear(sum, rows, panels);
  for (ptrdiff_t i = 0; i < k; i++) {
    lanes_i32 lines[FS_MAX_TILE_PANELS];
    tile_lines(lines, base, panel_bytes, i, tile_ahead(i, base, panel_bytes, &asking, rows), &asking, rows, panels);
    FS_UNROLL for (int r = 0; r < rows; r++) {
      lanes input = ((const float *)x[r])[i];
      FS_UNROLL for (int p = 0; p < panels; p++)
        sum[r][p] = lanes_fma(input, __builtin_bit_cast(lanes, lines[p]), sum[r][p]);
    }
  }
  tile_store(sum, tile, rows, panels);
}

/// The same for weights that are held as pairs of bf16.
FS_INLINE void tile_f32_compact(const char *base, size_t panel_bytes, ptrdiff_t k, const void *const *x, float *tile,
                                tile_asking asking, int rows, int panels) {
  tile_sums sum;
  tile_clear(sum, rows, panels);
  for (ptrdiff_t i = 0; i < k; i += 2) {
    lanes_i32 lines[FS_MAX_TILE_PANELS];
    tile_lines(lines, base, panel_bytes, i / 2, tile_ahead(i / 2, base, panel_bytes, &asking, rows), &asking, rows, panels);
    FS_UNROLL for (int r = 0; r < rows; r++) {
      lanes input = ((const float *)x[r])[i];
      FS_UNROLL for (int p = 0; p < panels; p++)
        sum[r][p] = lanes_fma(input, __builtin_bit_cast(lanes, lines[p] << 16), sum[r][p]);
    }
    if (i + 1 == k) break;
    FS_UNROLL for (int r = 0; r < rows; r++) {
      lanes input = ((const float *)x[r])[i + 1];
      FS_UNROLL for (int p = 0; p < panels; p++)
        sum[r][p] = lanes_fma(input, __builtin_bit_cast(lanes, lines[p] & (int32_t)0xffff0000), sum[r][p]);
    }
  }
  tile_store(sum, tile, rows, panels);
}

#if defined(FS_BF16_TILES)
/// One input of a pair of bf16, as a float for all lanes.
FS_INLINE lanes bf16_of_pair(const void *row, ptrdiff_t pair, int side) {
  uint32_t bits = ((const uint32_t *)row)[pair];
  return (lanes)__builtin_bit_cast(float, side ? bits & 0xffff0000u : bits << 16);
}

/// Follows the order of AMX: for every 32 inputs the even and the odd ones are summed apart, then both join the result.
FS_INLINE void tile_bf16(const char *base, size_t panel_bytes, ptrdiff_t k, const void *const *x, float *tile,
                         tile_asking asking, int rows, int panels) {
  tile_sums sum;
  tile_clear(sum, rows, panels);
  for (ptrdiff_t begin = 0; begin < (k + 1) / 2; begin += 16) {
    tile_sums even, odd;
    tile_clear(even, rows, panels);
    tile_clear(odd, rows, panels);
    ptrdiff_t end = begin + 16 < (k + 1) / 2 ? begin + 16 : (k + 1) / 2;
    ptrdiff_t ahead = tile_ahead(end, base, panel_bytes, &asking, rows);
    for (ptrdiff_t i = begin; i < end; i++) {
      lanes_i32 lines[FS_MAX_TILE_PANELS];
      tile_lines(lines, base, panel_bytes, i, ahead, &asking, rows, panels);
      lanes weights[FS_MAX_TILE_PANELS];
      FS_UNROLL for (int p = 0; p < panels; p++) weights[p] = __builtin_bit_cast(lanes, lines[p] << 16);
      FS_UNROLL for (int r = 0; r < rows; r++) {
        lanes input = bf16_of_pair(x[r], i, 0);
        FS_UNROLL for (int p = 0; p < panels; p++) even[r][p] = lanes_fma(input, weights[p], even[r][p]);
      }
      FS_UNROLL for (int p = 0; p < panels; p++)
        weights[p] = __builtin_bit_cast(lanes, lines[p] & (int32_t)0xffff0000);
      FS_UNROLL for (int r = 0; r < rows; r++) {
        lanes input = bf16_of_pair(x[r], i, 1);
        FS_UNROLL for (int p = 0; p < panels; p++) odd[r][p] = lanes_fma(input, weights[p], odd[r][p]);
      }
    }
    FS_UNROLL for (int r = 0; r < rows; r++)
      FS_UNROLL for (int p = 0; p < panels; p++) sum[r][p] += even[r][p] + odd[r][p];
  }
  tile_store(sum, tile, rows, panels);
}
#else
#if defined(FS_BF16_PAIRS)
/// Adds the products of pair i: the instruction rounds as two multiply-adds do, the second input's first.
FS_INLINE void bf16_pair(tile_sums sum, const lanes_i32 lines[FS_MAX_TILE_PANELS], const void *const *x, ptrdiff_t i,
                         int rows, int panels) {
  FS_UNROLL for (int r = 0; r < rows; r++) {
    lanes_i32 input = ((const int32_t *)x[r])[i];
    FS_UNROLL for (int p = 0; p < panels; p++) sum[r][p] = lanes_multiply_pairs(sum[r][p], lines[p], input);
  }
}
#elif defined(__aarch64__)
/// Four lanes of the sums of pair i. The pairs of inputs stand in a register each, so that a tile fits into 32.
FS_INLINE lanes4 bf16_pair_of_four(lanes4 sum, lanes4_i32 line, float32x2_t inputs, int side) {
  lanes4 weights = __builtin_bit_cast(lanes4, side ? line & (int32_t)0xffff0000 : line << 16);
  return (lanes4)(side ? vfmaq_lane_f32((float32x4_t)sum, (float32x4_t)weights, inputs, 1)
                       : vfmaq_lane_f32((float32x4_t)sum, (float32x4_t)weights, inputs, 0));
}
/// Adds the products of pair i, the second input's first, sixteen bytes of weights after the other.
FS_INLINE void bf16_pair(tile_sums sum, const lanes_i32 lines[FS_MAX_TILE_PANELS], const void *const *x, ptrdiff_t i,
                         int rows, int panels) {
  float32x2_t inputs[FS_MAX_TILE_ROWS];
  FS_UNROLL for (int r = 0; r < rows; r++) inputs[r] = vld1_f32((const float *)x[r] + 2 * i);
#define BF16_QUARTER(part)                                                                                           \
  FS_UNROLL for (int side = 1; side >= 0; side--)                                                                    \
    FS_UNROLL for (int r = 0; r < rows; r++)                                                                         \
      sum[r][p].part = bf16_pair_of_four(sum[r][p].part, lines[p].part, inputs[r], side);
  FS_UNROLL for (int p = 0; p < panels; p++) {
    BF16_QUARTER(lo.lo)
    BF16_QUARTER(lo.hi)
    BF16_QUARTER(hi.lo)
    BF16_QUARTER(hi.hi)
  }
#undef BF16_QUARTER
}
#else
/// Adds the products of pair i, the second input's first.
FS_INLINE void bf16_pair(tile_sums sum, const lanes_i32 lines[FS_MAX_TILE_PANELS], const void *const *x, ptrdiff_t i,
                         int rows, int panels) {
  lanes weights[FS_MAX_TILE_PANELS];
  FS_UNROLL for (int p = 0; p < panels; p++)
    weights[p] = __builtin_bit_cast(lanes, lines[p] & (int32_t)0xffff0000);
  FS_UNROLL for (int r = 0; r < rows; r++) {
    lanes input = ((const float *)x[r])[2 * i + 1];
    FS_UNROLL for (int p = 0; p < panels; p++) sum[r][p] = lanes_fma(input, weights[p], sum[r][p]);
  }
  FS_UNROLL for (int p = 0; p < panels; p++) weights[p] = __builtin_bit_cast(lanes, lines[p] << 16);
  FS_UNROLL for (int r = 0; r < rows; r++) {
    lanes input = ((const float *)x[r])[2 * i];
    FS_UNROLL for (int p = 0; p < panels; p++) sum[r][p] = lanes_fma(input, weights[p], sum[r][p]);
  }
}
#endif

FS_INLINE void tile_bf16(const char *base, size_t panel_bytes, ptrdiff_t k, const void *const *x, float *tile,
                         tile_asking asking, int rows, int panels) {
  tile_sums sum;
  tile_clear(sum, rows, panels);
  for (ptrdiff_t i = 0; i < (k + 1) / 2; i++) {
    lanes_i32 lines[FS_MAX_TILE_PANELS];
    tile_lines(lines, base, panel_bytes, i, tile_ahead(i, base, panel_bytes, &asking, rows), &asking, rows, panels);
    bf16_pair(sum, lines, x, i, rows, panels);
  }
  tile_store(sum, tile, rows, panels);
}
#endif

typedef lanes_i32 tile_integers[FS_MAX_TILE_ROWS][FS_MAX_TILE_PANELS];

/// Adds the products of four inputs, from input i on.
FS_INLINE void tile_fours(tile_integers sum, const lanes_i32 weights[FS_MAX_TILE_PANELS], const void *const *x,
                          ptrdiff_t i, int rows, int panels) {
  FS_UNROLL for (int r = 0; r < rows; r++) {
    int32_t input;
    memcpy(&input, (const char *)x[r] + i, 4);
    lanes_i32 inputs = input;
    FS_UNROLL for (int p = 0; p < panels; p++) sum[r][p] = lanes_multiply_fours(sum[r][p], weights[p], inputs);
  }
}

/// Adds the products of eight inputs, from input i on, with weights of 4 bits.
FS_INLINE void tile_eights(tile_integers sum, const lanes_i32 both[FS_MAX_TILE_PANELS], const void *const *x, ptrdiff_t i,
                           int rows, int panels) {
#if defined(__aarch64__)  // sixteen bytes of weights after the other, so that a tile fits into 32 registers
  lanes4_i32 inputs[FS_MAX_TILE_ROWS];
  FS_UNROLL for (int r = 0; r < rows; r++)
    inputs[r] = (lanes4_i32)vcombine_s32(vld1_s32((const int32_t *)((const char *)x[r] + i)), vdup_n_s32(0));
#define EIGHTS_OF_FOUR(part)                                                                                        \
  FS_UNROLL for (int side = 0; side < 2; side++)                                                                    \
    FS_UNROLL for (int r = 0; r < rows; r++)                                                                        \
      sum[r][p].part = lanes4_multiply_fours(sum[r][p].part, both[p].part >> (4 * side) & 0x0f0f0f0f,                \
                                             (lanes4_i32)inputs[r][side]);
  FS_UNROLL for (int p = 0; p < panels; p++) {
    EIGHTS_OF_FOUR(lo.lo)
    EIGHTS_OF_FOUR(lo.hi)
    EIGHTS_OF_FOUR(hi.lo)
    EIGHTS_OF_FOUR(hi.hi)
  }
#undef EIGHTS_OF_FOUR
#else
  FS_UNROLL for (int r = 0; r < rows; r++) {
    int32_t inputs[2];
    memcpy(inputs, (const char *)x[r] + i, sizeof inputs);
    FS_UNROLL for (int p = 0; p < panels; p++)
      sum[r][p] = lanes_multiply_eights(sum[r][p], both[p], (lanes_i32)inputs[0], (lanes_i32)inputs[1]);
  }
#endif
}

FS_INLINE void tile_int8(const char *base, size_t panel_bytes, ptrdiff_t k, const void *const *x, float *tile,
                         tile_asking asking, int rows, int panels) {
  tile_sums sum;
  FS_UNROLL for (int r = 0; r < rows; r++) {
    lanes correction = *fs_tail_correction(fs_row_tail(x[r], k));
    FS_UNROLL for (int p = 0; p < panels; p++) sum[r][p] = correction;
  }
  ptrdiff_t lines = (k + 3) / 4;
  for (ptrdiff_t g = 0; g < fs_groups(k); g++) {
    tile_integers integers;
    FS_UNROLL for (int r = 0; r < rows; r++) {
      lanes_i32 start = fours_int8_start(fs_row_tail(x[r], k), k, g);
      FS_UNROLL for (int p = 0; p < panels; p++) integers[r][p] = start;
    }
    ptrdiff_t end = (g + 1) * (FS_GROUP / 4) < lines ? (g + 1) * (FS_GROUP / 4) : lines;
    ptrdiff_t ahead = tile_ahead(end, base, panel_bytes, &asking, rows);
    for (ptrdiff_t i = g * (FS_GROUP / 4); i < end; i++) {
      lanes_i32 weights[FS_MAX_TILE_PANELS];
      tile_lines(weights, base, panel_bytes, i, ahead, &asking, rows, panels);
      FS_UNROLL for (int p = 0; p < panels; p++) weights[p] = fours_of_int8(weights[p]);
      tile_fours(integers, weights, x, 4 * i, rows, panels);
    }
    FS_UNROLL for (int r = 0; r < rows; r++) {
      lanes scale = fs_tail_scales(fs_row_tail(x[r], k))[g];
      FS_UNROLL for (int p = 0; p < panels; p++)
        sum[r][p] = lanes_fma(__builtin_convertvector(integers[r][p], lanes), scale, sum[r][p]);
    }
  }
  if (!asking.slices) {  // a panel has a line more than that, its scales, and so one more to ask for
    ptrdiff_t ahead = tile_ahead(lines, base, panel_bytes, &asking, rows);
    FS_UNROLL for (int p = 0; p < panels; p++) ask_for(base + (size_t)p * panel_bytes + lines * 64 + ahead, rows);
  }
  tile_store(sum, tile, rows, panels);
}

FS_INLINE void tile_int4(const char *base, size_t panel_bytes, ptrdiff_t k, const void *const *x, float *tile,
                         tile_asking asking, int rows, int panels) {
  tile_sums sum;
  tile_clear(sum, rows, panels);
  for (ptrdiff_t half = 0; half < (k + FS_GROUP_HALF - 1) / FS_GROUP_HALF; half++) {
    ptrdiff_t g = half / 2, side = half % 2;
    tile_integers integers;
    FS_UNROLL for (int r = 0; r < rows; r++) {
      lanes_i32 start = fs_tail_offsets(fs_row_tail(x[r], k), k)[half];
      FS_UNROLL for (int p = 0; p < panels; p++) integers[r][p] = start;
    }
    const char *block = base + g * FS_INT4_BLOCK;
    ptrdiff_t left = (k - half * FS_GROUP_HALF + 7) / 8, lines = left < 8 ? left : 8;
    ptrdiff_t ahead = tile_ahead(g * (FS_INT4_BLOCK / 64) + 8 * side + 8, base, panel_bytes, &asking, rows);
    if (side == 0 && !asking.slices) {  // nobody else asks for the lines of the scales
      FS_UNROLL for (int p = 0; p < panels; p++) ask_for(block + (size_t)p * panel_bytes + ahead, rows);
    }
    for (ptrdiff_t i = 0; i < lines; i++) {
      lanes_i32 both[FS_MAX_TILE_PANELS];
      tile_lines(both, block + 64, panel_bytes, 8 * side + i, ahead, &asking, rows, panels);
      tile_eights(integers, both, x, half * FS_GROUP_HALF + 8 * i, rows, panels);
    }
    lanes scales[FS_MAX_TILE_PANELS];
    FS_UNROLL for (int p = 0; p < panels; p++)
      scales[p] = lanes_load_bf16(block + (size_t)p * panel_bytes + side * 2 * FS_LANES);
    FS_UNROLL for (int r = 0; r < rows; r++) {
      lanes scale = fs_tail_scales(fs_row_tail(x[r], k))[g];
      FS_UNROLL for (int p = 0; p < panels; p++)
        sum[r][p] = lanes_fma(__builtin_convertvector(integers[r][p], lanes) * scales[p], scale, sum[r][p]);
    }
  }
  tile_store(sum, tile, rows, panels);
}

#define FS_TILE_OF(format, rows, panels)                                                                     \
  static void tile_##format##_##rows##x##panels(const void *base, size_t panel_bytes, ptrdiff_t k,           \
                                                const void *const *x, float *tile,                           \
                                                const char *following) {                             \
    tile_##format(base, panel_bytes, k, x, tile, tile_own(following), rows, panels);                         \
  }
#define FS_TILE(rows, panels)                                                                                \
  FS_TILE_OF(f32, rows, panels)                                                                              \
  FS_TILE_OF(f32_compact, rows, panels)                                                                      \
  FS_TILE_OF(bf16, rows, panels)                                                                             \
  FS_TILE_OF(int8, rows, panels)                                                                             \
  FS_TILE_OF(int4, rows, panels)
#define FS_TILE_ENTRY(format, rows, panels) [rows][panels] = tile_##format##_##rows##x##panels,

// What the tables of all vector sets have: the kernels of FS_TILES and FS_COMPACT_TILES, and the functions beside them.
#define FS_F32_ENTRY(rows, panels) FS_TILE_ENTRY(f32, rows, panels)
#define FS_F32_COMPACT_ENTRY(rows, panels) FS_TILE_ENTRY(f32_compact, rows, panels)
#define FS_BF16_ENTRY(rows, panels) FS_TILE_ENTRY(bf16, rows, panels)
#define FS_INT8_ENTRY(rows, panels) FS_TILE_ENTRY(int8, rows, panels)
#define FS_INT4_ENTRY(rows, panels) FS_TILE_ENTRY(int4, rows, panels)
#define FS_COMPACT_ENTRY(rows, panels) FS_TILE_ENTRY(compact, rows, panels)
#define FS_VECTOR_KERNELS                                                                                    \
  .tile = {[FS_FORMAT_F32] = {FS_TILES(FS_F32_ENTRY)},                                                       \
           [FS_FORMAT_BF16] = {FS_TILES(FS_BF16_ENTRY)},                                                     \
           [FS_FORMAT_INT8] = {FS_TILES(FS_INT8_ENTRY)},                                                     \
           [FS_FORMAT_INT4] = {FS_TILES(FS_INT4_ENTRY)},                                                     \
           [FS_FORMAT_BF16_COMPACT] = {FS_COMPACT_TILES(FS_COMPACT_ENTRY)},                                  \
           [FS_FORMAT_F32_COMPACT] = {FS_TILES(FS_F32_COMPACT_ENTRY)}},                                      \
  .prepare = {NULL, prepare_rounded, prepare_pairs, prepare_integers}, .compact_rows = FS_COMPACT_ROWS,      \
  .expand = compact_expand_panel, .finish = finish, .finish_gated = finish_gated, .rms_norm = rms_norm,      \
  .latent_attention = latent_attention, .tiled_attention = tiled_attention,                                  \
  .grouped_attention = grouped_attention, .join_spans = join_spans, .argmax = argmax, .exp = exponentials
