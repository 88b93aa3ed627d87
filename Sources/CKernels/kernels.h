// What the files of CKernels share: the table a kernel set fills in, and the constants that fix the arithmetic.
//
// Sums are taken in "lanes": element i of a sum belongs to lane i % n, each lane is one chain of fused multiply-adds,
// and the lanes are folded in halves (lane l + lane l + n/2, and so on). Every set follows this, whatever the width of
// its registers, so all sets give identical bits.
#ifndef FUSIONSPEC_KERNELS_H
#define FUSIONSPEC_KERNELS_H

#include "CKernels.h"

#pragma STDC FP_CONTRACT OFF  // a fused multiply-add stands only where it is written

enum {
  FS_FORMATS = FS_FORMAT_F32_COMPACT + 1,
  FS_LANES = FS_PANEL_COLUMNS,
  FS_MAX_TILE_ROWS = 12,
  FS_MAX_TILE_PANELS = 8,
  FS_MAX_STREAM_ROWS = 12,
  FS_NORM_LANES = 64,
  FS_PREFETCH_LINES = 16,  // how many lines ahead of its use a weight line is asked for
  FS_GROUP = 128,          // inputs that share a scale when they are held as integers
  FS_GROUP_HALF = 64,      // weights of an int4 column that share a scale
  FS_COMPACT_UNIT = 3 * 64,   // bytes of four plain lines of a compact panel
  FS_COMPACT_STEP_LINES = 16,  // plain lines of a step
  FS_COMPACT_STEP = FS_COMPACT_STEP_LINES / 4 * FS_COMPACT_UNIT,
  FS_COMPACT_CHUNK = 32,  // steps of a chunk
  FS_COMPACT_ROWS = 4,    // the most rows and panels of a tile of compact weights
  FS_COMPACT_PANELS = 8,
  FS_EXPANDED_PANELS = 2,  // compact panels that are made plain at a time
  FS_TILED_GROUP = 64,    // columns of a cached key that share a scale when they are held as integers
  FS_INT4_BLOCK = FS_LANES * FS_GROUP / 2 + 64,  // bytes of an int4 panel for one group of inputs: scales, nibbles
};

/// In which form a tile kernel takes its input rows.
typedef enum fs_form {
  FS_FORM_FLOATS,   // f32, the caller's own rows
  FS_FORM_ROUNDED,  // f32 [k], rounded to bf16
  FS_FORM_PAIRS,    // bf16 [k]
  FS_FORM_INTEGERS, // int8 [128] for each group; behind them a tail, see fs_tail_scales
  FS_FORMS,
} fs_form;

/// tile[r][p][lane] = sum over i < k of x[r][i] * panel p's column `lane`, in the order of the format. int8 columns
/// count as the integers they hold; `scale` follows. Near their end the first lines of the panels at `following` are asked for.
typedef void fs_tile_kernel(const void *panels, size_t panel_bytes, ptrdiff_t k, const void *const *x, float *tile,
                            const char *following);

/// The same for any number of panels, one after the other.
typedef void fs_stream_kernel(const void *panels, size_t panel_bytes, ptrdiff_t panel_count, ptrdiff_t k,
                              const void *const *x, float *tile, const char *following);

/// A tile over panels that are in cache; meanwhile it asks for about `bytes` from `slice` on, evenly over its work.
typedef void fs_slicing_kernel(const void *panels, size_t panel_bytes, ptrdiff_t k, const void *const *x, float *tile,
                               const char *slice, ptrdiff_t bytes);

/// A tile of a set's expanding_panels compact panels, which it also writes as plain ones, `plain_bytes` apart. Prefetches as of a
/// tile kernel.
typedef void fs_expanding_kernel(const void *panels, size_t panel_bytes, ptrdiff_t k, const void *const *x, void *plain,
                                 size_t plain_bytes, float *tile, const char *following);

/// Writes an input row of k floats in one of the forms, zeros behind it up to the end of a line of 64 bytes.
typedef void fs_prepare_kernel(const float *x, ptrdiff_t k, void *to);

/// How a tile ends: where its sums go, what is done to them.
typedef struct fs_finish {
  const float *tile;  // [rows][panels][16]
  ptrdiff_t rows, panels;
  const char *scales;  // of the first panel's columns, those of the next one panel_bytes further; NULL but for int8
  size_t panel_bytes;
  fs_rows y;
  ptrdiff_t row, column;  // of y, where the tile begins
  ptrdiff_t count;        // columns of y that the tile has
  bool accumulate;
  const char *next;  // lines to ask for meanwhile,
  ptrdiff_t lines;   // so many for each row
} fs_finish;

