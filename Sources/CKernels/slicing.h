// Tiles of the rows behind the first ones of a prompt, whose panels are in cache by then: instead of lines of their own panels they ask
// for a slice of those that follow, so that the first tile over those need not wait for memory. Include after tile.h.

/// Asks for a slice of so many bytes.
FS_INLINE tile_asking tile_slice(const char *slice, ptrdiff_t bytes, ptrdiff_t lines, int panels) {
  ptrdiff_t part = (bytes / panels + 63) / 64 * 64, step = lines > 0 ? (part + lines - 1) / lines : 0;
  return (tile_asking){.slices = true, .slice = slice, .stride = part, .step = step < 64 ? step : 64};
}

#define FS_SLICING_OF(format, rows, panels)                                                                          \
  static void slicing_##format##_##rows##x##panels(const void *base, size_t panel_bytes, ptrdiff_t k,                 \
                                                   const void *const *x, float *tile, const char *slice,             \
                                                   ptrdiff_t bytes) {                                                \
    ptrdiff_t lines = (k * FS_LINE_SHARE_##format + 63) / 64;                                                        \
    tile_asking asking = tile_slice(slice, bytes, lines, panels);                                                    \
    tile_##format(base, panel_bytes, k, x, tile, asking, rows, panels);                                              \
  }
// Bytes of a panel that an input takes.
#define FS_LINE_SHARE_bf16 32
#define FS_LINE_SHARE_int8 16
#define FS_LINE_SHARE_int4 8
#define FS_SLICING_TILE(rows, panels)                                                                                \
  FS_SLICING_OF(bf16, rows, panels)                                                                                  \
  FS_SLICING_OF(int8, rows, panels)                                                                                  \
  FS_SLICING_OF(int4, rows, panels)
#define FS_SLICING_TILES(entry)                                                                                      \
  entry(5, 3) entry(5, 4) entry(6, 2) entry(6, 3) entry(6, 4) entry(7, 2) entry(7, 3) entry(8, 2) entry(8, 3)         \
  entry(9, 2) entry(10, 2) entry(11, 2) entry(12, 2)
#define FS_SLICING_ENTRY(format, rows, panels) [rows][panels] = slicing_##format##_##rows##x##panels,
#define FS_BF16_SLICING(rows, panels) FS_SLICING_ENTRY(bf16, rows, panels)
#define FS_INT8_SLICING(rows, panels) FS_SLICING_ENTRY(int8, rows, panels)
#define FS_INT4_SLICING(rows, panels) FS_SLICING_ENTRY(int4, rows, panels)

FS_SLICING_TILES(FS_SLICING_TILE)

#define FS_SLICINGS                                             \
  [FS_FORMAT_BF16] = {FS_SLICING_TILES(FS_BF16_SLICING)},       \
  [FS_FORMAT_INT8] = {FS_SLICING_TILES(FS_INT8_SLICING)},       \
  [FS_FORMAT_INT4] = {FS_SLICING_TILES(FS_INT4_SLICING)},
