// Draws from logits; no set of instructions changes a result.
#include "sampling.h"

#include <math.h>
#include <string.h>

enum { COUNTERS = 16, TOKENS = 4 * COUNTERS };

static const uint32_t MULTIPLIER0 = 0xD2511F53u, MULTIPLIER1 = 0xCD9E8D57u;
static const uint32_t WEYL0 = 0x9E3779B9u, WEYL1 = 0xBB67AE85u;

void fs_philox(const uint32_t counter[4], uint32_t key0, uint32_t key1, uint32_t words[4]) {
  uint32_t a = counter[0], b = counter[1], c = counter[2], d = counter[3];
  for (int round = 0; round < 10; round++) {
    uint64_t product0 = (uint64_t)a * MULTIPLIER0, product1 = (uint64_t)c * MULTIPLIER1;
    a = (uint32_t)(product1 >> 32) ^ b ^ key0;
    c = (uint32_t)(product0 >> 32) ^ d ^ key1;
    b = (uint32_t)product1;
    d = (uint32_t)product0;
    key0 += WEYL0;
    key1 += WEYL1;
  }
  words[0] = a, words[1] = b, words[2] = c, words[3] = d;
}

float fs_gumbel(uint32_t word) { return (float)-log(-log(((double)word + 0.5) * 0x1p-32)); }

// A number that the noise of a word does not exceed. Since -ln u >= 1 - u, the noise is at most -ln(1 - u), and
// 1 - u = (~word + 1/2) / 2^32. The bits of a float, read as a number, are 2^23 (log2 + 127) or a little less.
static inline float noise_bound(uint32_t word) {
  float high = (float)(int32_t)(~word >> 8);
  int32_t bits;
  memcpy(&bits, &high, sizeof bits);
  return (151.0f - (float)bits * 0x1p-23f) * 0.6931473f + 1e-4f;
}

// Sixteen floats have no calling convention without AVX-512. None is needed: all functions that take them are inlined.
#pragma clang diagnostic ignored "-Wpsabi"
#define GUMBEL_NAME(name) name##_plain
#include "gumbel_block.h"
#undef GUMBEL_NAME
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#define GUMBEL_NAME(name) name##_avx2
#include "gumbel_block.h"
#undef GUMBEL_NAME
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq"))), apply_to = function)
#define GUMBEL_NAME(name) name##_avx512
#include "gumbel_block.h"
#undef GUMBEL_NAME
#pragma clang attribute pop
#endif

typedef struct block_functions {
  void (*philox)(uint32_t first, uint64_t position, uint32_t key0, uint32_t key1, uint32_t words[4][COUNTERS]);
  float (*reach)(uint32_t words[4][COUNTERS], const float *logits, float greatest, float scale, float *reach);
  float (*highest)(const float *x);
} block_functions;

static block_functions best_functions(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
    return (block_functions){philox_block_avx512, reach_avx512, highest_avx512};
  if (__builtin_cpu_supports("avx2")) return (block_functions){philox_block_avx2, reach_avx2, highest_avx2};
#endif
  return (block_functions){philox_block_plain, reach_plain, highest_plain};
}

ptrdiff_t fs_gumbel_argmax(const float *logits, ptrdiff_t n, ptrdiff_t best, float greatest, float scale, float floor,
                           uint32_t key0, uint32_t key1, uint64_t position) {
  block_functions block = best_functions();
  uint32_t counter[4] = {(uint32_t)(best >> 2), (uint32_t)position, (uint32_t)(position >> 32), 0}, own[4];
  fs_philox(counter, key0, key1, own);
  ptrdiff_t winner = best;
  float winning = fs_gumbel(own[best & 3]);
  for (ptrdiff_t begin = 0; begin < n; begin += TOKENS) {
    const float *part = logits + begin;
    float last[TOKENS];
    if (n - begin < TOKENS) {
      for (ptrdiff_t i = 0; i < TOKENS; i++) last[i] = begin + i < n ? part[i] : -INFINITY;
      part = last;
    }
    // No noise is greater than 22.88 = -ln(-ln(1 - 2^-33)).
    float most = (block.highest(part) - greatest) * scale;
    if (most < floor || most + 22.88f < winning) continue;
    _Alignas(64) uint32_t words[4][COUNTERS];
    _Alignas(64) float reach[TOKENS];
    block.philox((uint32_t)(begin >> 2), position, key0, key1, words);
    if (block.reach(words, part, greatest, scale, reach) < winning) continue;
    for (ptrdiff_t i = 0; i < TOKENS; i++) {
      if (reach[i] < winning) continue;
      float logit = (part[i] - greatest) * scale;
      if (logit < floor) continue;
      float value = logit + fs_gumbel(words[i & 3][i >> 2]);
      if (value > winning || (value == winning && begin + i < winner)) {
        winning = value;
        winner = begin + i;
      }
    }
  }
  return winner;
}