/// Like a tile, for up to block_span rows, `row_bytes` apart, and two panels. Rows are read in groups of 16, the last one
/// too. Meanwhile the lines [begin, end) at `next` are asked for.
typedef struct fs_prefetch {
  const char *next;
  ptrdiff_t begin, end;
} fs_prefetch;
typedef void fs_block_kernel(const void *panels, size_t panel_bytes, ptrdiff_t k, const char *x, ptrdiff_t row_bytes,
                             ptrdiff_t rows, ptrdiff_t panel_count, const fs_prefetch *prefetch, float *tile);
enum { FS_BLOCK_GROUP = 16, FS_BLOCK_ROWS = 8 * FS_BLOCK_GROUP, FS_BLOCK_PANELS = 2 };

/// What a span of positions leaves of a unit of attention: sums [padded width], the greatest score, the sum of the weights.
static inline ptrdiff_t fs_span_record_floats(ptrdiff_t width) {
  return (width + FS_LANES - 1) / FS_LANES * FS_LANES + FS_LANES;
}

/// What one pass over the cache of a key-value head serves: heads of rows, each with the positions that it sees.
typedef struct fs_grouped_units {
  ptrdiff_t count;
  ptrdiff_t width;
  float scale;
  const float *query[FS_GROUPED_UNITS];
  float *output[FS_GROUPED_UNITS];
  ptrdiff_t begin[FS_GROUPED_UNITS], end[FS_GROUPED_UNITS];
  bool records;  // positions are of one span, and outputs are records
} fs_grouped_units;

