// Compact bf16 put together again in registers, by instruction set. Include after lanes.h and inside the target pragma.
//
// Every sixteen bytes of a unit's three lines give sixteen bytes of its plain lines, so a register of any width takes as many
// sixteens as it holds.

#if defined(FS_WIDE)
typedef __m512i compact_table;
typedef uint16_t compact_words __attribute__((ext_vector_type(32)));

/// A chunk's table, in every quarter of a register.
FS_INLINE compact_table compact_load_table(const char *chunk) {
  return _mm512_broadcast_i32x4(_mm_load_si128((const __m128i *)chunk));
}

/// Plain lines 2 * half and 2 * half + 1 of a unit.
FS_INLINE void compact_lines(const char *unit, compact_table table, int half, lanes_i32 lines[2]) {
  __m512i codes = _mm512_load_si512(unit);
  if (half) codes = _mm512_srli_epi16(codes, 4);
  __m512i exponents = _mm512_shuffle_epi8(table, _mm512_and_si512(codes, _mm512_set1_epi8(15)));
  __m512i bytes = _mm512_load_si512(unit + 64 + 64 * half);
  compact_words first = (compact_words)_mm512_unpacklo_epi8(bytes, exponents);
  compact_words second = (compact_words)_mm512_unpackhi_epi8(bytes, exponents);
  lines[0] = (lanes_i32)(first >> 1 | first << 15);
  lines[1] = (lanes_i32)(second >> 1 | second << 15);
}
#elif defined(__x86_64__)
typedef __m256i compact_table;

FS_INLINE compact_table compact_load_table(const char *chunk) {
  return _mm256_broadcastsi128_si256(_mm_load_si128((const __m128i *)chunk));
}

FS_INLINE lanes8_i32 compact_rotated(__m256i words) {
  return (lanes8_i32)_mm256_or_si256(_mm256_srli_epi16(words, 1), _mm256_slli_epi16(words, 15));
}

/// 32 bytes of each of the two lines, from byte `at` of the unit's lines on.
FS_INLINE void compact_part(const char *unit, compact_table table, int half, ptrdiff_t at, lanes8_i32 *first,
                            lanes8_i32 *second) {
  __m256i codes = _mm256_load_si256((const __m256i *)(unit + at));
  if (half) codes = _mm256_srli_epi16(codes, 4);
  __m256i exponents = _mm256_shuffle_epi8(table, _mm256_and_si256(codes, _mm256_set1_epi8(15)));
  __m256i bytes = _mm256_load_si256((const __m256i *)(unit + 64 + 64 * half + at));
  *first = compact_rotated(_mm256_unpacklo_epi8(bytes, exponents));
  *second = compact_rotated(_mm256_unpackhi_epi8(bytes, exponents));
}

FS_INLINE void compact_lines(const char *unit, compact_table table, int half, lanes_i32 lines[2]) {
  lanes8_i32 parts[2][2];
  FS_UNROLL for (int part = 0; part < 2; part++)
    compact_part(unit, table, half, 32 * part, &parts[0][part], &parts[1][part]);
  FS_UNROLL for (int line = 0; line < 2; line++) {
    lines[line].lo = parts[line][0];
    lines[line].hi = parts[line][1];
  }
}
#else
typedef uint8x16_t compact_table;

FS_INLINE compact_table compact_load_table(const char *chunk) { return vld1q_u8((const uint8_t *)chunk); }

FS_INLINE lanes4_i32 compact_rotated(uint8x16_t bytes) {
  uint16x8_t words = vreinterpretq_u16_u8(bytes);
  return (lanes4_i32)vsliq_n_u16(vshrq_n_u16(words, 1), words, 15);
}

/// Sixteen bytes of each of the two lines, from byte `at` of the unit's lines on.
FS_INLINE void compact_part(const char *unit, compact_table table, int half, ptrdiff_t at, lanes4_i32 *first,
                            lanes4_i32 *second) {
  uint8x16_t codes = vld1q_u8((const uint8_t *)unit + at);
  codes = half ? vshrq_n_u8(codes, 4) : vandq_u8(codes, vdupq_n_u8(15));
  uint8x16_t exponents = vqtbl1q_u8(table, codes), bytes = vld1q_u8((const uint8_t *)unit + 64 + 64 * half + at);
  *first = compact_rotated(vzip1q_u8(bytes, exponents));
  *second = compact_rotated(vzip2q_u8(bytes, exponents));
}

FS_INLINE void compact_lines(const char *unit, compact_table table, int half, lanes_i32 lines[2]) {
  lanes4_i32 parts[2][4];
  FS_UNROLL for (int part = 0; part < 4; part++)
    compact_part(unit, table, half, 16 * part, &parts[0][part], &parts[1][part]);
  FS_UNROLL for (int line = 0; line < 2; line++) {
    lines[line].lo.lo = parts[line][0];
    lines[line].lo.hi = parts[line][1];
    lines[line].hi.lo = parts[line][2];
    lines[line].hi.hi = parts[line][3];
  }
}
#endif
