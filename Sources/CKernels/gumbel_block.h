// The part of a draw that takes time: noise and what it can reach for 64 tokens at once. Include inside the target pragma
// of an instruction set, with GUMBEL_NAME(name) giving the functions names of their own. Integer noise is exact and the
// floats are only bounds, so that every set passes over tokens that cannot win and none that can.

typedef uint32_t GUMBEL_NAME(words) __attribute__((ext_vector_type(16)));
typedef uint64_t GUMBEL_NAME(halves) __attribute__((ext_vector_type(8)));
typedef float GUMBEL_NAME(floats) __attribute__((ext_vector_type(16)));
typedef int32_t GUMBEL_NAME(integers) __attribute__((ext_vector_type(16)));

/// The greatest of sixteen, by halves: as many steps as there are bits, where a plain loop has one a number.
static inline __attribute__((always_inline)) float GUMBEL_NAME(greatest)(GUMBEL_NAME(floats) x) {
  __typeof__(x.lo) eight = x.lo > x.hi ? x.lo : x.hi;
  __typeof__(eight.lo) four = eight.lo > eight.hi ? eight.lo : eight.hi;
  __typeof__(four.lo) two = four.lo > four.hi ? four.lo : four.hi;
  return two.x > two.y ? two.x : two.y;
}

// Products of 32 bits by 32, the low words and the high words apart.
static inline __attribute__((always_inline)) void GUMBEL_NAME(multiply)(const GUMBEL_NAME(words) * x, uint32_t by,
                                                                       GUMBEL_NAME(words) * low,
                                                                       GUMBEL_NAME(words) * high) {
  GUMBEL_NAME(halves) both, even, odd;
  memcpy(&both, x, sizeof both);
  const uint64_t mask = 0xffffffffu;
  even = (both & mask) * (uint64_t)by;
  odd = (both >> 32) * (uint64_t)by;
  GUMBEL_NAME(halves) lows = (even & mask) | (odd << 32), highs = (even >> 32) | (odd & ~mask);
  memcpy(low, &lows, sizeof lows);
  memcpy(high, &highs, sizeof highs);
}

/// The words of COUNTERS consecutive counters from `first` on; word w of counter i is words[w][i].
static void GUMBEL_NAME(philox_block)(uint32_t first, uint64_t position, uint32_t key0, uint32_t key1,
                                      uint32_t words[4][COUNTERS]) {
  GUMBEL_NAME(words) a, b = (uint32_t)position, c = (uint32_t)(position >> 32), d = 0;
  for (int i = 0; i < COUNTERS; i++) a[i] = first + (uint32_t)i;
  for (int round = 0; round < 10; round++) {
    GUMBEL_NAME(words) low0, high0, low1, high1;
    GUMBEL_NAME(multiply)(&a, MULTIPLIER0, &low0, &high0);
    GUMBEL_NAME(multiply)(&c, MULTIPLIER1, &low1, &high1);
    a = high1 ^ b ^ key0;
    c = high0 ^ d ^ key1;
    b = low1;
    d = low0;
    key0 += WEYL0;
    key1 += WEYL1;
  }
  memcpy(words[0], &a, sizeof a);
  memcpy(words[1], &b, sizeof b);
  memcpy(words[2], &c, sizeof c);
  memcpy(words[3], &d, sizeof d);
}

/// Numbers that scaled logit and noise together do not exceed, by token; returns the greatest. The words are those of
/// philox_block, the logits those of TOKENS tokens.
static float GUMBEL_NAME(reach)(uint32_t words[4][COUNTERS], const float *logits, float greatest, float scale,
                                float *reach) {
  GUMBEL_NAME(floats) bounds[4];
  for (int w = 0; w < 4; w++) {
    GUMBEL_NAME(integers) word;
    memcpy(&word, words[w], sizeof word);
    // Since -ln u >= 1 - u, the noise is at most -ln(1 - u), and 1 - u = (~word + 1/2) / 2^32. The bits of a float, read as
    // a number, are 2^23 (log2 + 127) or a little less.
    GUMBEL_NAME(integers) high = (~word >> 8) & 0xffffff;
    GUMBEL_NAME(floats) value = __builtin_convertvector(high, GUMBEL_NAME(floats));
    GUMBEL_NAME(integers) bits;
    memcpy(&bits, &value, sizeof bits);
    bounds[w] = (151.0f - __builtin_convertvector(bits, GUMBEL_NAME(floats)) * 0x1p-23f) * 0.6931473f + 1e-4f;
  }
  // From words of counters to tokens: pairs of words, then pairs of pairs.
#define GUMBEL_JOIN(x, y, from)                                                                                        \
  __builtin_shufflevector(x, y, from, from + 16, from + 1, from + 17, from + 2, from + 18, from + 3, from + 19, from + 4, \
                          from + 20, from + 5, from + 21, from + 6, from + 22, from + 7, from + 23)
#define GUMBEL_JOIN_PAIRS(x, y, from)                                                                                  \
  __builtin_shufflevector(x, y, from, from + 1, from + 16, from + 17, from + 2, from + 3, from + 18, from + 19, from + 4, \
                          from + 5, from + 20, from + 21, from + 6, from + 7, from + 22, from + 23)
  GUMBEL_NAME(floats) low = GUMBEL_JOIN(bounds[0], bounds[1], 0), low2 = GUMBEL_JOIN(bounds[2], bounds[3], 0);
  GUMBEL_NAME(floats) high = GUMBEL_JOIN(bounds[0], bounds[1], 8), high2 = GUMBEL_JOIN(bounds[2], bounds[3], 8);
  bounds[0] = GUMBEL_JOIN_PAIRS(low, low2, 0);
  bounds[1] = GUMBEL_JOIN_PAIRS(low, low2, 8);
  bounds[2] = GUMBEL_JOIN_PAIRS(high, high2, 0);
  bounds[3] = GUMBEL_JOIN_PAIRS(high, high2, 8);
#undef GUMBEL_JOIN
#undef GUMBEL_JOIN_PAIRS
  GUMBEL_NAME(floats) most = -INFINITY;
  for (int i = 0; i < 4; i++) {
    GUMBEL_NAME(floats) logit;
    memcpy(&logit, logits + 16 * i, sizeof logit);
    bounds[i] += (logit - greatest) * scale;
    most = bounds[i] > most ? bounds[i] : most;
  }
  memcpy(reach, bounds, sizeof bounds);
  return GUMBEL_NAME(greatest)(most);
}

/// The greatest of TOKENS numbers.
static float GUMBEL_NAME(highest)(const float *x) {
  GUMBEL_NAME(floats) most = -INFINITY;
  for (int i = 0; i < TOKENS; i += 16) {
    GUMBEL_NAME(floats) value;
    memcpy(&value, x + i, sizeof value);
    most = value > most ? value : most;
  }
  return GUMBEL_NAME(greatest)(most);
}
