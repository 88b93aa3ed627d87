// Latent attention in tiles: the layout of its cache, and the rows and heads that one pass over a cache serves.
#include <string.h>

#include "kernels.h"

size_t fs_latent_cache_floats(ptrdiff_t rank, ptrdiff_t rope, ptrdiff_t capacity) {
  return (size_t)((capacity + 31) / 32) * fs_latent_block_bytes(rank, rope) / sizeof(float);
}

/// Rounded to bf16; denormals, which tiles do not know, become 0.
static uint16_t rounded(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)((bits >> 16) | 0x40u);
  bits += 0x7fffu + ((bits >> 16) & 1u);
  return (bits & 0x7f800000u) == 0 ? 0 : (uint16_t)(bits >> 16);
}

void fs_latent_cache_store(float *cache, ptrdiff_t rank, ptrdiff_t rope, ptrdiff_t position, const float *row) {
  ptrdiff_t steps = fs_latent_steps(rank + rope), at = position % 32;
  char *block = (char *)cache + position / 32 * (ptrdiff_t)fs_latent_block_bytes(rank, rope);
  char *keys = block + at / 16 * steps * 1024 + at % 16 * 4;
  char *values = block + 2 * steps * 1024 + at / 2 * 64 + at % 2 * 2;
  for (ptrdiff_t d = 0; d < rank + rope; d += 2) {
    uint16_t pair[2] = {rounded(row[d]), d + 1 < rank + rope ? rounded(row[d + 1]) : 0};
    memcpy(keys + d / 32 * 1024 + d % 32 / 2 * 64, pair, sizeof pair);
    for (ptrdiff_t i = 0; i < 2 && d + i < rank; i++) {
      // A weight of 0 must make nothing of a value. What is not finite shows in the scores anyway.
      uint16_t number = (pair[i] & 0x7f80u) == 0x7f80u ? 0 : pair[i];
      memcpy(values + (d + i) / 16 * 1024 + (d + i) % 16 * 4, &number, sizeof number);
    }
  }
}

bool fs_has_latent_tiles(const fs_kernels *kernels) { return kernels->latent_tiles != NULL; }

size_t fs_latent_tiles_scratch(ptrdiff_t rank, ptrdiff_t rope) {
  enum { CHUNK = 128 };
  return (size_t)(fs_latent_steps(rank + rope) * 2048 + (rank + 15) / 16 * 2048 + FS_LATENT_UNITS * CHUNK * 4 +
                  CHUNK / 32 * 2048) /
         sizeof(float);
}

void fs_latent_tiles(const fs_kernels *kernels, const fs_latent_queries *queries, const float *cache, float *scratch) {
  ptrdiff_t width = queries->rank + queries->rope;
  fs_latent_units units = {.rank = queries->rank, .rope = queries->rope, .scale = queries->scale};
  for (ptrdiff_t i = queries->begin; i < queries->end; i++) {
    ptrdiff_t row = queries->index ? queries->index[i] : i;
    for (ptrdiff_t head = queries->head_begin; head < queries->head_end; head++) {
      units.query[units.count] = queries->query + i * queries->query_stride + head * width;
      units.output[units.count] = queries->output + i * queries->output_stride + head * queries->rank;
      units.length[units.count] = (ptrdiff_t)queries->positions[row] + 1;
      if (++units.count == FS_LATENT_UNITS) {
        kernels->latent_tiles(&units, (const char *)cache, (char *)scratch);
        units.count = 0;
      }
    }
  }
  if (units.count > 0) kernels->latent_tiles(&units, (const char *)cache, (char *)scratch);
}
