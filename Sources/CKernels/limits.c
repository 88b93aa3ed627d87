// What the machine can do at most, whatever a model needs of it: how fast memory can be read, how many multiply-adds run.
// Nothing here takes part in a model's arithmetic.
#include <math.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
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
      __builtin_prefetch(line + FS_PREFETCH_LINES * LINE_WORDS, 0, 2);  // into the second cache, which takes more at a time
      for (int i = 0; i < LINE_WORDS; i++) seen[i] |= line[i];
    }
  uint64_t result = 0;
  for (int i = 0; i < LINE_WORDS; i++) result |= seen[i];
  return result;
}

// Independent chains of multiply-adds: two units with a latency of at most six need twelve, and some to spare where there are
// registers for them; the four units of a large ARM core with a latency of four need sixteen.
#if defined(__aarch64__)
enum { CHAINS = 16 };
#else
enum { CHAINS = 12, AVX512_CHAINS = 24 };
#endif

// The chains start from different values, else they would be one, and the compiler must take each step as it is, since it
// can see neither the factors nor what becomes of a sum.
#define IN_REGISTERS _Pragma("clang loop unroll(full)")
#define CHAINS_OF(name, vector, start, step, count)                                \
  static void name(ptrdiff_t rounds) {                                             \
    vector sums[count], a = start(1), b = start(0);                                \
    __asm__ volatile("" : "+" FS_REGISTER(a), "+" FS_REGISTER(b));                 \
    IN_REGISTERS for (int i = 0; i < count; i++) sums[i] = start(i);               \
    for (ptrdiff_t round = 0; round < rounds; round++)                             \
      IN_REGISTERS for (int i = 0; i < count; i++) {                               \
        sums[i] = step(sums[i], a, b);                                             \
        __asm__ volatile("" : "+" FS_REGISTER(sums[i]));                           \
      }                                                                            \
  }

static void scalar_chains(ptrdiff_t rounds) {
  float sums[CHAINS];
  for (int i = 0; i < CHAINS; i++) sums[i] = 2 + (float)i / 64;
  for (ptrdiff_t round = 0; round < rounds; round++)
    for (int i = 0; i < CHAINS; i++) {
      sums[i] = fmaf(sums[i], 0.96875f, 0.03125f);
      __asm__ volatile("" : "+m"(sums[i]));
    }
}

#if defined(__x86_64__)
#define FS_REGISTER(x) "x"(x)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define AVX2_FLOATS(i) _mm256_set1_ps((float)(i))
#define AVX2_FUSED(sum, a, b) _mm256_fmadd_ps(sum, b, a)
CHAINS_OF(avx2_f32, __m256, AVX2_FLOATS, AVX2_FUSED, CHAINS)
#define AVX2_INTEGERS(i) _mm256_set1_epi16((short)(i))
#define AVX2_FOURS(sum, a, b) \
  _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(a, sum), b))
CHAINS_OF(avx2_int8, __m256i, AVX2_INTEGERS, AVX2_FOURS, CHAINS)
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx2,avxvnni"))), apply_to = function)
#define AVX2_DOT(sum, a, b) _mm256_dpbusd_avx_epi32(sum, a, b)
CHAINS_OF(avx2_vnni_int8, __m256i, AVX2_INTEGERS, AVX2_DOT, CHAINS)
#pragma clang attribute pop

