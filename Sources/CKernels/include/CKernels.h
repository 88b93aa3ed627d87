// CKernels: the arithmetic of FusionSpec. No allocation, no threads, no mutable globals.
//
// One rule holds for every function: output row i depends on input row i and the weights alone, through one
// accumulation order that is fixed per function. It does not depend on how many rows come along, on how the
// caller splits columns over threads, or on tile sizes. Speculative decoding is exact because of this.
//
// The order is the same for every instruction set as well, so all sets give identical bits in every function, with one
// exception: "amx" sums bf16 products in the order of its tiles. Dot products along a row (norm, scores of latent
// attention) go through a fixed number of lanes that are folded in halves; exp is one polynomial for all.
#ifndef FUSIONSPEC_CKERNELS_H
#define FUSIONSPEC_CKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sampling.h"

#ifdef __cplusplus
extern "C" {
#endif

/// A table of kernels for one instruction set ("scalar", "avx2", "avx512", "amx", "neon"). Immutable, lives for ever.
typedef struct fs_kernels fs_kernels;

/// How a packed weight matrix holds its elements.
typedef enum fs_format {
  FS_FORMAT_F32 = 0,
  FS_FORMAT_BF16 = 1,
  FS_FORMAT_INT8 = 2,
  FS_FORMAT_INT4 = 3,
  FS_FORMAT_BF16_COMPACT = 4,  // the same numbers and results as FS_FORMAT_BF16, in three quarters of the room
  FS_FORMAT_F32_COMPACT = 5,   // the same numbers and results as FS_FORMAT_F32, in half the room, where all of them are bf16
} fs_format;

/// Element types a checkpoint may hold.
typedef enum fs_dtype { FS_DTYPE_F32 = 0, FS_DTYPE_F16 = 1, FS_DTYPE_BF16 = 2, FS_DTYPE_F8_E4M3 = 3 } fs_dtype;

/// Columns in one packed panel (one AVX-512 register of floats).
enum { FS_PANEL_COLUMNS = 16 };

/// The kernel set of that name, or NULL where it is unknown or this processor cannot run it.
/// "auto" gives the best one. "avx512-pairs" is "avx512" with the multiplication of bf16 pairs, which "avx512" itself uses
/// where that is fast, and "avx512-streams" that with weights read for cores that follow one stream of lines best (Zen 5), which it
/// uses there; "avx2-plain" and "neon-plain" are "avx2" and "neon" without products of four
/// bytes at once, which these use where the processor has them.
const fs_kernels *fs_kernels_named(const char *name);
/// The name of a set.
const char *fs_kernels_name(const fs_kernels *kernels);

/// Whether products of many rows go through blocks of tiles.
bool fs_multiplies_blocks(const fs_kernels *kernels);

/// Bytes of one packed panel of k inputs, always a multiple of 64:
/// f32 [k][16];
/// bf16 [pairs][16][2], pairs of inputs interleaved;
/// int8 [fours][16][4], four inputs of a column side by side, 128 added, then f32 [16], the scales of the columns;
/// int4 for every 128 inputs: bf16 [2][16], the scales of the columns for 64 inputs each, then [eights][16][4], four
/// inputs in the low and the next four in the high halves of four bytes, 8 added.
/// compact bf16: codes for exponents, and bytes, see compact.c;
/// compact f32: as bf16.
/// Behind the last input stand weights of zero, up to a multiple of 32 (bf16) or 64 inputs (int8, int4).
size_t fs_panel_bytes(fs_format format, ptrdiff_t k);

/// Packs up to 16 weight rows (= output columns) of k floats into one panel; absent columns become zero.
/// bf16 rounds to nearest even. int8 holds w / scale, rounded to nearest even and clamped to -127 ... 127, with
/// scale = max|w| / 127 of the row. int4 holds w / scale clamped to -8 ... 7, with one of several scales near
/// max|w| / 8 of every 64 inputs, that of the least squared error, itself rounded to bf16. A row (a group for int4) of
/// zeros has scale 0, one with an infinity or NaN is NaN as a whole.
void fs_pack_panel(fs_format format, const float *rows, ptrdiff_t row_stride, ptrdiff_t row_count, ptrdiff_t k,
                   void *panel);

/// Makes a compact panel of one of `format`, bf16 or f32, both 64-byte aligned; false where too many of its weights have rare
/// exponents (bf16), or any is no bf16 (f32). fs_pack_panel does not make compact panels.
bool fs_compact_panel(fs_format format, const void *panel, ptrdiff_t k, void *compact);
/// What compact panels of a format are; the format itself where it has none.
fs_format fs_compact_format(fs_format format);
/// Bytes of a model's plain weights beyond which a set gains by compact ones, because less has to come from memory; 0 where
/// it never does. In caches unpacking costs more than it saves.
size_t fs_compact_from(const fs_kernels *kernels);

/// The inverse for one weight row: k floats of column `lane` of a panel, as the kernels see them.
void fs_unpack_row(fs_format format, const void *panel, ptrdiff_t lane, ptrdiff_t k, float *row);

/// Rows of floats: row r starts at base + (index ? index[r] : r) * stride.
typedef struct fs_rows {
  float *base;
  ptrdiff_t stride;
  const int32_t *index;
} fs_rows;

/// How a product's weights get to the processor. Nothing but speed depends on it.
typedef struct fs_reading {
  const void *following;  // the panels, or cache, that the thread reads next, or NULL; near the end of a product their first lines are
                          // asked for, as if they were as long as those of the product
  bool from_memory;       // whether they come from memory, and not from a cache
} fs_reading;

/// y[r][n] = (accumulate ? y[r][n] : 0) + sum over k of x[r][k] * w[n][k],
/// for n in [16 * panel_begin, min(16 * panel_end, columns)) and every r < row_count.
///
/// f32: one chain of fused multiply-adds over k. bf16: the inputs are rounded to bf16 too, and the chain takes the second
/// of each pair of inputs first. int8 and int4: the inputs become integers with one scale for every 128, max|x| / 127;
/// products of integers are summed exactly over 128 (int8) or 64 inputs (int4); these sums meet their scales in one chain
/// over k. An int8 result ends with the scale of its column, sum * scale, or with accumulate fma(sum, scale, y[r][n]).
///
/// `scratch`, 64-byte aligned, holds prepared input rows and compact panels that are made plain: at least fs_scratch_bytes(k, 1)
/// bytes. Each panel is streamed from memory once for as many rows as fit into it; with little scratch several times.
void fs_matmul(const fs_kernels *kernels, fs_format format, const void *panels, ptrdiff_t k, ptrdiff_t columns,
               ptrdiff_t panel_begin, ptrdiff_t panel_end, fs_rows x, fs_rows y, ptrdiff_t row_count,
               bool accumulate, fs_reading reading, void *scratch, size_t scratch_bytes);

/// The gated unit of SwiGLU: y[r][n] = row_scale[r] * (silu(x[r] . gate[n]) * (x[r] . up[n])),
/// silu(g) = g / (1 + exp(-g)).
/// `panels` interleaves the two matrices panel by panel: gate 0, up 0, gate 1, up 1, ... (`columns` and the panel
/// range count output columns and output panels). row_scale may be NULL for 1. Scratch as for fs_matmul.
void fs_gated_matmul(const fs_kernels *kernels, fs_format format, const void *panels, ptrdiff_t k,
                     ptrdiff_t columns, ptrdiff_t panel_begin, ptrdiff_t panel_end, fs_rows x, fs_rows y,
                     ptrdiff_t row_count, const float *row_scale, fs_reading reading, void *scratch, size_t scratch_bytes);

/// Bytes of scratch for `row_count` input rows of k floats, whatever the format, and for panels made plain.
size_t fs_scratch_bytes(ptrdiff_t k, ptrdiff_t row_count);

/// Bytes of `row_count` prepared input rows of k floats, whatever the format.
size_t fs_widest_rows_bytes(ptrdiff_t k, ptrdiff_t row_count);

/// Bytes of one input row of k floats in the form in which a set's products with weights of a format take it; a multiple
/// of 64.
size_t fs_prepared_bytes(const fs_kernels *kernels, fs_format format, ptrdiff_t k);
/// Brings rows into that form, one after the other, for products that share their inputs; 64-byte aligned.
void fs_prepare(const fs_kernels *kernels, fs_format format, ptrdiff_t k, fs_rows x, ptrdiff_t row_count,
                void *prepared);

/// The two products with rows that are prepared already: row r is number (index ? index[r] : r) of those at x. Without
/// an index, FS_PREPARED_PADDING rows behind the last one must be readable, whatever they hold.
void fs_matmul_prepared(const fs_kernels *kernels, fs_format format, const void *panels, ptrdiff_t k, ptrdiff_t columns,
                        ptrdiff_t panel_begin, ptrdiff_t panel_end, const void *x, const int32_t *index, fs_rows y,
                        ptrdiff_t row_count, bool accumulate, fs_reading reading, void *scratch, size_t scratch_bytes);
void fs_gated_matmul_prepared(const fs_kernels *kernels, fs_format format, const void *panels, ptrdiff_t k,
                              ptrdiff_t columns, ptrdiff_t panel_begin, ptrdiff_t panel_end, const void *x,
                              const int32_t *index, fs_rows y, ptrdiff_t row_count, const float *row_scale,
                              fs_reading reading, void *scratch, size_t scratch_bytes);
enum { FS_PREPARED_PADDING = 15 };

/// y[i] = x[i] / sqrt(mean of x squared + epsilon) * weight[i]  (RMSNorm, arXiv 1910.07467). x may equal y.
void fs_rms_norm(const fs_kernels *kernels, const float *x, const float *weight, float epsilon, ptrdiff_t n,
                 float *y);

/// Rotary embedding (arXiv 2104.09864) in place. Interleaved: pairs (x[2i], x[2i+1]); otherwise (x[i],
/// x[i + pairs]). cosines and sines hold `pairs` values of the row's position.
void fs_rotate(float *x, const float *cosines, const float *sines, ptrdiff_t pairs, bool interleaved);

/// y[i] += scale * x[i]; product and sum are rounded separately.
void fs_add_scaled(const float *x, float scale, ptrdiff_t n, float *y);

/// One row of multi-head latent attention in absorbed form (DeepSeek-V2, arXiv 2405.04434) over `length` cached
/// positions, for `heads` heads.
/// query [heads][rank + rope] (already multiplied with the key up-projection), cache [length][cache_stride] whose first
/// rank floats are the normed latent and next `rope` floats the rotated key, output [heads][output_stride >= rank].
/// Softmax(scale * q.k) with a running maximum over blocks of FS_ATTENTION_BLOCK positions at fixed absolute
/// positions, merged in ascending order. length >= 1. scratch holds fs_latent_attention_scratch(heads) floats.
void fs_latent_attention(const fs_kernels *kernels, const float *query, ptrdiff_t query_stride, ptrdiff_t heads,
                         ptrdiff_t rank, ptrdiff_t rope, const float *cache, ptrdiff_t cache_stride,
                         ptrdiff_t length, float scale, float *output, ptrdiff_t output_stride, float *scratch);
enum { FS_ATTENTION_BLOCK = 64, FS_ATTENTION_SPAN = 512 };
size_t fs_latent_attention_scratch(ptrdiff_t heads);

/// The cache of grouped-query attention for one key-value head of one sequence: blocks of FS_ATTENTION_BLOCK positions, one
/// after the other. A block holds the keys, [width][positions], so that a vector of positions is scored at once, then the
/// values, [positions][width rounded up to 16].
/// Returns the floats whose room `capacity` positions take, a multiple of 16.
size_t fs_grouped_cache_floats(ptrdiff_t width, ptrdiff_t capacity);

/// Writes key and value of one position, `width` floats each, to the cache of a key-value head.
void fs_grouped_cache_store(float *cache, ptrdiff_t width, ptrdiff_t position, const float *key, const float *value);

/// Query rows of one sequence, and the consecutive heads that share a key-value head.
typedef struct fs_grouped_queries {
  const float *query;    // row r at query + r * query_stride, in it head h at h * width
  ptrdiff_t query_stride;
  const int32_t *positions;  // of row r
  const int32_t *index;  // the rows r to compute; NULL for 0, 1, 2, ...
  ptrdiff_t begin, end;  // the range of index, or of rows
  ptrdiff_t head_begin, head_end;
  ptrdiff_t width;       // of a head
  ptrdiff_t window;      // a row sees so many positions up to its own; 0 for all
  float scale;
  float *output;         // row index[i] goes to output + i * output_stride, in it head h to h * output_head_stride
  ptrdiff_t output_stride, output_head_stride;
} fs_grouped_queries;

/// Grouped-query attention (arXiv 2305.13245) over the cache of one key-value head: for each row and head the softmax of
/// scale * q.k, with a running maximum over blocks of FS_ATTENTION_BLOCK positions at fixed absolute positions, merged in
/// ascending order within spans of FS_ATTENTION_SPAN positions; the spans' results are joined in ascending order. A score is one chain of multiply-adds over the width, a column of the result one over the positions;
/// the sum of the weights goes through 16 lanes, position % 16. Weights below e^-87 of the greatest count as 0.
/// Positions that a row does not see may hold anything. scratch, 64-byte aligned,
/// holds fs_grouped_attention_scratch(width) floats.
void fs_grouped_attention(const fs_kernels *kernels, const fs_grouped_queries *queries, const float *cache,
                          float *scratch);
/// One span alone, so that threads can share the positions: the output of a row and head that sees any of it is a record of
/// fs_span_record_size(width) floats, for fs_join_spans; others are left alone.
void fs_grouped_attention_span(const fs_kernels *kernels, const fs_grouped_queries *queries, ptrdiff_t span,
                               const float *cache, float *scratch);
/// Rows times heads that one pass over the cache serves.
enum { FS_GROUPED_UNITS = 64 };
size_t fs_grouped_attention_scratch(ptrdiff_t width);

/// Floats of what a span of positions leaves of a row and head.
size_t fs_span_record_size(ptrdiff_t value_width);
/// The result of a row and head from the records of all spans that it sees, one after the other. scratch holds a record.
void fs_join_spans(const fs_kernels *kernels, const float *records, ptrdiff_t count, ptrdiff_t value_width,
                   float *scratch, float *output);

/// The cache of attention in tiles, for latents or for a key-value head of one sequence: blocks of 32 positions, one after
/// the other.
///
/// bf16: a block holds the keys of twice 16 positions, each [steps of 32 columns][16 pairs of columns][16 positions][2], then the
/// values, [columns of 16][16 pairs of positions][16 columns][2].
///
/// int8: a block holds f32 scales, those of the values [32], then of the keys of twice 16 positions, each [groups of 64
/// columns][16]; then keys, twice [steps of 32 columns][8 fours of columns][16 positions][4], with 128 added; then values,
/// [columns of 16][8 fours of positions][16 columns][4]. A scale is the greatest magnitude / 127, of 64 columns of a
/// key or of a whole value.
typedef enum fs_tiled_format { FS_TILED_BF16, FS_TILED_INT8 } fs_tiled_format;
typedef struct fs_tiled_shape {
  fs_tiled_format format;
  ptrdiff_t key_width, value_width;
} fs_tiled_shape;

/// The floats that `capacity` positions take.
size_t fs_tiled_cache_floats(fs_tiled_shape shape, ptrdiff_t capacity);

/// Writes one position, rounded. A value that is not finite becomes 0 and makes the key no number. The memory was zero
/// before anything was written.
void fs_tiled_cache_store(fs_tiled_shape shape, float *cache, ptrdiff_t position, const float *key, const float *value);
/// Asks for the lines that storing that position will write.
void fs_tiled_cache_prefetch(fs_tiled_shape shape, float *cache, ptrdiff_t position);

/// Query rows of one sequence, and consecutive heads.
typedef struct fs_tiled_queries {
  const float *query;  // ordinal i, or its row, at query + i * query_stride, in it head h at h * shape.key_width
  ptrdiff_t query_stride;
  bool packed;               // whether queries stand by ordinal, not by row
  const int32_t *positions;  // of rows
  const int32_t *index;      // the row of ordinal i; NULL for i itself
  ptrdiff_t begin, end;      // ordinals
  ptrdiff_t head_begin, head_end;
  fs_tiled_shape shape;
  ptrdiff_t window;  // a row sees so many positions up to its own; 0 for all
  float scale;
  float *output;  // ordinal i at output + i * output_stride, in it head h at h * output_head_stride
  ptrdiff_t output_stride, output_head_stride;
  const void *following;  // what the thread reads afterwards, which vector sets ask for near the end; or NULL
} fs_tiled_queries;

/// Attention over a cache of tiles. A running maximum over chunks of 128 positions at fixed absolute positions, merged in ascending
/// order within spans of FS_ATTENTION_SPAN positions; the spans' results are joined in ascending order. What a row gets depends on
/// no other row. scratch, 64-byte aligned, holds fs_tiled_attention_scratch(shape) floats.
///
/// bf16: queries, cached rows and weights are bf16, sums floats. Vector sets and the scalar one sum over pairs of columns, and of
/// positions, in ascending order, the second of a pair first.
///
/// int8: queries become integers with one scale for 64 columns, max|x| / 127; products are summed exactly over 64 columns, and the
/// sums meet the scales of key and query in one chain over the groups. Weights, each times the scale of its value, become
/// integers with one scale for the 32 positions of a block; products are summed exactly over a block, and the sums meet
/// that scale in one chain over the blocks. All sets give the same bits.
void fs_tiled_attention(const fs_kernels *kernels, const fs_tiled_queries *queries, const float *cache, float *scratch);

/// One span alone, so that threads can share the positions: the output of a row and head that sees any of it is a record of
/// fs_span_record_size(value_width) floats, for fs_join_spans; others are left alone.
void fs_tiled_attention_span(const fs_kernels *kernels, const fs_tiled_queries *queries, ptrdiff_t span,
                             const float *cache, float *scratch);
size_t fs_tiled_attention_scratch(fs_tiled_shape shape);
/// Rows times heads that one pass over the cache serves, and positions whose scores are turned into weights together.
enum { FS_TILED_UNITS = 32, FS_TILED_CHUNK = 128 };

/// Index of the greatest value, the lowest index among equals; NaN counts as minus infinity. n >= 1.
ptrdiff_t fs_argmax(const fs_kernels *kernels, const float *x, ptrdiff_t n);

/// y[i] = exp(x[i] - offset), within 1.5 units in the last place; 0 far below, infinity far above, NaN for NaN. x may
/// equal y. Used by softmax and samplers.
void fs_exp(const fs_kernels *kernels, const float *x, float offset, ptrdiff_t n, float *y);

/// Converts n elements of a checkpoint dtype to floats.
void fs_to_float(fs_dtype dtype, const void *source, ptrdiff_t n, float *destination);

/// Reads all of `bytes` (a multiple of 256, 64-byte aligned) once, in several streams, as fast as memory gives them;
/// returns the bits seen. For measuring read bandwidth.
uint64_t fs_read_stream(const void *data, size_t bytes);
/// Keeps the units busy, from registers alone, with the instructions by which a kernel set multiplies with weights of a
/// format; returns how many operations that were (a multiply-add is two). For measuring their peak.
double fs_run_multiply_adds(const fs_kernels *kernels, fs_format format, ptrdiff_t rounds);

/// Numbers of the processors this process may use, ascending; returns how many (0 where the system does not say).
ptrdiff_t fs_allowed_processors(int32_t *numbers, ptrdiff_t capacity);
/// Keeps the calling thread, and threads it starts later, on these processors. A refusal changes nothing but speed, so
/// it is not reported.
void fs_bind_thread(const int32_t *numbers, ptrdiff_t count);
/// Names the calling thread for debuggers, at most 15 bytes.
void fs_name_thread(const char *name);

/// A pause inside a spin loop.
static inline void fs_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#ifdef __cplusplus
}
#endif
#endif
