// The tile kernels of the vector sets: R rows by P panels of dot products in registers. Each output is one lane that
// runs over k in order, so neither R nor P can change a bit. Include after lanes.h and inside the target pragma.

FS_INLINE void tile_store(lanes sum[FS_MAX_TILE_ROWS][FS_MAX_TILE_PANELS], float *tile, int rows, int panels) {
  FS_UNROLL for (int r = 0; r < rows; r++)
    FS_UNROLL for (int p = 0; p < panels; p++) lanes_store(tile + (r * panels + p) * FS_LANES, sum[r][p]);
}

/// Inputs [begin, end) of f32 panels, prefetching `ahead` bytes further on.
FS_INLINE void tile_run_f32(lanes sum[FS_MAX_TILE_ROWS][FS_MAX_TILE_PANELS], const char *base, size_t panel_bytes,
                            ptrdiff_t begin, ptrdiff_t end, const float *const *x, size_t ahead, int rows,
                            int panels) {
  for (ptrdiff_t i = begin; i < end; i++) {
    lanes weights[FS_MAX_TILE_PANELS];
    FS_UNROLL for (int p = 0; p < panels; p++) {
      const char *line = base + (size_t)p * panel_bytes + i * 64;
      __builtin_prefetch(line + ahead, 0, 3);
      weights[p] = lanes_load((const float *)line);
    }
    FS_UNROLL for (int r = 0; r < rows; r++) {
      lanes input = x[r][i];
      FS_UNROLL for (int p = 0; p < panels; p++) sum[r][p] = lanes_fma(input, weights[p], sum[r][p]);
    }
  }
}

/// Input pairs [begin, end) of bf16 panels; `odd` leaves out the second input of the (only) pair.
FS_INLINE void tile_run_bf16(lanes sum[FS_MAX_TILE_ROWS][FS_MAX_TILE_PANELS], const char *base, size_t panel_bytes,
                             ptrdiff_t begin, ptrdiff_t end, const float *const *x, size_t ahead, int rows,
                             int panels, bool odd) {
  for (ptrdiff_t i = begin; i < end; i++) {
    lanes_i32 pairs[FS_MAX_TILE_PANELS];
    FS_UNROLL for (int p = 0; p < panels; p++) {
      const char *line = base + (size_t)p * panel_bytes + i * 64;
      __builtin_prefetch(line + ahead, 0, 3);
      pairs[p] = __builtin_bit_cast(lanes_i32, lanes_load((const float *)line));
    }
    lanes weights[FS_MAX_TILE_PANELS];
    FS_UNROLL for (int p = 0; p < panels; p++) weights[p] = __builtin_bit_cast(lanes, pairs[p] << 16);
    FS_UNROLL for (int r = 0; r < rows; r++) {
      lanes input = x[r][2 * i];
      FS_UNROLL for (int p = 0; p < panels; p++) sum[r][p] = lanes_fma(input, weights[p], sum[r][p]);
    }
    if (odd) continue;
    FS_UNROLL for (int p = 0; p < panels; p++) weights[p] = __builtin_bit_cast(lanes, pairs[p] & (int32_t)0xffff0000);
    FS_UNROLL for (int r = 0; r < rows; r++) {
      lanes input = x[r][2 * i + 1];
      FS_UNROLL for (int p = 0; p < panels; p++) sum[r][p] = lanes_fma(input, weights[p], sum[r][p]);
    }
  }
}

/// One input of int8 panels, 16 bytes of each.
FS_INLINE void tile_step_int8(lanes sum[FS_MAX_TILE_ROWS][FS_MAX_TILE_PANELS], const char *base, size_t panel_bytes,
                              ptrdiff_t i, const float *const *x, int rows, int panels) {
  lanes weights[FS_MAX_TILE_PANELS];
  FS_UNROLL for (int p = 0; p < panels; p++) weights[p] = lanes_load_int8(base + (size_t)p * panel_bytes + i * 16);
  FS_UNROLL for (int r = 0; r < rows; r++) {
    lanes input = x[r][i];
    FS_UNROLL for (int p = 0; p < panels; p++) sum[r][p] = lanes_fma(input, weights[p], sum[r][p]);
  }
}

/// Lines [begin, end) of int8 panels, four inputs each.
FS_INLINE void tile_run_int8(lanes sum[FS_MAX_TILE_ROWS][FS_MAX_TILE_PANELS], const char *base, size_t panel_bytes,
                             ptrdiff_t begin, ptrdiff_t end, const float *const *x, size_t ahead, int rows,
                             int panels) {
  for (ptrdiff_t line = begin; line < end; line++) {
    FS_UNROLL for (int p = 0; p < panels; p++)
      __builtin_prefetch(base + (size_t)p * panel_bytes + line * 64 + ahead, 0, 3);
    FS_UNROLL for (int j = 0; j < 4; j++) tile_step_int8(sum, base, panel_bytes, 4 * line + j, x, rows, panels);
  }
}

