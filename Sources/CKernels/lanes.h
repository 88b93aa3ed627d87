// Sixteen floats as one value. Included by the files of the vector sets, inside their target pragma; the compiler maps
// it to one or more registers.
#include <math.h>
#include <string.h>

#include "kernels.h"

#define FS_INLINE static inline __attribute__((always_inline))
#define FS_UNROLL _Pragma("clang loop unroll(full)")

// How far ahead of its use a line of weights is asked for, and which cache takes it. Zen 4's cores bring more lines from memory into the
// second-level cache at a time than into the first (0.78 of the time of a product from memory; 1.06 of one from the third-level
// cache); Intel's do not (1.02 to 1.07). Zen 5's do for tiles of many rows, for few it is 1.04 (FS_STREAMING).
enum { FS_NEAR_LINES = FS_PREFETCH_LINES, FS_FAR_LINES = 2 * FS_PREFETCH_LINES, FS_NEAR_ROWS = 4 };
#if defined(FS_STREAMING)
FS_INLINE bool is_near(int rows) { return rows <= FS_NEAR_ROWS; }
#elif defined(FS_BF16_PAIRS)
FS_INLINE bool is_near(int rows) { return (void)rows, false; }
#else
FS_INLINE bool is_near(int rows) { return (void)rows, true; }
#endif
/// Asks for a line of weights for a tile of so many rows.
FS_INLINE void ask_for(const void *line, int rows) {
  if (is_near(rows))
    __builtin_prefetch(line, 0, 3);
  else
    __builtin_prefetch(line, 0, 2);
}

/// Asks for a line as tiles of few rows do.
FS_INLINE void ask_near(const void *line) { ask_for(line, 1); }

typedef float lanes __attribute__((ext_vector_type(FS_LANES)));
typedef int32_t lanes_i32 __attribute__((ext_vector_type(FS_LANES)));
typedef uint16_t lanes_u16_unaligned __attribute__((ext_vector_type(FS_LANES), aligned(2)));
typedef float lanes_unaligned __attribute__((ext_vector_type(FS_LANES), aligned(4)));

FS_INLINE lanes lanes_load(const float *from) { return *(const lanes_unaligned *)from; }
/// Sixteen bf16 as floats.
FS_INLINE lanes lanes_load_bf16(const void *from) {
  return __builtin_bit_cast(lanes, __builtin_convertvector(*(const lanes_u16_unaligned *)from, lanes_i32) << 16);
}
FS_INLINE void lanes_store(float *to, lanes value) { *(lanes_unaligned *)to = value; }
FS_INLINE lanes lanes_fma(lanes a, lanes b, lanes c) { return __builtin_elementwise_fma(a, b, c); }

#if defined(FS_BF16_PAIRS)
/// Adds to each lane the products of its two bf16 with two others, the upper one first.
FS_INLINE lanes lanes_multiply_pairs(lanes sum, lanes_i32 weights, lanes_i32 inputs) {
  return (lanes)_mm512_dpbf16_ps((__m512)sum, (__m512bh)weights, (__m512bh)inputs);
}
#endif

/// The first `count` < 16 floats, zeros behind them. Nothing beyond them is read.
FS_INLINE lanes lanes_load_part(const float *from, ptrdiff_t count) {
#if defined(FS_WIDE)
  return _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), from);
#else
  float padded[FS_LANES] = {0};
  memcpy(padded, from, (size_t)count * sizeof(float));
  return lanes_load(padded);
#endif
}

/// Stores the first `count` < 16 floats.
FS_INLINE void lanes_store_part(float *to, lanes value, ptrdiff_t count) {
#if defined(FS_WIDE)
  _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1), value);
#else
  float padded[FS_LANES];
  lanes_store(padded, value);
  memcpy(to, padded, (size_t)count * sizeof(float));
#endif
}

typedef float lanes8 __attribute__((ext_vector_type(8)));
typedef float lanes4 __attribute__((ext_vector_type(4)));
typedef float lanes2 __attribute__((ext_vector_type(2)));

/// The sum of the lanes, folded in halves.
FS_INLINE float lanes_sum(lanes value) {
  lanes8 eight = value.lo + value.hi;
  lanes4 four = eight.lo + eight.hi;
  lanes2 two = four.lo + four.hi;
  return two.x + two.y;
}

FS_INLINE float lanes_maximum(lanes value) {
  lanes8 eight = value.lo > value.hi ? value.lo : value.hi;
  lanes4 four = eight.lo > eight.hi ? eight.lo : eight.hi;
  lanes2 two = four.lo > four.hi ? four.lo : four.hi;
  return two.x > two.y ? two.x : two.y;
}

/// exp(x - n ln 2), with n the nearest whole number of ln 2 in x: what is left once powers of two are taken out.
FS_INLINE lanes lanes_exp_rest(lanes x, lanes n) {
  lanes r = lanes_fma(-n, (lanes)FS_EXP_LN2_HIGH, x);
  r = lanes_fma(-n, (lanes)FS_EXP_LN2_LOW, r);
  lanes q = lanes_fma((lanes)FS_EXP_C6, r, (lanes)FS_EXP_C5);
  q = lanes_fma(q, r, (lanes)FS_EXP_C4);
  q = lanes_fma(q, r, (lanes)FS_EXP_C3);
  q = lanes_fma(q, r, (lanes)FS_EXP_C2);
  return lanes_fma(r * r, q, r) + 1.0f;
}

/// The exponential of scalar.c, step by step.
FS_INLINE lanes lanes_exp(lanes x) {
  const lanes lowest = FS_EXP_LOWEST, highest = FS_EXP_HIGHEST, round = FS_EXP_ROUND;
  x = lowest > x ? lowest : x;
  x = highest < x ? highest : x;
  lanes rounded = lanes_fma(x, (lanes)FS_EXP_LOG2E, round);
  lanes p = lanes_exp_rest(x, rounded - round);
  lanes_i32 exponent = __builtin_bit_cast(lanes_i32, rounded) - FS_EXP_ROUND_BITS;
  lanes_i32 half = exponent >> 1;
  lanes first = __builtin_bit_cast(lanes, (half + 127) << 23);
  lanes second = __builtin_bit_cast(lanes, (exponent - half + 127) << 23);
  return p * first * second;
}

/// exp(x) for x <= 0, the exponential_weight of the reference.
FS_INLINE lanes lanes_weight(lanes x) {
  lanes rounded = lanes_fma(x, (lanes)FS_EXP_LOG2E, (lanes)FS_EXP_BIASED_ROUND);
  lanes p = lanes_exp_rest(x, rounded - (lanes)FS_EXP_BIASED_ROUND);
  p *= __builtin_bit_cast(lanes, __builtin_bit_cast(lanes_i32, rounded) << 23);
  return x < (lanes)FS_EXP_LEAST_WEIGHT ? (lanes)0.0f : p;
}
