// The cache of attention in tiles: where a position stands, and how it gets there.
#include <string.h>

#include "kernels.h"

size_t fs_tiled_cache_floats(fs_tiled_shape shape, ptrdiff_t capacity) {
  return (size_t)((capacity + 31) / 32) * fs_tiled_block_bytes(shape) / sizeof(float);
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

/// Where one position stands: every pair of a key's columns, or every four, in a line of its own, and every sixteen of a value's.
typedef struct place {
  char *keys, *values;
  float *value_scale, *key_scales;  // one for the value, one in each line for a group of the key's columns
} place;

static place place_of(fs_tiled_shape shape, float *cache, ptrdiff_t position) {
  ptrdiff_t steps = fs_tiled_steps(shape.key_width), groups = fs_tiled_groups(shape.key_width), at = position % 32;
  char *block = (char *)cache + position / 32 * (ptrdiff_t)fs_tiled_block_bytes(shape);
  char *keys = block + fs_tiled_scale_bytes(shape), *values = block + fs_tiled_key_bytes(shape);
  if (shape.format == FS_TILED_INT8)
    return (place){.keys = keys + at / 16 * steps * 512 + at % 16 * 4,
                   .values = values + at / 4 * 64 + at % 4,
                   .value_scale = (float *)(void *)block + at,
                   .key_scales = (float *)(void *)block + 32 + at / 16 * groups * 16 + at % 16};
  return (place){.keys = keys + at / 16 * steps * 1024 + at % 16 * 4, .values = values + at / 2 * 64 + at % 2 * 2};
}

void fs_tiled_cache_prefetch(fs_tiled_shape shape, float *cache, ptrdiff_t position) {
  place to = place_of(shape, cache, position);
  bool integers = shape.format == FS_TILED_INT8;
  ptrdiff_t columns = integers ? 4 : 2, bytes = integers ? 512 : 1024;
  for (ptrdiff_t d = 0; d < shape.key_width; d += columns) __builtin_prefetch(to.keys + d / columns * 64, 1, 2);
  for (ptrdiff_t d = 0; d < shape.value_width; d += 16) __builtin_prefetch(to.values + d / 16 * bytes, 1, 2);
  if (!integers) return;
  __builtin_prefetch(to.value_scale, 1, 2);
  for (ptrdiff_t g = 0; g < fs_tiled_groups(shape.key_width); g++) __builtin_prefetch(to.key_scales + g * 16, 1, 2);
}

static void store_bf16(fs_tiled_shape shape, place to, const float *key, const float *value) {
  char *keys = to.keys, *values = to.values;
  uint16_t numbers[PIECE];
  for (ptrdiff_t d = 0; d < shape.key_width; d += PIECE) {
    ptrdiff_t count = shape.key_width - d < PIECE ? shape.key_width - d : PIECE;
    round_piece(key + d, count, numbers);
    for (ptrdiff_t i = 0; i < count; i += 2) memcpy(keys + d / 32 * 1024 + i / 2 * 64, numbers + i, 4);
  }
  // A weight of 0 must make nothing of a value, so one that is not finite is kept as 0 and shows in the score instead.
  bool is_finite = true;
  for (ptrdiff_t d = 0; d < shape.value_width; d += PIECE) {
    ptrdiff_t count = shape.value_width - d < PIECE ? shape.value_width - d : PIECE;
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

/// Greatest magnitude of some numbers, as bits.
static int32_t greatest_magnitude(const float *x, ptrdiff_t count) {
  int32_t greatest = 0;
  for (ptrdiff_t i = 0; i < count; i++) {
    int32_t bits;
    memcpy(&bits, x + i, sizeof bits);
    bits &= 0x7fffffff;
    greatest = bits > greatest ? bits : greatest;
  }
  return greatest;
}

static void store_integers(fs_tiled_shape shape, place to, const float *key, const float *value) {
  for (ptrdiff_t d = 0; d < shape.key_width; d += FS_TILED_GROUP) {
    ptrdiff_t count = shape.key_width - d < FS_TILED_GROUP ? shape.key_width - d : FS_TILED_GROUP;
    float inverse = fs_integer_scale(greatest_magnitude(key + d, count), to.key_scales + d / FS_TILED_GROUP * 16);
    uint8_t numbers[FS_TILED_GROUP];
    memset(numbers, 128, sizeof numbers);
    for (ptrdiff_t i = 0; i < count; i++) numbers[i] = (uint8_t)(fs_integer(key[d + i], inverse) + 128);
    char *keys = to.keys + d / 4 * 64;
    for (ptrdiff_t i = 0; i < count; i += 4) memcpy(keys + i / 4 * 64, numbers + i, 4);
  }
  float scale, inverse = fs_integer_scale(greatest_magnitude(value, shape.value_width), &scale);
  for (ptrdiff_t d = 0; d < shape.value_width; d++)
    to.values[d / 16 * 512 + d % 16 * 4] = (char)fs_integer(value[d], inverse);
  // A weight of 0 must make nothing of a value, so one that is not finite is 0 and shows in the score instead.
  bool is_finite = scale == scale;
  *to.value_scale = is_finite ? scale : 0;
  if (!is_finite) *to.key_scales = scale;
}

void fs_tiled_cache_store(fs_tiled_shape shape, float *cache, ptrdiff_t position, const float *key, const float *value) {
  place to = place_of(shape, cache, position);
  if (shape.format == FS_TILED_INT8) store_integers(shape, to, key, value);
  else store_bf16(shape, to, key, value);
}
