// Attention in tiles: the layout of its cache, and the rows and heads that one pass over a cache serves.
#include <string.h>

#include "kernels.h"

size_t fs_tiled_cache_floats(ptrdiff_t key_width, ptrdiff_t value_width, ptrdiff_t capacity) {
  return (size_t)((capacity + 31) / 32) * fs_tiled_block_bytes(key_width, value_width) / sizeof(float);
}

enum { PIECE = 32 };

/// Up to PIECE numbers rounded to bf16, zeros behind them; denormals, which tiles do not know, become 0. Without branches, so
/// that the compiler takes several at a time.
static void round_piece(const float *x, ptrdiff_t count, uint16_t to[PIECE]) {
  uint32_t bits[PIECE] = {0};
  memcpy(bits, x, (size_t)count * sizeof(float));
  for (int i = 0; i < PIECE; i++) {
    uint32_t near = (bits[i] + 0x7fffu + (bits[i] >> 16 & 1u)) >> 16, quiet = bits[i] >> 16 | 0x40u;
    uint32_t number = (bits[i] & 0x7fffffffu) > 0x7f800000u ? quiet : near;
    to[i] = (uint16_t)((number & 0x7f80u) == 0 ? 0 : number);
  }
}

/// Where one position stands: every pair of a key's columns in a line of its own, and every sixteen of a value's.
typedef struct place {
  char *keys, *values;
} place;

static place place_of(float *cache, ptrdiff_t key_width, ptrdiff_t value_width, ptrdiff_t position) {
  ptrdiff_t steps = fs_tiled_steps(key_width), at = position % 32;
  char *block = (char *)cache + position / 32 * (ptrdiff_t)fs_tiled_block_bytes(key_width, value_width);
  return (place){.keys = block + at / 16 * steps * 1024 + at % 16 * 4,
                 .values = block + 2 * steps * 1024 + at / 2 * 64 + at % 2 * 2};
}

void fs_tiled_cache_prefetch(float *cache, ptrdiff_t key_width, ptrdiff_t value_width, ptrdiff_t position) {
  place to = place_of(cache, key_width, value_width, position);
  for (ptrdiff_t d = 0; d < key_width; d += 2) __builtin_prefetch(to.keys + d / 2 * 64, 1, 2);
  for (ptrdiff_t d = 0; d < value_width; d += 16) __builtin_prefetch(to.values + d / 16 * 1024, 1, 2);
}

void fs_tiled_cache_store(float *cache, ptrdiff_t key_width, ptrdiff_t value_width, ptrdiff_t position,
                          const float *key, const float *value) {
  place to = place_of(cache, key_width, value_width, position);
  char *keys = to.keys, *values = to.values;
  uint16_t numbers[PIECE];
  for (ptrdiff_t d = 0; d < key_width; d += PIECE) {
    ptrdiff_t count = key_width - d < PIECE ? key_width - d : PIECE;
    round_piece(key + d, count, numbers);
    for (ptrdiff_t i = 0; i < count; i += 2) memcpy(keys + d / 32 * 1024 + i / 2 * 64, numbers + i, 4);
  }
  // A weight of 0 must make nothing of a value, so one that is not finite is kept as 0 and shows in the score instead.
  bool is_finite = true;
  for (ptrdiff_t d = 0; d < value_width; d += PIECE) {
    ptrdiff_t count = value_width - d < PIECE ? value_width - d : PIECE;
    round_piece(value + d, count, numbers);
    int others = 0;
    for (int i = 0; i < PIECE; i++) {
      bool is_number = (numbers[i] & 0x7f80u) != 0x7f80u;
      others += !is_number;
      numbers[i] = is_number ? numbers[i] : 0;
    }
    is_finite &= others == 0;
    for (ptrdiff_t i = 0; i < count; i++) memcpy(values + (d + i) / 16 * 1024 + (d + i) % 16 * 4, numbers + i, 2);
  }
  const uint16_t no_number = 0x7fc0;
  if (!is_finite) memcpy(keys, &no_number, sizeof no_number);
}

size_t fs_tiled_attention_scratch(ptrdiff_t key_width, ptrdiff_t value_width) {
  // Queries and weights as floats, which takes more room than as bf16; scores; sums.
  return (size_t)FS_TILED_UNITS *
             (size_t)(fs_tiled_steps(key_width) * 32 + FS_TILED_CHUNK + FS_TILED_CHUNK + fs_padded_width(value_width)) +
         (FS_TILED_UNITS + 1) * (size_t)fs_span_record_floats(value_width);
}

/// All that rows see, or what they see from `first` up to `last`.
static void attend(const fs_kernels *kernels, const fs_tiled_queries *queries, ptrdiff_t first, ptrdiff_t last,
                   bool records, const float *cache, float *scratch) {
  fs_tiled_units units = {.key_width = queries->key_width,
                          .value_width = queries->value_width,
                          .scale = queries->scale,
                          .records = records,
                          .cold = true};
  for (ptrdiff_t i = queries->begin; i < queries->end; i++) {
    ptrdiff_t row = queries->index ? queries->index[i] : i;
    ptrdiff_t end = (ptrdiff_t)queries->positions[row] + 1;
    ptrdiff_t begin = queries->window > 0 && queries->window < end ? end - queries->window : 0;
    begin = begin < first ? first : begin;
    end = end > last ? last : end;
    if (begin >= end) continue;
    const float *query = queries->query + (queries->packed ? i : row) * queries->query_stride;
    float *output = queries->output + i * queries->output_stride;
    for (ptrdiff_t head = queries->head_begin; head < queries->head_end; head++) {
      if (units.count == FS_TILED_UNITS) {
        kernels->tiled_attention(&units, (const char *)cache, (char *)scratch);
        units.count = 0;
        // What one pass has read the next finds in the second cache, if it fits.
        units.cold = (end - begin) / 32 * (ptrdiff_t)fs_tiled_block_bytes(units.key_width, units.value_width) > 1 << 20;
      }
      units.query[units.count] = query + head * units.key_width;
      units.output[units.count] = output + head * queries->output_head_stride;
      units.begin[units.count] = begin;
      units.end[units.count] = end;
      units.count++;
    }
  }
  units.following = queries->following;
  if (units.count > 0) kernels->tiled_attention(&units, (const char *)cache, (char *)scratch);
}

void fs_tiled_attention(const fs_kernels *kernels, const fs_tiled_queries *queries, const float *cache,
                        float *scratch) {
  attend(kernels, queries, 0, PTRDIFF_MAX, false, cache, scratch);
}

void fs_tiled_attention_span(const fs_kernels *kernels, const fs_tiled_queries *queries, ptrdiff_t span,
                             const float *cache, float *scratch) {
  attend(kernels, queries, span * FS_ATTENTION_SPAN, (span + 1) * FS_ATTENTION_SPAN, true, cache, scratch);
}