/// Where a panel ends, its prefetches go on to the panel of the next group that takes its place.
FS_INLINE size_t tile_next_group(size_t panel_bytes, int panels) {
  return FS_PREFETCH_LINES * 64 + (size_t)(panels - 1) * panel_bytes;
}

FS_INLINE void tile_f32(const void *base, size_t panel_bytes, ptrdiff_t k, const float *const *x, float *tile,
                        int rows, int panels) {
  lanes sum[FS_MAX_TILE_ROWS][FS_MAX_TILE_PANELS];
  FS_UNROLL for (int r = 0; r < rows; r++) FS_UNROLL for (int p = 0; p < panels; p++) sum[r][p] = 0.0f;
  ptrdiff_t turn = k > FS_PREFETCH_LINES ? k - FS_PREFETCH_LINES : 0;
  tile_run_f32(sum, base, panel_bytes, 0, turn, x, FS_PREFETCH_LINES * 64, rows, panels);
  tile_run_f32(sum, base, panel_bytes, turn, k, x, tile_next_group(panel_bytes, panels), rows, panels);
  tile_store(sum, tile, rows, panels);
}

FS_INLINE void tile_bf16(const void *base, size_t panel_bytes, ptrdiff_t k, const float *const *x, float *tile,
                         int rows, int panels) {
  lanes sum[FS_MAX_TILE_ROWS][FS_MAX_TILE_PANELS];
  FS_UNROLL for (int r = 0; r < rows; r++) FS_UNROLL for (int p = 0; p < panels; p++) sum[r][p] = 0.0f;
  ptrdiff_t pairs = k / 2, turn = pairs > FS_PREFETCH_LINES ? pairs - FS_PREFETCH_LINES : 0;
  size_t next = tile_next_group(panel_bytes, panels);
  tile_run_bf16(sum, base, panel_bytes, 0, turn, x, FS_PREFETCH_LINES * 64, rows, panels, false);
  tile_run_bf16(sum, base, panel_bytes, turn, pairs, x, next, rows, panels, false);
  if (k % 2) tile_run_bf16(sum, base, panel_bytes, pairs, pairs + 1, x, next, rows, panels, true);
  tile_store(sum, tile, rows, panels);
}

FS_INLINE void tile_int8(const void *base, size_t panel_bytes, ptrdiff_t k, const float *const *x, float *tile,
                         int rows, int panels) {
  lanes sum[FS_MAX_TILE_ROWS][FS_MAX_TILE_PANELS];
  FS_UNROLL for (int r = 0; r < rows; r++) FS_UNROLL for (int p = 0; p < panels; p++) sum[r][p] = 0.0f;
  ptrdiff_t lines = k / 4, all = (ptrdiff_t)(panel_bytes / 64);  // `all` counts the scales, so they are prefetched too
  ptrdiff_t turn = all > FS_PREFETCH_LINES ? all - FS_PREFETCH_LINES : 0;
  tile_run_int8(sum, base, panel_bytes, 0, turn, x, FS_PREFETCH_LINES * 64, rows, panels);
  tile_run_int8(sum, base, panel_bytes, turn, lines, x, tile_next_group(panel_bytes, panels), rows, panels);
  for (ptrdiff_t i = 4 * lines; i < k; i++) tile_step_int8(sum, base, panel_bytes, i, x, rows, panels);
  tile_store(sum, tile, rows, panels);
}

#define FS_TILE(rows, panels)                                                                                      \
  static void tile_f32_##rows##x##panels(const void *base, size_t panel_bytes, ptrdiff_t k, const float *const *x, \
                                         float *tile) {                                                            \
    tile_f32(base, panel_bytes, k, x, tile, rows, panels);                                                         \
  }                                                                                                                \
  static void tile_bf16_##rows##x##panels(const void *base, size_t panel_bytes, ptrdiff_t k,                       \
                                          const float *const *x, float *tile) {                                    \
    tile_bf16(base, panel_bytes, k, x, tile, rows, panels);                                                        \
  }                                                                                                                \
  static void tile_int8_##rows##x##panels(const void *base, size_t panel_bytes, ptrdiff_t k,                       \
                                          const float *const *x, float *tile) {                                    \
    tile_int8(base, panel_bytes, k, x, tile, rows, panels);                                                        \
  }
#define FS_TILE_ENTRY(format, rows, panels) [rows][panels] = tile_##format##_##rows##x##panels
