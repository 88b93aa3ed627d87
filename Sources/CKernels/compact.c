// bf16 weights in 12 bits, without loss.
//
// Sign and mantissa of a bf16 take a byte and look random; the exponents of a matrix are nearly all among a few neighbours,
// which is what DFloat11 (arXiv 2504.11651) and ZipNN (arXiv 2411.05239) gain from with codes of variable length. Here each
// weight has a code of four bits for its exponent, the place of that exponent in a table of the sixteen that occur most
// often nearby: a table lookup in a register for 64 weights at a time. The few others stand in a list.
//
// A panel is cut into chunks of 32 steps, the last one perhaps shorter; a step is 32 inputs, which are 16 lines of the
// plain panel. A chunk is its head, then its steps:
//
//     head   table, uint8 [16]; others, uint32 [12] for up to 16 steps, [28] for more: bf16 in the low half, its
//            place among the chunk's plain 16-bit words in the high half, ascending, all bits set behind the last
//     step   four units; a unit is four plain lines a, b, c, d in three: codes, bytes of a and b, bytes of c and d
//
// In a unit's lines every sixteen bytes belong to eight words of each plain line: bytes 0-7 to the first line, 8-15 to the
// second. A code byte serves a or b with its low half and c or d with its high half. A byte of a weight is its mantissa
// with the sign as the lowest bit, so that exponent and byte are the weight rotated left by one.
#include <string.h>

#include "kernels.h"

enum { LINE_WORDS = 32, STEP_WORDS = FS_COMPACT_STEP_LINES * LINE_WORDS, NO_CODE = 0x80 };

static ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

static uint16_t rotated_left(uint16_t word) { return (uint16_t)(word << 1 | word >> 15); }
static uint16_t rotated_right(uint16_t word) { return (uint16_t)(word >> 1 | word << 15); }

/// Where byte and code of a word of a step stand from the step's beginning, and how far the code is shifted.
typedef struct word_place {
  ptrdiff_t byte, code;
  int shift;
} word_place;

static word_place place_of(ptrdiff_t word) {
  ptrdiff_t line = word / LINE_WORDS, column = word % LINE_WORDS;
  ptrdiff_t at = column / 8 * 16 + line % 2 * 8 + column % 8;
  ptrdiff_t unit = line / 4 * FS_COMPACT_UNIT;
  return (word_place){unit + 64 + line % 4 / 2 * 64 + at, unit + at, line % 4 / 2 * 4};
}

/// The sixteen most frequent exponents of some words (a multiple of four), the smaller one among equals, and the code of
/// each exponent or NO_CODE.
static void choose_table(const uint16_t *words, ptrdiff_t count, uint8_t *table, uint8_t *codes) {
  uint32_t frequency[4][256] = {{0}};  // counting neighbours apart need not wait for one another
  for (ptrdiff_t i = 0; i < count; i += 4)
    for (int j = 0; j < 4; j++) frequency[j][(words[i + j] >> 7) & 0xff]++;
  for (int exponent = 0; exponent < 256; exponent++)
    frequency[0][exponent] += frequency[1][exponent] + frequency[2][exponent] + frequency[3][exponent];
  memset(codes, NO_CODE, 256);
  for (int code = 0; code < 16; code++) {
    int best = -1;
    for (int exponent = 0; exponent < 256; exponent++)
      if (codes[exponent] == NO_CODE && (best < 0 || frequency[0][exponent] > frequency[0][best])) best = exponent;
    table[code] = (uint8_t)best;
    codes[best] = (uint8_t)code;
  }
}

/// Writes a unit; returns the codes of its weights or'ed together, so NO_CODE or more where one has none.
static uint8_t compact_unit(const uint16_t *words, const uint8_t *codes, uint8_t *unit) {
  uint8_t seen = 0;
  for (ptrdiff_t half = 0; half < 2; half++)
    for (ptrdiff_t line = 0; line < 2; line++)
      for (ptrdiff_t column = 0; column < LINE_WORDS; column++) {
        uint16_t rotated = rotated_left(words[(2 * half + line) * LINE_WORDS + column]);
        ptrdiff_t at = column / 8 * 16 + line * 8 + column % 8;
        uint8_t code = codes[rotated >> 8];
        seen |= code;
        unit[64 + 64 * half + at] = (uint8_t)rotated;
        unit[at] = half ? (uint8_t)(unit[at] | code << 4) : code & 15;
      }
  return seen;
}

