// A unit of compact weights from four plain lines. Include inside the target pragma of an instruction set, with
// COMPACT_NAME(name) giving the functions names of their own; every set leaves the same bytes.

typedef uint16_t COMPACT_NAME(words) __attribute__((ext_vector_type(32)));
typedef uint8_t COMPACT_NAME(bytes) __attribute__((ext_vector_type(32)));
typedef uint64_t COMPACT_NAME(eights) __attribute__((ext_vector_type(4)));

/// Eight bytes of each of two lines in turn.
static inline __attribute__((always_inline)) void COMPACT_NAME(interleave)(COMPACT_NAME(bytes) first,
                                                                          COMPACT_NAME(bytes) second, uint8_t *to) {
  COMPACT_NAME(eights) a, b;
  memcpy(&a, &first, sizeof a);
  memcpy(&b, &second, sizeof b);
  COMPACT_NAME(eights) low = __builtin_shufflevector(a, b, 0, 4, 1, 5), high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  memcpy(to, &low, sizeof low);
  memcpy(to + 32, &high, sizeof high);
}

/// Writes the unit of four lines; whether all its weights have a code. `is_range`: the table's exponents are neighbours,
/// ascending.
static inline __attribute__((always_inline)) bool COMPACT_NAME(unit_of)(const uint16_t *lines, const uint8_t *table,
                                                                       uint8_t *to, bool is_range) {
  COMPACT_NAME(bytes) codes[4], bytes[4], all = 0xff;
  for (int line = 0; line < 4; line++) {
    COMPACT_NAME(words) word;
    memcpy(&word, lines + line * LINE_WORDS, sizeof word);
    word = word << 1 | word >> 15;
    bytes[line] = __builtin_convertvector(word & 0xff, COMPACT_NAME(bytes));
    COMPACT_NAME(bytes) exponents = __builtin_convertvector(word >> 8, COMPACT_NAME(bytes)), code = 0, found = 0;
    if (is_range) {
      code = exponents - table[0];
      found = (COMPACT_NAME(bytes))(code < (uint8_t)16);
      code &= found;
    } else {
      for (int c = 0; c < 16; c++) {
        COMPACT_NAME(bytes) same = (COMPACT_NAME(bytes))(exponents == (COMPACT_NAME(bytes))table[c]);
        code = (code & ~same) | (same & (uint8_t)c);  // the last of equal ones
        found |= same;
      }
    }
    codes[line] = code;
    all &= found;
  }
  COMPACT_NAME(interleave)(codes[0] | codes[2] << 4, codes[1] | codes[3] << 4, to);
  COMPACT_NAME(interleave)(bytes[0], bytes[1], to + 64);
  COMPACT_NAME(interleave)(bytes[2], bytes[3], to + 128);
  return __builtin_reduce_and(all) == 0xff;
}

static bool COMPACT_NAME(unit)(const uint16_t *lines, const uint8_t *table, uint8_t *to) {
  return COMPACT_NAME(unit_of)(lines, table, to, false);
}

static bool COMPACT_NAME(unit_in_range)(const uint16_t *lines, const uint8_t *table, uint8_t *to) {
  return COMPACT_NAME(unit_of)(lines, table, to, true);
}