#undef FS_REGISTER
#define FS_REGISTER(x) "v"(x)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vnni,avx512bf16"))), apply_to = function)
#define AVX512_FLOATS(i) _mm512_set1_ps((float)(i))
#define AVX512_FUSED(sum, a, b) _mm512_fmadd_ps(sum, b, a)
#define AVX512_PAIRS(sum, a, b) _mm512_dpbf16_ps(sum, (__m512bh)(a), (__m512bh)(b))
#define AVX512_INTEGERS(i) _mm512_set1_epi8((char)(i))
#define AVX512_FOURS(sum, a, b) _mm512_dpbusd_epi32(sum, a, b)
CHAINS_OF(avx512_f32, __m512, AVX512_FLOATS, AVX512_FUSED, AVX512_CHAINS)
CHAINS_OF(avx512_bf16, __m512, AVX512_FLOATS, AVX512_PAIRS, AVX512_CHAINS)
CHAINS_OF(avx512_int8, __m512i, AVX512_INTEGERS, AVX512_FOURS, AVX512_CHAINS)
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("amx-tile,amx-bf16,amx-int8"))), apply_to = function)
static void amx_bf16(ptrdiff_t rounds) {
  for (ptrdiff_t round = 0; round < rounds; round++) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
}
static void amx_int8(ptrdiff_t rounds) {
  for (ptrdiff_t round = 0; round < rounds; round++) {
    _tile_dpbsud(0, 4, 6);
    _tile_dpbsud(1, 4, 7);
    _tile_dpbsud(2, 5, 6);
    _tile_dpbsud(3, 5, 7);
  }
}
#pragma clang attribute pop
#elif defined(__aarch64__)
#define FS_REGISTER(x) "w"(x)
#define NEON_FLOATS(i) vdupq_n_f32((float)(i))
#define NEON_FUSED(sum, a, b) vfmaq_f32(a, sum, b)
CHAINS_OF(neon_f32, float32x4_t, NEON_FLOATS, NEON_FUSED, CHAINS)
#define NEON_INTEGERS(i) vdupq_n_s32(i)
// Without products of four bytes, what fours.h does instead of one.
#define NEON_BYTES(x) vreinterpretq_s8_s32(x)
#define NEON_FOURS(sum, a, b)                                                                                        \
  vpadalq_s16(sum, vpaddq_s16(vmull_s8(vget_low_s8(NEON_BYTES(sum)), vget_low_s8(NEON_BYTES(b))),                    \
                              vmull_high_s8(NEON_BYTES(a), NEON_BYTES(b))))
CHAINS_OF(neon_int8, int32x4_t, NEON_INTEGERS, NEON_FOURS, CHAINS)
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#define NEON_DOT(sum, a, b) vdotq_s32(sum, NEON_BYTES(a), NEON_BYTES(b))
CHAINS_OF(neon_dot_int8, int32x4_t, NEON_INTEGERS, NEON_DOT, CHAINS)
#pragma clang attribute pop
#endif

/// Runs so many chains and returns their operations, `lanes` products at a time.
static double run_chains(void (*chains)(ptrdiff_t), int count, ptrdiff_t rounds, double lanes) {
  chains(rounds);
  return 2 * lanes * count * (double)rounds;
}

static double run(void (*chains)(ptrdiff_t), ptrdiff_t rounds, double lanes) {
  return run_chains(chains, CHAINS, rounds, lanes);
}

double fs_run_multiply_adds(const fs_kernels *kernels, fs_format format, ptrdiff_t rounds) {
#if defined(__x86_64__)
  bool integers = format == FS_FORMAT_INT8 || format == FS_FORMAT_INT4;
  if (strcmp(kernels->name, "amx") == 0 && format != FS_FORMAT_F32) {
    kernels->begin_blocks(FS_BLOCK_ROWS);
    (integers ? amx_int8 : amx_bf16)(rounds);
    kernels->end_blocks();
    return 2.0 * 4 * 16 * 16 * (integers ? 64 : 32) * (double)rounds;
  }
  if (strcmp(kernels->name, "avx512") == 0 || strcmp(kernels->name, "amx") == 0) {
    if (integers) return run_chains(avx512_int8, AVX512_CHAINS, rounds, 64);
    if (format == FS_FORMAT_BF16 && kernels->form[FS_FORMAT_BF16] == FS_FORM_PAIRS)
      return run_chains(avx512_bf16, AVX512_CHAINS, rounds, 32);
    return run_chains(avx512_f32, AVX512_CHAINS, rounds, 16);
  }
  if (kernels == &fs_kernels_avx2_vnni && integers) return run(avx2_vnni_int8, rounds, 32);
  if (strcmp(kernels->name, "avx2") == 0)
    return integers ? run(avx2_int8, rounds, 32) : run(avx2_f32, rounds, 8);
#elif defined(__aarch64__)
  bool integers = format == FS_FORMAT_INT8 || format == FS_FORMAT_INT4;
  if (kernels == &fs_kernels_neon_dot && integers) return run(neon_dot_int8, rounds, 16);
  if (kernels != &fs_kernels_scalar) return integers ? run(neon_int8, rounds, 16) : run(neon_f32, rounds, 4);
#else
  (void)kernels, (void)format;
#endif
  return run(scalar_chains, rounds, 1);
}