ptrdiff_t fs_gumbel_argmax_of(const float *logits, const int32_t *tokens, ptrdiff_t count, float greatest, float scale,
                              uint32_t key0, uint32_t key1, uint64_t position) {
  ptrdiff_t winner = count > 0 ? tokens[0] : -1;
  float winning = -INFINITY;
  for (ptrdiff_t i = 0; i < count; i++) {
    float logit = (logits[tokens[i]] - greatest) * scale;
    if (logit + 22.88f < winning) break;
    uint32_t counter[4] = {(uint32_t)tokens[i] >> 2, (uint32_t)position, (uint32_t)(position >> 32), 0}, words[4];
    fs_philox(counter, key0, key1, words);
    uint32_t word = words[tokens[i] & 3];
    if (logit + noise_bound(word) < winning) continue;
    float value = logit + fs_gumbel(word);
    if (value > winning) {
      winning = value;
      winner = tokens[i];
    }
  }
  return winner;
}

void fs_scale_logits(const float *x, ptrdiff_t n, float greatest, float scale, float floor, float *y) {
  for (ptrdiff_t i = 0; i < n; i++) {
    float scaled = (x[i] - greatest) * scale;
    y[i] = scaled < floor || scaled < -80.0f ? -80.0f : scaled;
  }
}

// The k-th greatest of n floats (k from 1), whose order is lost.
static float select_greatest(float *x, ptrdiff_t n, ptrdiff_t k) {
  ptrdiff_t low = 0, high = n - 1;
  while (low < high) {
    float pivot = x[(low + high) / 2];
    ptrdiff_t i = low, j = high;
    while (i <= j) {
      while (x[i] > pivot) i++;
      while (x[j] < pivot) j--;
      if (i <= j) {
        float swap = x[i];
        x[i++] = x[j], x[j--] = swap;
      }
    }
    if (k - 1 <= j) high = j;
    else if (k - 1 >= i) low = i;
    else break;
  }
  return x[k - 1];
}

// A number that at least k of the logits reach: the k-th greatest of the greatest of disjoint parts. Minus infinity where
// there are too few parts.
static float reached_by(const float *logits, ptrdiff_t n, ptrdiff_t k) {
  enum { PARTS = 256 };
  float greatest[PARTS];
  ptrdiff_t size = ((n + PARTS - 1) / PARTS + 15) / 16 * 16, parts = 0;
  if (n / size < k) return -INFINITY;
  for (ptrdiff_t begin = 0; begin < n; begin += size) {
    ptrdiff_t end = n - begin < size ? n : begin + size;
    float highest = -INFINITY;
    for (ptrdiff_t i = begin; i < end; i++) highest = logits[i] > highest ? logits[i] : highest;
    greatest[parts++] = highest;
  }
  return select_greatest(greatest, parts, k);
}

ptrdiff_t fs_select_best(const float *logits, ptrdiff_t n, ptrdiff_t k, float greatest, float scale, float floor,
                         int32_t *tokens, float *scaled) {
  enum { BLOCK = 16 };
  ptrdiff_t count = 0;
  float least = -INFINITY;  // of a full list
  float reached = (reached_by(logits, n, k) - greatest) * scale;
  if (reached > floor) floor = reached;
  for (ptrdiff_t begin = 0; begin < n; begin += BLOCK) {
    ptrdiff_t end = n - begin < BLOCK ? n : begin + BLOCK;
    float highest = -INFINITY;
    for (ptrdiff_t i = begin; i < end; i++) highest = logits[i] > highest ? logits[i] : highest;
    float most = (highest - greatest) * scale;
    if (most < floor || (count == k && most <= least)) continue;
    for (ptrdiff_t i = begin; i < end; i++) {
      float logit = (logits[i] - greatest) * scale;
      if (logit < floor || (count == k && logit <= least)) continue;
      ptrdiff_t last = count < k ? count++ : k - 1, place = last;
      while (place > 0 && scaled[place - 1] < logit) place--;
      memmove(tokens + place + 1, tokens + place, (size_t)(last - place) * sizeof *tokens);
      memmove(scaled + place + 1, scaled + place, (size_t)(last - place) * sizeof *scaled);
      tokens[place] = (int32_t)i;
      scaled[place] = logit;
      if (count == k) least = scaled[k - 1];
    }
  }
  return count;
}

float fs_sum(const float *x, ptrdiff_t n) {
  float partial[16] = {0};
  ptrdiff_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (int lane = 0; lane < 16; lane++) partial[lane] += x[i + lane];
  float sum = 0;
  for (int lane = 0; lane < 16; lane++) sum += partial[lane];
  for (; i < n; i++) sum += x[i];
  return sum;
}
