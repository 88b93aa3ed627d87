// bf16 weights in 12 bits, without loss. At the end f32 weights in 16.
//
// Sign and mantissa of a bf16 take a byte and look random; the exponents of a matrix are nearly all among a few neighbours,
// which is what DFloat11 (arXiv 2504.11651) and ZipNN (arXiv 2411.05239) gain from with codes of variable length. Here each
// weight has a code of four bits for its exponent, the place of that exponent in a table of sixteen that occur often
// nearby, neighbours where those do: a table lookup in a register for 64 weights at a time. The few others stand in a list.
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

enum { LINE_WORDS = 32, STEP_WORDS = FS_COMPACT_STEP_LINES * LINE_WORDS };

static ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

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

// Units are longer than a register; nothing passes them on by value.
#pragma clang diagnostic ignored "-Wpsabi"
#define COMPACT_NAME(name) compact_##name##_plain
#include "compact_units.h"
#undef COMPACT_NAME
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#define COMPACT_NAME(name) compact_##name##_avx2
#include "compact_units.h"
#undef COMPACT_NAME
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)
#define COMPACT_NAME(name) compact_##name##_avx512
#include "compact_units.h"
#undef COMPACT_NAME
#pragma clang attribute pop
#endif

typedef bool unit_function(const uint16_t *lines, const uint8_t *table, uint8_t *to);
typedef struct unit_functions {
  unit_function *of_table, *of_range;
} unit_functions;

static unit_functions best_functions(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    return (unit_functions){compact_unit_avx512, compact_unit_in_range_avx512};
  if (__builtin_cpu_supports("avx2")) return (unit_functions){compact_unit_avx2, compact_unit_in_range_avx2};
#endif
  return (unit_functions){compact_unit_plain, compact_unit_in_range_plain};
}

/// How often each exponent occurs in one of `every` so many lines.
static void count_exponents(const uint16_t *words, ptrdiff_t lines, ptrdiff_t every, uint32_t frequency[256]) {
  uint32_t counts[4][256] = {{0}};  // counting neighbours apart need not wait for one another
  for (ptrdiff_t line = 0; line < lines; line += every)
    for (ptrdiff_t i = line * LINE_WORDS; i < (line + 1) * LINE_WORDS; i += 4)
      for (int j = 0; j < 4; j++) counts[j][(words[i + j] >> 7) & 0xff]++;
  for (int exponent = 0; exponent < 256; exponent++)
    frequency[exponent] = counts[0][exponent] + counts[1][exponent] + counts[2][exponent] + counts[3][exponent];
}

/// The sixteen neighbours that occur most often.
static void choose_range(const uint32_t frequency[256], uint8_t *table) {
  uint32_t sum = 0, greatest = 0;
  int first = 0;
  for (int exponent = 0; exponent < 256; exponent++) {
    sum += frequency[exponent];
    if (exponent < 15) continue;
    if (sum > greatest) greatest = sum, first = exponent - 15;
    sum -= frequency[exponent - 15];
  }
  for (int code = 0; code < 16; code++) table[code] = (uint8_t)(first + code);
}

/// The sixteen that occur most often, the smaller one among equals.
static void choose_table(uint32_t frequency[256], uint8_t *table) {
  for (int code = 0; code < 16; code++) {
    int best = 0;
    for (int exponent = 1; exponent < 256; exponent++)
      if (frequency[exponent] > frequency[best]) best = exponent;
    table[code] = (uint8_t)best;  // twice where fewer occur: no weight can tell
    frequency[best] = 0;
  }
}

/// Writes the list and the units of a chunk whose table is made; false where the list is too short.
static bool compact_units(unit_function *unit_of, const uint16_t *words, ptrdiff_t steps, char *to) {
  enum { UNIT_WORDS = 4 * LINE_WORDS };
  const uint8_t *table = (const uint8_t *)to;
  uint32_t *others = (uint32_t *)(to + 16);
  ptrdiff_t head = fs_compact_head(steps), room = (head - 16) / 4, used = 0;
  memset(others, 0xff, (size_t)room * 4);
  for (ptrdiff_t unit = 0; unit < steps * STEP_WORDS / UNIT_WORDS; unit++) {
    const uint16_t *from = words + unit * UNIT_WORDS;
    if (unit_of(from, table, (uint8_t *)to + head + unit * FS_COMPACT_UNIT)) continue;
    for (ptrdiff_t i = 0; i < UNIT_WORDS; i++) {
      if (memchr(table, (from[i] >> 7) & 0xff, 16)) continue;
      if (used == room) return false;
      others[used++] = (uint32_t)(unit * UNIT_WORDS + i) << 16 | from[i];
    }
  }
  return true;
}

/// Neighbours among the exponents nearly always do, and some lines tell which.
static bool compact_chunk(unit_functions functions, const uint16_t *words, ptrdiff_t steps, char *to) {
  uint32_t frequency[256];
  ptrdiff_t lines = steps * FS_COMPACT_STEP_LINES;
  count_exponents(words, lines, 8, frequency);
  choose_range(frequency, (uint8_t *)to);
  if (compact_units(functions.of_range, words, steps, to)) return true;
  count_exponents(words, lines, 1, frequency);
  choose_table(frequency, (uint8_t *)to);
  return compact_units(functions.of_table, words, steps, to);
}

/// A panel of f32 as one of bf16; false where that would round.
static bool halve_panel(const void *panel, ptrdiff_t k, void *compact) {
  const uint32_t *from = panel;
  uint16_t *to = compact;
  uint32_t lost = 0;
  memset(to, 0, fs_panel_bytes(FS_FORMAT_F32_COMPACT, k));
  for (ptrdiff_t i = 0; i < k; i++)
    for (ptrdiff_t n = 0; n < FS_PANEL_COLUMNS; n++) {
      uint32_t bits = from[i * FS_PANEL_COLUMNS + n];
      lost |= bits & 0xffff;
      to[(i / 2 * FS_PANEL_COLUMNS + n) * 2 + i % 2] = (uint16_t)(bits >> 16);
    }
  return !lost;
}

fs_format fs_compact_format(fs_format format) {
  return format == FS_FORMAT_BF16 ? FS_FORMAT_BF16_COMPACT : format == FS_FORMAT_F32 ? FS_FORMAT_F32_COMPACT : format;
}

bool fs_compact_panel(fs_format format, const void *panel, ptrdiff_t k, void *compact) {
  if (format == FS_FORMAT_F32) return halve_panel(panel, k, compact);
  const uint16_t *words = panel;
  char *to = compact;
  unit_functions functions = best_functions();
  for (ptrdiff_t left = (k + 31) / 32, steps; left > 0; left -= steps) {
    steps = smaller(left, FS_COMPACT_CHUNK);
    if (!compact_chunk(functions, words, steps, to)) return false;
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
