// Weight panels and checkpoint element types.
#include <math.h>
#include <string.h>

#include "kernels.h"

static uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

size_t fs_panel_bytes(fs_format format, ptrdiff_t k) {
  size_t lines32 = (size_t)(k + 31) / 32 * 16, lines64 = (size_t)(k + 63) / 64 * 16;
  switch (format) {
    case FS_FORMAT_F32: return (size_t)k * 64;
    case FS_FORMAT_BF16:
    case FS_FORMAT_F32_COMPACT: return lines32 * 64;
    case FS_FORMAT_INT8: return lines64 * 64 + 64;
    case FS_FORMAT_INT4: return (lines64 / 2 + (size_t)fs_groups(k)) * 64;
    case FS_FORMAT_BF16_COMPACT: {
      ptrdiff_t steps = (k + 31) / 32;
      return (size_t)(steps / FS_COMPACT_CHUNK * fs_compact_chunk_bytes(FS_COMPACT_CHUNK) +
                      fs_compact_chunk_bytes(steps % FS_COMPACT_CHUNK));
    }
  }
  return 0;
}

/// The scales behind the weights of an int8 panel.
static float *int8_scales(const void *panel, ptrdiff_t k) {
  return (float *)((char *)panel + fs_panel_bytes(FS_FORMAT_INT8, k)) - FS_PANEL_COLUMNS;
}

// Sixteen floats have no calling convention without AVX-512. None is needed: all functions that take them are inlined.
#pragma clang diagnostic ignored "-Wpsabi"
#define PACK_NAME(name) name##_plain
#include "pack_rows.h"
#undef PACK_NAME
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#define PACK_NAME(name) name##_avx2
#include "pack_rows.h"
#undef PACK_NAME
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)
#define PACK_NAME(name) name##_avx512
#include "pack_rows.h"
#undef PACK_NAME
#pragma clang attribute pop
#endif

typedef struct row_functions {
  float (*greatest_magnitude)(const float *row, ptrdiff_t k);
  void (*bf16)(const float *row, ptrdiff_t k, uint8_t *column);
  void (*int8)(const float *row, float scale, ptrdiff_t k, uint8_t *column);
  void (*int4)(const float *group, uint8_t *half, uint8_t *column);
} row_functions;

static row_functions best_functions(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    return (row_functions){greatest_magnitude_avx512, bf16_avx512, int8_avx512, int4_avx512};
  if (__builtin_cpu_supports("avx2")) return (row_functions){greatest_magnitude_avx2, bf16_avx2, int8_avx2, int4_avx2};
#endif
  return (row_functions){greatest_magnitude_plain, bf16_plain, int8_plain, int4_plain};
}

static void store_float(float *destination, ptrdiff_t i, uint32_t bits) { memcpy(destination + i, &bits, 4); }

/// Weight i of column `lane` of an int4 panel.
static float int4_weight(const uint8_t *panel, ptrdiff_t lane, ptrdiff_t i) {
  const uint8_t *block = panel + i / FS_GROUP * FS_INT4_BLOCK;
  ptrdiff_t at = i % FS_GROUP;
  uint8_t both = block[64 + (at / 8 * FS_PANEL_COLUMNS + lane) * 4 + at % 4];
  uint16_t half;
  memcpy(&half, block + (at / FS_GROUP_HALF * FS_PANEL_COLUMNS + lane) * 2, 2);
  uint32_t bits = (uint32_t)half << 16;
  float scale;
  memcpy(&scale, &bits, sizeof scale);
  return (float)((at % 8 < 4 ? both & 15 : both >> 4) - 8) * scale;
}

void fs_unpack_row(fs_format format, const void *panel, ptrdiff_t lane, ptrdiff_t k, float *row) {
  switch (format) {
    case FS_FORMAT_F32:
      for (ptrdiff_t i = 0; i < k; i++) row[i] = ((const float *)panel)[i * FS_PANEL_COLUMNS + lane];
      break;
    case FS_FORMAT_BF16:
    case FS_FORMAT_F32_COMPACT: {
      const uint16_t *from = (const uint16_t *)panel + lane * 2;
      for (ptrdiff_t i = 0; i < k; i++)
        store_float(row, i, (uint32_t)from[i / 2 * 2 * FS_PANEL_COLUMNS + i % 2] << 16);
      break;
    }
    case FS_FORMAT_INT8: {
      float scale = int8_scales(panel, k)[lane];
      const uint8_t *from = (const uint8_t *)panel + lane * 4;
      for (ptrdiff_t i = 0; i < k; i++) row[i] = (float)(from[i / 4 * 64 + i % 4] - 128) * scale;
      break;
    }
    case FS_FORMAT_INT4:
      for (ptrdiff_t i = 0; i < k; i++) row[i] = int4_weight(panel, lane, i);
      break;
    case FS_FORMAT_BF16_COMPACT: fs_compact_row(panel, lane, k, row); break;
  }
}