static bool compact_chunk(const uint16_t *words, ptrdiff_t steps, char *to) {
  enum { UNIT_WORDS = 4 * LINE_WORDS };
  uint32_t *others = (uint32_t *)(to + 16);
  ptrdiff_t head = fs_compact_head(steps), room = (head - 16) / 4, used = 0;
  uint8_t codes[256];
  choose_table(words, steps * STEP_WORDS, (uint8_t *)to, codes);
  memset(others, 0xff, (size_t)room * 4);
  for (ptrdiff_t unit = 0; unit < steps * STEP_WORDS / UNIT_WORDS; unit++) {
    const uint16_t *from = words + unit * UNIT_WORDS;
    if (compact_unit(from, codes, (uint8_t *)to + head + unit * FS_COMPACT_UNIT) < NO_CODE) continue;
    for (ptrdiff_t i = 0; i < UNIT_WORDS; i++) {
      if (codes[(from[i] >> 7) & 0xff] != NO_CODE) continue;
      if (used == room) return false;
      others[used++] = (uint32_t)(unit * UNIT_WORDS + i) << 16 | from[i];
    }
  }
  return true;
}

bool fs_compact_panel(const void *panel, ptrdiff_t k, void *compact) {
  const uint16_t *words = panel;
  char *to = compact;
  for (ptrdiff_t left = (k + 31) / 32, steps; left > 0; left -= steps) {
    steps = smaller(left, FS_COMPACT_CHUNK);
    if (!compact_chunk(words, steps, to)) return false;
    words += steps * STEP_WORDS;
    to += fs_compact_chunk_bytes(steps);
  }
  return true;
}

/// One word of a chunk, but for those that stand in the list.
static uint16_t word_of(const char *chunk, ptrdiff_t steps, ptrdiff_t i) {
  const char *step = chunk + fs_compact_head(steps) + i / STEP_WORDS * FS_COMPACT_STEP;
  word_place place = place_of(i % STEP_WORDS);
  uint8_t exponent = ((const uint8_t *)chunk)[((uint8_t)step[place.code] >> place.shift) & 15];
  return rotated_right((uint16_t)(exponent << 8 | (uint8_t)step[place.byte]));
}

void fs_expand_panel(const void *compact, ptrdiff_t k, void *panel) {
  const char *chunk = compact;
  uint16_t *words = panel;
  for (ptrdiff_t left = (k + 31) / 32, steps; left > 0; left -= steps) {
    steps = smaller(left, FS_COMPACT_CHUNK);
    for (ptrdiff_t i = 0; i < steps * STEP_WORDS; i++) words[i] = word_of(chunk, steps, i);
    const uint32_t *others = (const uint32_t *)(chunk + 16);
    for (ptrdiff_t n = 0; n < (fs_compact_head(steps) - 16) / 4; n++)
      if ((ptrdiff_t)(others[n] >> 16) < steps * STEP_WORDS) words[others[n] >> 16] = (uint16_t)others[n];
    words += steps * STEP_WORDS;
    chunk += fs_compact_chunk_bytes(steps);
  }
}

void fs_compact_row(const void *compact, ptrdiff_t lane, ptrdiff_t k, float *row) {
  const char *chunk = compact;
  enum { CHUNK_INPUTS = FS_COMPACT_CHUNK * 32 };
  for (ptrdiff_t begin = 0; begin < k; begin += CHUNK_INPUTS) {
    ptrdiff_t steps = smaller((k - begin + 31) / 32, FS_COMPACT_CHUNK), inputs = smaller(k - begin, CHUNK_INPUTS);
    for (ptrdiff_t i = 0; i < inputs; i++) {
      uint32_t bits = (uint32_t)word_of(chunk, steps, i / 2 * LINE_WORDS + lane * 2 + i % 2) << 16;
      memcpy(row + begin + i, &bits, sizeof bits);
    }
    const uint32_t *others = (const uint32_t *)(chunk + 16);
    for (ptrdiff_t n = 0; n < (fs_compact_head(steps) - 16) / 4; n++) {
      ptrdiff_t word = others[n] >> 16, i = word / LINE_WORDS * 2 + word % 2;
      uint32_t bits = others[n] << 16;
      if (word % LINE_WORDS / 2 == lane && i < inputs) memcpy(row + begin + i, &bits, sizeof bits);
    }
    chunk += fs_compact_chunk_bytes(steps);
  }
}
