// What the machine can do at most, whatever a model needs of it: how fast memory can be read, how many multiply-adds run.
// Nothing here takes part in a model's arithmetic.
#include <math.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "kernels.h"

uint64_t fs_read_stream(const void *data, size_t bytes) {
  enum { STREAMS = 4, LINE_WORDS = 8 };  // one stream alone does not keep enough lines on their way
  size_t part = bytes / (64 * STREAMS) * LINE_WORDS;
  const uint64_t *words = data;
  uint64_t seen[LINE_WORDS] = {0};
  for (size_t at = 0; at < part; at += LINE_WORDS)
    for (int stream = 0; stream < STREAMS; stream++) {
      const uint64_t *line = words + (size_t)stream * part + at;
      __builtin_prefetch(line + FS_PREFETCH_LINES * LINE_WORDS);
      for (int i = 0; i < LINE_WORDS; i++) seen[i] |= line[i];
    }
  uint64_t result = 0;
  for (int i = 0; i < LINE_WORDS; i++) result |= seen[i];
  return result;
}

// Independent chains of multiply-adds: two units with a latency of at most six need twelve.
enum { CHAINS = 12 };

// The chains start from different values, else they would be one, and run towards 1, where none may start: the compiler
// would see that it stays there.
#define MULTIPLY_ADDS(name, vector, broadcast, fused)                                    \
  static vector name(ptrdiff_t rounds, float factor) {                                   \
    vector sums[CHAINS], scale = broadcast(factor), offset = broadcast(1 - factor);      \
    for (int i = 0; i < CHAINS; i++) sums[i] = broadcast(2 + (float)i / 64);             \
    for (ptrdiff_t round = 0; round < rounds; round++)                                   \
      for (int i = 0; i < CHAINS; i++) sums[i] = fused(sums[i], scale, offset);          \
    vector sum = sums[0];                                                                \
    for (int i = 1; i < CHAINS; i++) sum = fused(sum, scale, sums[i]);                   \
    return sum;                                                                          \
  }

#define ITSELF(x) (x)
MULTIPLY_ADDS(scalar_chains, float, ITSELF, fmaf)

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
MULTIPLY_ADDS(avx2_chains, __m256, _mm256_set1_ps, _mm256_fmadd_ps)
static float avx2_peak(ptrdiff_t rounds, float factor) { return _mm256_cvtss_f32(avx2_chains(rounds, factor)); }
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)
MULTIPLY_ADDS(avx512_chains, __m512, _mm512_set1_ps, _mm512_fmadd_ps)
static float avx512_peak(ptrdiff_t rounds, float factor) { return _mm512_cvtss_f32(avx512_chains(rounds, factor)); }
#pragma clang attribute pop
#endif

double fs_run_multiply_adds(const fs_kernels *kernels, ptrdiff_t rounds, float *result) {
  const float factor = 0.96875f;
  double lanes = 1;
#if defined(__x86_64__)
  if (strcmp(kernels->name, "avx512") == 0) {
    lanes = 16;
    *result = avx512_peak(rounds, factor);
  } else if (strcmp(kernels->name, "avx2") == 0) {
    lanes = 8;
    *result = avx2_peak(rounds, factor);
  } else {
    *result = scalar_chains(rounds, factor);
  }
#else
  *result = scalar_chains(rounds, factor);
#endif
  return 2 * lanes * CHAINS * (double)rounds;
}
