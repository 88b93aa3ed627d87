// Products of four bytes with four bytes, by instruction set. Include after lanes.h and inside the target pragma.
//
// Weights of 8 bits stand as unsigned bytes, 128 added. Sets that multiply signed bytes only flip the upper bit, which takes
// 128 off, and start a group's sum from what that leaves out: 128 times the sum of its inputs. Either way a sum of integers
// is the same number.

#if defined(FS_WIDE)
/// Adds to each lane the products of its four unsigned bytes with four signed bytes; exact.
FS_INLINE lanes_i32 lanes_multiply_fours(lanes_i32 sum, lanes_i32 weights, lanes_i32 inputs) {
  return (lanes_i32)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)weights, (__m512i)inputs);
}
#elif defined(__x86_64__)
typedef int32_t lanes8_i32 __attribute__((ext_vector_type(8)));
#if defined(FS_DOT_PRODUCT)
FS_INLINE lanes8_i32 lanes8_multiply_fours(lanes8_i32 sum, lanes8_i32 weights, lanes8_i32 inputs) {
  return (lanes8_i32)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)weights, (__m256i)inputs);
}
#else
#define FS_SIGNED_BYTES
/// Products of pairs go through 16 bits, so the unsigned side holds magnitudes, at most 128, and the other takes the signs.
FS_INLINE lanes8_i32 lanes8_multiply_fours(lanes8_i32 sum, lanes8_i32 weights, lanes8_i32 inputs) {
  __m256i magnitudes = _mm256_abs_epi8((__m256i)weights), others = _mm256_sign_epi8((__m256i)inputs, (__m256i)weights);
  __m256i pairs = _mm256_maddubs_epi16(magnitudes, others);
  return sum + (lanes8_i32)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}
#endif
/// Adds to each lane the products of its four bytes with four signed bytes within -127 ... 127; exact.
FS_INLINE lanes_i32 lanes_multiply_fours(lanes_i32 sum, lanes_i32 weights, lanes_i32 inputs) {
  sum.lo = lanes8_multiply_fours(sum.lo, weights.lo, inputs.lo);
  sum.hi = lanes8_multiply_fours(sum.hi, weights.hi, inputs.hi);
  return sum;
}
#else
#define FS_SIGNED_BYTES
typedef int32_t lanes4_i32 __attribute__((ext_vector_type(4)));
FS_INLINE lanes4_i32 lanes4_multiply_fours(lanes4_i32 sum, lanes4_i32 weights, lanes4_i32 inputs) {
  int8x16_t bytes = vreinterpretq_s8_s32((int32x4_t)weights), others = vreinterpretq_s8_s32((int32x4_t)inputs);
#if defined(FS_DOT_PRODUCT)
  return (lanes4_i32)vdotq_s32((int32x4_t)sum, bytes, others);
#else
  int16x8_t low = vmull_s8(vget_low_s8(bytes), vget_low_s8(others)), high = vmull_high_s8(bytes, others);
  return (lanes4_i32)vpadalq_s16((int32x4_t)sum, vpaddq_s16(low, high));  // two products take at most 15 bits
#endif
}
/// Adds to each lane the products of its four signed bytes with four others, these within -127 ... 127; exact.
FS_INLINE lanes_i32 lanes_multiply_fours(lanes_i32 sum, lanes_i32 weights, lanes_i32 inputs) {
  sum.lo.lo = lanes4_multiply_fours(sum.lo.lo, weights.lo.lo, inputs.lo.lo);
  sum.lo.hi = lanes4_multiply_fours(sum.lo.hi, weights.lo.hi, inputs.lo.hi);
  sum.hi.lo = lanes4_multiply_fours(sum.hi.lo, weights.hi.lo, inputs.hi.lo);
  sum.hi.hi = lanes4_multiply_fours(sum.hi.hi, weights.hi.hi, inputs.hi.hi);
  return sum;
}
#endif

/// Adds to each lane the products of its four bytes within 0 ... 127 with four signed bytes within -127 ... 127; exact.
FS_INLINE lanes_i32 lanes_multiply_shares(lanes_i32 sum, lanes_i32 shares, lanes_i32 others) {
#if defined(__x86_64__) && defined(FS_SIGNED_BYTES)  // two products fit into 16 bits as they are
  const __m256i ones = _mm256_set1_epi16(1);
  sum.lo += (lanes8_i32)_mm256_madd_epi16(_mm256_maddubs_epi16((__m256i)shares.lo, (__m256i)others.lo), ones);
  sum.hi += (lanes8_i32)_mm256_madd_epi16(_mm256_maddubs_epi16((__m256i)shares.hi, (__m256i)others.hi), ones);
  return sum;
#else
  return lanes_multiply_fours(sum, shares, others);
#endif
}

/// Adds to each lane the products of eight weights of 4 bits, the low halves of four bytes and the high halves, with eight
/// signed bytes within -127 ... 127; exact.
FS_INLINE lanes_i32 lanes_multiply_eights(lanes_i32 sum, lanes_i32 weights, lanes_i32 first, lanes_i32 second) {
  lanes_i32 low = weights & 0x0f0f0f0f, high = weights >> 4 & 0x0f0f0f0f;
#if defined(__x86_64__) && defined(FS_SIGNED_BYTES)  // four products fit into 16 bits
#define FS_EIGHTS(part)                                                                                        \
  sum.part += (lanes8_i32)_mm256_madd_epi16(                                                                   \
      _mm256_add_epi16(_mm256_maddubs_epi16((__m256i)low.part, (__m256i)first.part),                           \
                       _mm256_maddubs_epi16((__m256i)high.part, (__m256i)second.part)),                        \
      _mm256_set1_epi16(1));
  FS_EIGHTS(lo)
  FS_EIGHTS(hi)
#undef FS_EIGHTS
  return sum;
#else
  return lanes_multiply_fours(lanes_multiply_fours(sum, low, first), high, second);
#endif
}

/// What bytes of 8-bit weights have too much as lanes_multiply_fours takes them.
#if defined(FS_SIGNED_BYTES)
#define FS_BYTES_OFFSET 0
#else
#define FS_BYTES_OFFSET 128
#endif

/// Weights of 8 bits as lanes_multiply_fours takes them.
FS_INLINE lanes_i32 fours_of_int8(lanes_i32 weights) {
#if defined(FS_SIGNED_BYTES)
  return weights ^ (int32_t)0x80808080;
#else
  return weights;
#endif
}

/// What the sum of group g of 8-bit weights starts from, given the tail of the input row.
FS_INLINE int32_t fours_int8_start(const char *tail, ptrdiff_t k, ptrdiff_t g) {
#if defined(FS_SIGNED_BYTES)
  const int32_t *offsets = fs_tail_offsets(tail, k) + 2 * g;
  return -16 * (offsets[0] + offsets[1]);
#else
  (void)tail, (void)k, (void)g;
  return 0;
#endif
}