/// Sets a panel's weights to zero.
static void clear_panel(fs_format format, ptrdiff_t k, void *panel) {
  size_t bytes = fs_panel_bytes(format, k);
  memset(panel, format == FS_FORMAT_INT8 ? 0x80 : format == FS_FORMAT_INT4 ? 0x88 : 0, bytes);
  if (format == FS_FORMAT_INT8) memset(int8_scales(panel, k), 0, 64);
  if (format == FS_FORMAT_INT4)
    for (ptrdiff_t g = 0; g < fs_groups(k); g++) memset((char *)panel + g * FS_INT4_BLOCK, 0, 64);
}

/// Inputs [begin, end) of a row into column n of a panel, and zeros up to where its format ends.
static void pack_part(row_functions functions, fs_format format, const float *row, ptrdiff_t begin, ptrdiff_t end,
                      ptrdiff_t k, ptrdiff_t n, uint8_t *panel) {
  enum { PART = FS_GROUP_HALF };
  float last[PART] = {0};
  const float *from = row + begin;
  if (end - begin < PART) memcpy(last, from, (size_t)(end - begin) * sizeof(float)), from = last;
  switch (format) {
    case FS_FORMAT_F32:
      for (ptrdiff_t i = begin; i < end; i++) ((float *)panel)[i * FS_PANEL_COLUMNS + n] = row[i];
      break;
    case FS_FORMAT_BF16:
      // A panel of bf16 ends with a multiple of 32 inputs.
      functions.bf16(from, (end - begin + 31) / 32 * 32, panel + (begin / 2 * FS_PANEL_COLUMNS + n) * 4);
      break;
    case FS_FORMAT_INT8:
      functions.int8(from, int8_scales(panel, k)[n], PART, panel + (begin / 4 * FS_PANEL_COLUMNS + n) * 4);
      break;
    case FS_FORMAT_INT4: {
      uint8_t *block = panel + begin / FS_GROUP * FS_INT4_BLOCK;
      ptrdiff_t side = begin / FS_GROUP_HALF % 2;
      functions.int4(from, block + (side * FS_PANEL_COLUMNS + n) * 2, block + 64 + side * 8 * 64 + n * 4);
      break;
    }
    case FS_FORMAT_BF16_COMPACT:
    case FS_FORMAT_F32_COMPACT: break;
  }
}

void fs_pack_panel(fs_format format, const float *rows, ptrdiff_t row_stride, ptrdiff_t row_count, ptrdiff_t k,
                   void *panel) {
  row_functions functions = best_functions();
  if (row_count < FS_PANEL_COLUMNS || (format == FS_FORMAT_INT4 && k % FS_GROUP)) clear_panel(format, k, panel);
  if (format == FS_FORMAT_INT8)
    for (ptrdiff_t n = 0; n < row_count; n++)
      int8_scales(panel, k)[n] = functions.greatest_magnitude(rows + n * row_stride, k) / 127;
  // So many inputs at a time that the lines being written stay in the first cache.
  for (ptrdiff_t begin = 0; begin < k; begin += FS_GROUP_HALF) {
    ptrdiff_t end = k - begin < FS_GROUP_HALF ? k : begin + FS_GROUP_HALF;
    for (ptrdiff_t n = 0; n < row_count; n++)
      pack_part(functions, format, rows + n * row_stride, begin, end, k, n, panel);
  }
}

/// A small float's bits, moved so that its exponent field starts at bit 23, times 2^(difference of the biases): exact
/// for normal and subnormal numbers alike.
static uint32_t rebias(uint32_t magnitude, float factor) {
  float value;
  memcpy(&value, &magnitude, sizeof value);
  return bits_of(value * factor);
}

void fs_to_float(fs_dtype dtype, const void *source, ptrdiff_t n, float *destination) {
  const unsigned char *bytes = source;  // any alignment
  switch (dtype) {
    case FS_DTYPE_F32:
      if (n > 0) memcpy(destination, source, (size_t)n * sizeof(float));
      break;
    case FS_DTYPE_BF16:
      for (ptrdiff_t i = 0; i < n; i++) {
        uint16_t half;
        memcpy(&half, bytes + 2 * i, 2);
        store_float(destination, i, (uint32_t)half << 16);
      }
      break;
    case FS_DTYPE_F16:
      for (ptrdiff_t i = 0; i < n; i++) {
        uint16_t half;
        memcpy(&half, bytes + 2 * i, 2);
        uint32_t magnitude = half & 0x7fffu, bits = rebias(magnitude << 13, 0x1p112f);
        bits |= magnitude >= 0x7c00 ? 0x7f800000u : 0;  // infinity and NaN
        store_float(destination, i, bits | (uint32_t)(half & 0x8000u) << 16);
      }
      break;
    case FS_DTYPE_F8_E4M3:
      for (ptrdiff_t i = 0; i < n; i++) {
        uint32_t magnitude = bytes[i] & 0x7fu, bits = rebias(magnitude << 20, 0x1p120f);
        bits = magnitude == 0x7f ? 0x7fc00000u : bits;  // the only NaN
        store_float(destination, i, bits | (uint32_t)(bytes[i] & 0x80u) << 24);
      }
      break;
  }
}
