// Rows of floats into columns of panels, sixteen inputs at a time. Include inside the target pragma of an instruction set,
// with PACK_NAME(name) giving the functions names of their own; every set leaves the same bytes.

typedef float PACK_NAME(floats) __attribute__((ext_vector_type(16)));
typedef int32_t PACK_NAME(integers) __attribute__((ext_vector_type(16)));
typedef uint32_t PACK_NAME(words) __attribute__((ext_vector_type(16)));
typedef uint16_t PACK_NAME(halves) __attribute__((ext_vector_type(16)));
typedef uint8_t PACK_NAME(bytes) __attribute__((ext_vector_type(16)));
#define PACK_INLINE static inline __attribute__((always_inline))

PACK_INLINE PACK_NAME(floats) PACK_NAME(load)(const float *from) {
  PACK_NAME(floats) value;
  memcpy(&value, from, sizeof value);
  return value;
}

/// The nearest integers from least to greatest.
PACK_INLINE PACK_NAME(integers) PACK_NAME(rounded)(PACK_NAME(floats) value, float least, float greatest) {
  value = value > greatest ? greatest : value < least ? least : value;
  PACK_NAME(floats) sum = value + FS_INTEGER_ROUND;
  PACK_NAME(integers) bits;
  memcpy(&bits, &sum, sizeof bits);
  return bits - FS_INTEGER_ROUND_BITS;
}

/// The bits of the greatest magnitude.
PACK_INLINE int32_t PACK_NAME(greatest_bits)(PACK_NAME(integers) magnitudes) {
  __typeof__(magnitudes.lo) eight = magnitudes.lo > magnitudes.hi ? magnitudes.lo : magnitudes.hi;
  __typeof__(eight.lo) four = eight.lo > eight.hi ? eight.lo : eight.hi;
  __typeof__(four.lo) two = four.lo > four.hi ? four.lo : four.hi;
  return two.x > two.y ? two.x : two.y;
}

/// The greatest magnitude of a row; NaN where an element is not finite.
static float PACK_NAME(greatest_magnitude)(const float *row, ptrdiff_t k) {
  PACK_NAME(integers) most = 0;  // magnitudes compare as their bits do
  for (ptrdiff_t i = 0; i < k; i += 16) {
    float last[16] = {0};
    if (k - i < 16) memcpy(last, row + i, (size_t)(k - i) * sizeof(float));
    PACK_NAME(integers) bits;
    memcpy(&bits, k - i < 16 ? last : row + i, sizeof bits);
    bits &= 0x7fffffff;
    most = bits > most ? bits : most;
  }
  int32_t greatest = PACK_NAME(greatest_bits)(most);
  float value;
  memcpy(&value, &greatest, sizeof value);
  return greatest >= 0x7f800000 ? NAN : value;
}

/// Four bytes each of sixteen to words 64 bytes apart.
PACK_INLINE void PACK_NAME(scatter)(PACK_NAME(bytes) bytes, uint8_t *to) {
  uint32_t words[4];
  memcpy(words, &bytes, sizeof words);
  for (int w = 0; w < 4; w++) memcpy(to + 64 * w, words + w, 4);
}

/// One int8 row of k inputs, a multiple of 16, into its column; zeros where the scale is 0 or NaN.
static void PACK_NAME(int8)(const float *row, float scale, ptrdiff_t k, uint8_t *column) {
  for (ptrdiff_t i = 0; i < k; i += 16) {
    PACK_NAME(floats) value = scale > 0 ? PACK_NAME(load)(row + i) / scale : (PACK_NAME(floats))0.0f;
    PACK_NAME(integers) integers = PACK_NAME(rounded)(value, -127, 127) + 128;
    PACK_NAME(scatter)(__builtin_convertvector(integers, PACK_NAME(bytes)), column + i / 4 * 64);
  }
}

/// One bf16 row of k inputs, a multiple of 16, into its column: a pair to a word, the first in the low half.
static void PACK_NAME(bf16)(const float *row, ptrdiff_t k, uint8_t *column) {
  for (ptrdiff_t i = 0; i < k; i += 16) {
    PACK_NAME(words) bits;
    memcpy(&bits, row + i, sizeof bits);
    PACK_NAME(words) nearest = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16, quiet = bits >> 16 | 0x40u;
    nearest = (bits & 0x7fffffffu) > 0x7f800000u ? quiet : nearest;
    PACK_NAME(halves) halves = __builtin_convertvector(nearest, PACK_NAME(halves));
    uint32_t words[8];
    memcpy(words, &halves, sizeof words);
    for (int w = 0; w < 8; w++) memcpy(column + (i / 2 + w) * 64, words + w, 4);
  }
}

/// The squared error of a group of 64 at a scale.
PACK_INLINE float PACK_NAME(int4_error)(const PACK_NAME(floats) values[4], float scale) {
  PACK_NAME(floats) error = 0.0f;
  float inverse = 1 / scale;
  _Pragma("clang loop unroll(full)") for (int v = 0; v < 4; v++) {
    PACK_NAME(integers) integers = PACK_NAME(rounded)(values[v] * inverse, -8, 7);
    PACK_NAME(floats) left = values[v] - __builtin_convertvector(integers, PACK_NAME(floats)) * scale;
    error += left * left;
  }
  __typeof__(error.lo) eight = error.lo + error.hi;
  __typeof__(eight.lo) four = eight.lo + eight.hi;
  __typeof__(four.lo) two = four.lo + four.hi;
  return two.x + two.y;
}

/// The scale of a group of int4 weights, rounded to bf16: the best of several, of either sign, as there are more
/// integers below zero than above.
PACK_INLINE float PACK_NAME(int4_scale)(const PACK_NAME(floats) values[4]) {
  float all[64];
  memcpy(all, values, sizeof all);
  float greatest = PACK_NAME(greatest_magnitude)(all, 64);
  if (!(greatest > 0x1p-100f)) return greatest > 0 ? 0 : greatest;  // 0, tiny or NaN
  static const float steps[] = {8, 7, 7.5f, 8.5f};
  float best = 0, least = INFINITY;
  for (int step = 0; step < 8; step++) {
    uint32_t bits = (uint32_t)fs_nearest_bf16((step % 2 ? -greatest : greatest) / steps[step / 2]) << 16;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    float error = PACK_NAME(int4_error)(values, scale);
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

/// A group of 64 inputs of an int4 row: its scale to `half`, its integers to words 64 bytes apart.
static void PACK_NAME(int4)(const float *group, uint8_t *half, uint8_t *column) {
  PACK_NAME(floats) values[4];
  for (int v = 0; v < 4; v++) values[v] = PACK_NAME(load)(group + 16 * v);
  float scale = PACK_NAME(int4_scale)(values), inverse = scale == 0 || scale != scale ? 0 : 1 / scale;
  uint16_t bits = fs_nearest_bf16(scale);
  memcpy(half, &bits, 2);
  for (int v = 0; v < 4; v++) {
    PACK_NAME(integers) integers = 8;
    if (inverse != 0) integers += PACK_NAME(rounded)(values[v] * inverse, -8, 7);
    PACK_NAME(bytes) bytes = __builtin_convertvector(integers, PACK_NAME(bytes));
    uint32_t words[4];  // four inputs in the low halves of four bytes, the next four in the high ones
    memcpy(words, &bytes, sizeof words);
    for (int w = 0; w < 2; w++) {
      uint32_t both = words[2 * w] | words[2 * w + 1] << 4;
      memcpy(column + (2 * v + w) * 64, &both, 4);
    }
  }
}
#undef PACK_INLINE
