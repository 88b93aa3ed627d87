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
    case FS_FORMAT_BF16: return lines32 * 64;
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

/// The greatest magnitude of a row; NaN where an element is not finite.
static float greatest_magnitude(const float *row, ptrdiff_t k) {
  uint32_t greatest = 0;  // magnitudes compare as their bits do
  for (ptrdiff_t i = 0; i < k; i++) {
    uint32_t magnitude = bits_of(row[i]) & 0x7fffffff;
    greatest = magnitude > greatest ? magnitude : greatest;
  }
  float value;
  memcpy(&value, &greatest, sizeof value);
  return greatest >= 0x7f800000 ? NAN : value;
}

/// Inputs [begin, end) of one int8 row into its column; zeros where the scale is 0 or NaN.
static void int8_pack(const float *row, float scale, ptrdiff_t begin, ptrdiff_t end, uint8_t *column) {
  for (ptrdiff_t i = begin; i < end; i++) {
    float value = scale > 0 ? row[i] / scale : 0;
    value = value > 127 ? 127 : value < -127 ? -127 : value;
    // The low byte of the sum is the rounded integer.
    column[i / 4 * 64 + i % 4] = (uint8_t)(bits_of(value + FS_INTEGER_ROUND) + 128);
  }
}

/// The integer that stands for a weight at a scale.
static int32_t int4_of(float value, float inverse) {
  float scaled = value * inverse;
  scaled = scaled > 7 ? 7 : scaled < -8 ? -8 : scaled;
  return (int32_t)(bits_of(scaled + FS_INTEGER_ROUND) - FS_INTEGER_ROUND_BITS);
}

/// The squared error of a group at a scale.
static float int4_error(const float *row, ptrdiff_t k, float scale) {
  float error = 0, inverse = 1 / scale;
  for (ptrdiff_t i = 0; i < k; i++) {
    float left = row[i] - (float)int4_of(row[i], inverse) * scale;
    error += left * left;
  }
  return error;
}

/// The scale of a group of int4 weights, rounded to bf16: the best of several, of either sign, as there are more
/// integers below zero than above.
static float int4_scale(const float *row, ptrdiff_t k) {
  float greatest = greatest_magnitude(row, k);
  if (!(greatest > 0x1p-100f)) return greatest > 0 ? 0 : greatest;  // 0, tiny or NaN
  static const float steps[] = {8, 7, 7.5f, 8.5f};
  float best = 0, least = INFINITY;
  for (int step = 0; step < 8; step++) {
    uint32_t bits = (uint32_t)fs_nearest_bf16((step % 2 ? -greatest : greatest) / steps[step / 2]) << 16;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    float error = int4_error(row, k, scale);
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

/// One int4 row into its column of a panel.
static void int4_pack(const float *row, ptrdiff_t k, ptrdiff_t lane, uint8_t *panel) {
  for (ptrdiff_t begin = 0; begin < k; begin += FS_GROUP_HALF) {
    ptrdiff_t count = k - begin < FS_GROUP_HALF ? k - begin : FS_GROUP_HALF;
    uint8_t *block = panel + begin / FS_GROUP * FS_INT4_BLOCK;
    ptrdiff_t side = begin / FS_GROUP_HALF % 2;
    float scale = int4_scale(row + begin, count), inverse = scale == 0 || scale != scale ? 0 : 1 / scale;
    uint16_t half = fs_nearest_bf16(scale);
    memcpy(block + (side * FS_PANEL_COLUMNS + lane) * 2, &half, 2);
    uint8_t *column = block + 64 + side * 8 * 64 + lane * 4;
    for (ptrdiff_t i = 0; i < (count + 7) / 8 * 8; i++) {
      int32_t integer = inverse != 0 && i < count ? int4_of(row[begin + i], inverse) + 8 : 8;
      uint8_t *byte = column + i / 8 * 64 + i % 4;
      *byte = (uint8_t)(i % 8 < 4 ? integer : *byte | integer << 4);
    }
  }
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
    case FS_FORMAT_BF16: {
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

void fs_pack_panel(fs_format format, const float *rows, ptrdiff_t row_stride, ptrdiff_t row_count, ptrdiff_t k,
                   void *panel) {
  if (row_count < FS_PANEL_COLUMNS || (format != FS_FORMAT_F32 && k % 64)) clear_panel(format, k, panel);
  if (format == FS_FORMAT_INT4) {
    for (ptrdiff_t n = 0; n < row_count; n++) int4_pack(rows + n * row_stride, k, n, panel);
    return;
  }
  if (format == FS_FORMAT_INT8)
    for (ptrdiff_t n = 0; n < row_count; n++)
      int8_scales(panel, k)[n] = greatest_magnitude(rows + n * row_stride, k) / 127;
  enum { CHUNK = 64 };  // inputs at a time, so that the lines being written stay in L1
  for (ptrdiff_t begin = 0; begin < k; begin += CHUNK) {
    ptrdiff_t end = k - begin < CHUNK ? k : begin + CHUNK;
    for (ptrdiff_t n = 0; n < row_count; n++) {
      const float *row = rows + n * row_stride;
      if (format == FS_FORMAT_F32) {
        float *to = (float *)panel + n;
        for (ptrdiff_t i = begin; i < end; i++) to[i * FS_PANEL_COLUMNS] = row[i];
      } else if (format == FS_FORMAT_INT8) {
        int8_pack(row, int8_scales(panel, k)[n], begin, end, (uint8_t *)panel + 4 * n);
      } else {
        uint32_t *to = (uint32_t *)panel + n;  // a pair of inputs, the first in the low half
        for (ptrdiff_t i = begin; i + 1 < end; i += 2)
          to[i / 2 * FS_PANEL_COLUMNS] = fs_nearest_bf16(row[i]) | (uint32_t)fs_nearest_bf16(row[i + 1]) << 16;
        if (end % 2) to[end / 2 * FS_PANEL_COLUMNS] = fs_nearest_bf16(row[end - 1]);
      }
    }
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