/// The nearest bf16, even ones among equals; NaN stays NaN (made quiet), what is too large becomes infinity.
static inline uint16_t fs_nearest_bf16(float x) {
  uint32_t bits = __builtin_bit_cast(uint32_t, x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)((bits >> 16) | 0x40u);
  return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

/// A float rounded as products of pairs take it: like that, but what is too small for a normal float is 0.
static inline uint16_t fs_paired_bf16(float x) {
  uint32_t bits = __builtin_bit_cast(uint32_t, x);
  return (bits & 0x7f800000u) == 0 ? (uint16_t)(bits >> 16 & 0x8000u) : fs_nearest_bf16(x);
}

static inline ptrdiff_t fs_padded_width(ptrdiff_t width) { return (width + FS_LANES - 1) / FS_LANES * FS_LANES; }
static inline ptrdiff_t fs_grouped_block_floats(ptrdiff_t width) {
  return FS_ATTENTION_BLOCK * (width + fs_padded_width(width));
}

/// What one pass over a cache of tiles serves: heads of rows, each with the positions that it sees.
typedef struct fs_tiled_units {
  ptrdiff_t count;
  fs_tiled_shape shape;
  float scale;
  const float *query[FS_TILED_UNITS];
  float *output[FS_TILED_UNITS];
  ptrdiff_t begin[FS_TILED_UNITS], end[FS_TILED_UNITS];
  bool records;  // positions are of one span, and outputs are records
  bool cold;     // the cache has to come from memory
  const char *following;  // what the thread reads after the pass, or NULL
} fs_tiled_units;

/// Steps of 32 columns of a key, and groups of columns that share a scale when keys are integers.
static inline ptrdiff_t fs_tiled_steps(ptrdiff_t width) { return (width + 31) / 32; }
static inline ptrdiff_t fs_tiled_groups(ptrdiff_t width) { return (width + FS_TILED_GROUP - 1) / FS_TILED_GROUP; }

/// Bytes of a block of 32 positions: its scales, if any, up to its values, and in all.
static inline size_t fs_tiled_scale_bytes(fs_tiled_shape shape) {
  return shape.format == FS_TILED_INT8 ? (size_t)(1 + fs_tiled_groups(shape.key_width)) * 128 : 0;
}
static inline size_t fs_tiled_key_bytes(fs_tiled_shape shape) {
  size_t line_bytes = shape.format == FS_TILED_INT8 ? 1024 : 2048;
  return fs_tiled_scale_bytes(shape) + (size_t)fs_tiled_steps(shape.key_width) * line_bytes;
}
static inline size_t fs_tiled_block_bytes(fs_tiled_shape shape) {
  size_t line_bytes = shape.format == FS_TILED_INT8 ? 512 : 1024;
  return fs_tiled_key_bytes(shape) + (size_t)((shape.value_width + 15) / 16) * line_bytes;
}

/// Bytes of the head of a chunk of compact weights, and of the chunk.
static inline ptrdiff_t fs_compact_head(ptrdiff_t steps) { return (steps + 15) / 16 * 64; }
static inline ptrdiff_t fs_compact_chunk_bytes(ptrdiff_t steps) {
  return fs_compact_head(steps) + steps * FS_COMPACT_STEP;
}
/// k floats of a column of a compact panel.
void fs_compact_row(const void *compact, ptrdiff_t lane, ptrdiff_t k, float *row);
/// The plain panel.
void fs_expand_panel(const void *compact, ptrdiff_t k, void *panel);

struct fs_kernels {
  const char *name;
  fs_form form[FS_FORMATS];  // of the input rows
  fs_prepare_kernel *prepare[FS_FORMS];
  ptrdiff_t tile_rows[FS_FORMATS];                           // the most rows of a tile
  ptrdiff_t tile_panels[FS_FORMATS][FS_MAX_TILE_ROWS + 1];   // the most panels of a tile of r rows
  fs_tile_kernel *tile[FS_FORMATS][FS_MAX_TILE_ROWS + 1][FS_MAX_TILE_PANELS + 1];  // [format][rows][panels] or NULL
  fs_slicing_kernel *slicing[FS_FORMATS][FS_MAX_TILE_ROWS + 1][FS_MAX_TILE_PANELS + 1];  // likewise, for rows
                                                                                          // behind the first, from memory
  fs_stream_kernel *stream[FS_FORMATS][FS_MAX_STREAM_ROWS + 1];  // [format][rows] or NULL: instead of tiles, from memory
  /// The most rows of tiles that take compact weights as they are. Blocks do for any number; without them, weights are made
  /// plain for more rows.
  ptrdiff_t compact_rows;
  size_t compact_from;  // see fs_compact_from
  void (*expand)(const void *compact, ptrdiff_t k, void *panel);
  fs_expanding_kernel *expanding[FS_MAX_TILE_ROWS + 1];  // [rows] or NULL: expand, then multiply
  ptrdiff_t expanding_panels;                            // at a time, at most FS_EXPANDED_PANELS
  fs_block_kernel *block[FS_FORMATS];  // or NULL; a set with blocks of bf16 has some of compact weights too
  ptrdiff_t block_rows[FS_FORMATS];    // the least rows for which blocks are used
  ptrdiff_t block_span[FS_FORMATS];    // the most rows of a block
  ptrdiff_t block_ahead[FS_FORMATS];   // lines of the next panels that each row of a block asks for as it ends
  void (*begin_blocks)(ptrdiff_t rows);  // before and after a run of blocks of so many rows on a thread
  void (*end_blocks)(void);
  /// y = sums, times their scales if any, or y + that: fma(sums, scales, y).
  void (*finish)(const fs_finish *job);
  /// y[r] = row_scale[job->row + r] * silu(gate) * up for pairs of panels; row_scale may be NULL for 1.
  void (*finish_gated)(const fs_finish *job, const float *row_scale);
  void (*rms_norm)(const float *x, const float *weight, float epsilon, ptrdiff_t n, float *y);
  void (*latent_attention)(const float *query, ptrdiff_t query_stride, ptrdiff_t heads, ptrdiff_t rank, ptrdiff_t rope,
                           const float *cache, ptrdiff_t cache_stride, ptrdiff_t length, float scale, float *output,
                           ptrdiff_t output_stride, float *scratch);
  /// At most FS_TILED_UNITS rows times heads over a cache of tiles.
  void (*tiled_attention)(const fs_tiled_units *units, const char *cache, char *scratch);
  /// At most FS_GROUPED_UNITS rows times heads.
  void (*grouped_attention)(const fs_grouped_units *units, const float *cache, float *scratch);
  void (*join_spans)(const float *records, ptrdiff_t count, ptrdiff_t width, float *scratch, float *output);
  ptrdiff_t (*argmax)(const float *x, ptrdiff_t n);
  void (*exp)(const float *x, float offset, ptrdiff_t n, float *y);
};

static inline float *fs_row(fs_rows rows, ptrdiff_t r) {
  return rows.base + (rows.index ? rows.index[r] : r) * rows.stride;
}

/// Groups of inputs, the last one perhaps not full.
static inline ptrdiff_t fs_groups(ptrdiff_t k) { return (k + FS_GROUP - 1) / FS_GROUP; }
// Weights are held with 128 (int8) or 8 (int4) added, which adds that many times the sum of the inputs to a product. What
// takes it off again stands in the tail of a row of integers q: f32 [1], the correction of an int8 product, the sum over
// the groups of -128 * scale * (sum of q); f32 [groups], the scales; int32 [groups][2], for the halves of each group -8
// times the sum of q, from which int4 sums start.
static inline float *fs_tail_correction(const void *tail) { return (float *)tail; }
static inline float *fs_tail_scales(const void *tail) { return (float *)tail + 1; }
static inline int32_t *fs_tail_offsets(const void *tail, ptrdiff_t k) { return (int32_t *)tail + 1 + fs_groups(k); }
static inline size_t fs_tail_bytes(ptrdiff_t k) { return (size_t)(1 + 3 * fs_groups(k)) * 4; }
/// The tail of a row where it follows the lines.
static inline const char *fs_row_tail(const void *row, ptrdiff_t k) {
  return (const char *)row + fs_groups(k) * FS_GROUP;
}

extern const fs_kernels fs_kernels_scalar;
#if defined(__x86_64__)
extern const fs_kernels fs_kernels_avx2;
extern const fs_kernels fs_kernels_avx2_vnni;  // the same bits with products of four bytes
extern const fs_kernels fs_kernels_avx512;
extern const fs_kernels fs_kernels_amx;
extern const fs_kernels fs_kernels_avx512_pairs;  // the same bits where the processor multiplies bf16 pairs fast
extern const fs_kernels fs_kernels_avx512_streams;  // and reads weights in one stream of lines
#elif defined(__aarch64__)
extern const fs_kernels fs_kernels_neon;
extern const fs_kernels fs_kernels_neon_dot;  // the same bits with products of four bytes
#endif

#define FS_INTEGER_ROUND 0x1.8p23f  // adding it rounds to an integer, held in the low bits
#define FS_INTEGER_ROUND_BITS 0x4b400000

/// Sets the scale of a group of inputs from the bits of its greatest magnitude; returns what takes inputs to integers,
/// 0 where all are to be 0: the scale is then 0 too, or NaN where an input is not finite.
static inline float fs_integer_scale(int32_t greatest, float *scale) {
  float value = __builtin_bit_cast(float, greatest);
  if (greatest >= 0x7f800000) {
    *scale = __builtin_nanf("");
    return 0;
  }
  *scale = value < 0x1p-100f ? 0 : value / 127;  // what is smaller would overflow its inverse
  return value < 0x1p-100f ? 0 : 127 / value;
}

/// A number as an integer, given what takes its group to integers.
static inline int32_t fs_integer(float x, float inverse) {
  uint32_t bits = __builtin_bit_cast(uint32_t, x * inverse + FS_INTEGER_ROUND);
  return inverse == 0 ? 0 : (int32_t)(bits - FS_INTEGER_ROUND_BITS);
}

// exp(x) = 2^n * p(r), with n = round(x / ln 2) and r = x - n ln 2 in [-ln 2 / 2, ln 2 / 2].
// p(r) = 1 + r + r^2 (C2 + C3 r + C4 r^2 + C5 r^3 + C6 r^4), relative error 4e-9 before rounding.
// 2^n is applied as two factors, so that results below the normal range and overflow come out right.
#define FS_EXP_LOWEST -104.0f          // exp is 0 from here down
#define FS_EXP_HIGHEST 89.0f           // exp is infinite from here up
#define FS_EXP_LOG2E 0x1.715476p0f
#define FS_EXP_ROUND 0x1.8p23f         // adding it rounds to an integer, held in the low bits
#define FS_EXP_ROUND_BITS 0x4b400000
#define FS_EXP_LN2_HIGH 0x1.62e43p-1f  // ln 2 as a float
#define FS_EXP_LN2_LOW -0x1.05c61p-29f // ln 2 - FS_EXP_LN2_HIGH
#define FS_EXP_C2 0x1.fffffcp-2f
#define FS_EXP_C3 0x1.555492p-3f
#define FS_EXP_C4 0x1.5558f2p-5f
#define FS_EXP_C5 0x1.1239e4p-7f
#define FS_EXP_C6 0x1.6a242ap-10f
// For x <= 0, as weights of attention have it, one factor does where results below the normal range are 0 instead:
// FS_EXP_BIASED_ROUND leaves n + 127 in the low bits, the exponent of 2^n.
#define FS_EXP_LEAST_WEIGHT -87.0f
#define FS_EXP_BIASED_ROUND (0x1.8p23f + 127)

#endif
