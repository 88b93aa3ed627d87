// Input rows in the forms that the tile kernels take, for the vector sets. Include after lanes.h and inside the target
// pragma.

typedef uint32_t lanes_u32 __attribute__((ext_vector_type(FS_LANES)));

/// f32 rounded to bf16, to nearest even; NaN stays NaN.
FS_INLINE lanes_u32 lanes_round_bf16(lanes value) {
  lanes_u32 bits = __builtin_bit_cast(lanes_u32, value);
  lanes_u32 rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u;
  lanes_u32 quiet = (bits & 0xffff0000u) | 0x400000u;
  return (bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded;
}

/// Sixteen floats from i on, zeros from n on.
FS_INLINE lanes lanes_load_within(const float *from, ptrdiff_t i, ptrdiff_t n) {
  if (i + FS_LANES <= n) return lanes_load(from + i);
  return i < n ? lanes_load_part(from + i, n - i) : (lanes)0.0f;
}

static void prepare_rounded(const float *x, ptrdiff_t k, void *to) {
  for (ptrdiff_t i = 0; i <= k; i += FS_LANES) {  // an odd last input has a partner
    lanes value = __builtin_bit_cast(lanes, lanes_round_bf16(lanes_load_within(x, i, k)));
    lanes_store((float *)to + i, value);
  }
}

typedef uint16_t lanes_u16 __attribute__((ext_vector_type(FS_LANES)));
typedef int8_t lanes_i8 __attribute__((ext_vector_type(FS_LANES)));

static void prepare_pairs(const float *x, ptrdiff_t k, void *to) {
  for (ptrdiff_t i = 0; i < (k + 31) / 32 * 32; i += FS_LANES) {
    lanes_u16 halves = __builtin_convertvector(lanes_round_bf16(lanes_load_within(x, i, k)) >> 16, lanes_u16);
    memcpy((uint16_t *)to + i, &halves, sizeof halves);
  }
}

enum { GROUP_VECTORS = FS_GROUP / FS_LANES };

/// The bytes of half a group of integers, and their sum in some lanes.
FS_INLINE lanes_i32 prepare_half(const lanes value[GROUP_VECTORS / 2], float inverse, char *to) {
#if defined(FS_WIDE)
  __m512i integers[4];  // rounded as the sum with FS_INTEGER_ROUND is
  FS_UNROLL for (int v = 0; v < 4; v++) integers[v] = _mm512_cvtps_epi32((__m512)(value[v] * inverse));
  // Packing goes by quarters of the registers; a quarter's four bytes of each vector end up beside one another.
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  __m512i words = _mm512_packs_epi32(integers[0], integers[1]), others = _mm512_packs_epi32(integers[2], integers[3]);
  __m512i bytes = _mm512_permutexvar_epi32(order, _mm512_packs_epi16(words, others));
  memcpy(to, &bytes, sizeof bytes);
  return lanes_multiply_fours((lanes_i32)0, (lanes_i32)_mm512_set1_epi8(1), (lanes_i32)bytes);
#else
  lanes_i32 sum = 0;
  FS_UNROLL for (int v = 0; v < GROUP_VECTORS / 2; v++) {
    lanes_i32 integers = __builtin_bit_cast(lanes_i32, value[v] * inverse + FS_INTEGER_ROUND) - FS_INTEGER_ROUND_BITS;
    sum += integers;
    lanes_i8 bytes = __builtin_convertvector(integers, lanes_i8);
    memcpy(to + v * FS_LANES, &bytes, sizeof bytes);
  }
  return sum;
#endif
}

/// One group of integers, `count` of whose inputs stand in the row: its scale, its bytes and the sums of its halves.
FS_INLINE void prepare_group(const float *x, ptrdiff_t count, char *to, float *scale, int32_t sums[2]) {
  lanes value[GROUP_VECTORS];
  lanes_i32 magnitude[GROUP_VECTORS];  // magnitudes compare as their bits do
  FS_UNROLL for (int v = 0; v < GROUP_VECTORS; v++) {
    value[v] = count == FS_GROUP ? lanes_load(x + v * FS_LANES) : lanes_load_within(x, v * FS_LANES, count);
    magnitude[v] = __builtin_bit_cast(lanes_i32, value[v]) & 0x7fffffff;
  }
  FS_UNROLL for (int step = GROUP_VECTORS / 2; step > 0; step /= 2)
    FS_UNROLL for (int v = 0; v < step; v++)
      magnitude[v] = magnitude[v + step] > magnitude[v] ? magnitude[v + step] : magnitude[v];
  float inverse = fs_integer_scale(__builtin_reduce_max(magnitude[0]), scale);
  if (inverse == 0) {
    memset(to, 0, FS_GROUP);
    sums[0] = sums[1] = 0;
    return;
  }
  lanes_i32 half[2];
  FS_UNROLL for (int h = 0; h < 2; h++)
    half[h] = prepare_half(value + h * GROUP_VECTORS / 2, inverse, to + h * FS_GROUP / 2);
  sums[0] = __builtin_reduce_add(half[0]);
  sums[1] = __builtin_reduce_add(half[1]);
}

static void prepare_integers(const float *x, ptrdiff_t k, void *to) {
  char *tail = (char *)to + fs_groups(k) * FS_GROUP;
  float *scales = fs_tail_scales(tail);
  int32_t *offsets = fs_tail_offsets(tail, k);
  float correction = 0;
  for (ptrdiff_t g = 0; g < fs_groups(k); g++, offsets += 2) {
    ptrdiff_t left = k - g * FS_GROUP;
    int32_t sums[2];
    if (left >= FS_GROUP)
      prepare_group(x + g * FS_GROUP, FS_GROUP, (char *)to + g * FS_GROUP, scales + g, sums);
    else
      prepare_group(x + g * FS_GROUP, left, (char *)to + g * FS_GROUP, scales + g, sums);
    correction = fmaf((float)(-128 * (sums[0] + sums[1])), scales[g], correction);
    offsets[0] = -8 * sums[0];
    offsets[1] = -8 * sums[1];
  }
  *fs_tail_correction(tail) = correction;
}
