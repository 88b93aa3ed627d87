// Weight panels and checkpoint element types.
#include <math.h>
#include <string.h>

#include "kernels.h"

static uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// Rounds to nearest even; NaN stays NaN (made quiet), what is too large becomes infinity.
static uint16_t bf16_of(float value) {
  uint32_t bits = bits_of(value);
  uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  uint32_t quiet = (bits >> 16) | 0x40;
  return (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? quiet : rounded);
}

size_t fs_panel_bytes(fs_format format, ptrdiff_t k) {
  if (format == FS_FORMAT_INT8) return (size_t)(k + 3) / 4 * 64 + 64;
  return format == FS_FORMAT_F32 ? (size_t)k * 64 : (size_t)(k + 1) / 2 * 64;
}

/// The scales behind the weights of an int8 panel.
static float *int8_scales(const void *panel, ptrdiff_t k) {
  return (float *)((char *)panel + fs_panel_bytes(FS_FORMAT_INT8, k)) - FS_PANEL_COLUMNS;
}

/// The scale of an int8 row: NaN where an element is not finite.
static float int8_scale(const float *row, ptrdiff_t k) {
  uint32_t greatest = 0;  // magnitudes compare as their bits do
  for (ptrdiff_t i = 0; i < k; i++) {
    uint32_t magnitude = bits_of(row[i]) & 0x7fffffff;
    greatest = magnitude > greatest ? magnitude : greatest;
  }
  float value;
  memcpy(&value, &greatest, sizeof value);
  return greatest >= 0x7f800000 ? NAN : value / 127;
}

/// Inputs [begin, end) of one int8 row into a panel's column `to`; nothing where the scale is 0 or NaN.
static void int8_pack(const float *row, float scale, ptrdiff_t begin, ptrdiff_t end, int8_t *to) {
  for (ptrdiff_t i = begin; i < end; i++) {
    float value = scale > 0 ? row[i] / scale : 0;
    value = value > 127 ? 127 : value < -127 ? -127 : value;
    to[i * FS_PANEL_COLUMNS] = (int8_t)bits_of(value + 0x1.8p23f);  // the sum's low byte is the rounded integer
  }
}

static void store_float(float *destination, ptrdiff_t i, uint32_t bits) { memcpy(destination + i, &bits, 4); }

void fs_unpack_row(fs_format format, const void *panel, ptrdiff_t lane, ptrdiff_t k, float *row) {
  if (format == FS_FORMAT_F32) {
    for (ptrdiff_t i = 0; i < k; i++) row[i] = ((const float *)panel)[i * FS_PANEL_COLUMNS + lane];
  } else if (format == FS_FORMAT_INT8) {
    float scale = int8_scales(panel, k)[lane];
    for (ptrdiff_t i = 0; i < k; i++) row[i] = (float)((const int8_t *)panel)[i * FS_PANEL_COLUMNS + lane] * scale;
  } else {
    const uint16_t *from = (const uint16_t *)panel + lane * 2;
    for (ptrdiff_t i = 0; i < k; i++)
      store_float(row, i, (uint32_t)from[i / 2 * 2 * FS_PANEL_COLUMNS + i % 2] << 16);
  }
}

void fs_pack_panel(fs_format format, const float *rows, ptrdiff_t row_stride, ptrdiff_t row_count, ptrdiff_t k,
                   void *panel) {
  if (row_count < FS_PANEL_COLUMNS || (format == FS_FORMAT_INT8 && k % 4)) memset(panel, 0, fs_panel_bytes(format, k));
  if (format == FS_FORMAT_INT8)
    for (ptrdiff_t n = 0; n < row_count; n++) int8_scales(panel, k)[n] = int8_scale(rows + n * row_stride, k);
  enum { CHUNK = 64 };  // inputs at a time, so that the lines being written stay in L1
  for (ptrdiff_t begin = 0; begin < k; begin += CHUNK) {
    ptrdiff_t end = k - begin < CHUNK ? k : begin + CHUNK;
    for (ptrdiff_t n = 0; n < row_count; n++) {
      const float *row = rows + n * row_stride;
      if (format == FS_FORMAT_F32) {
        float *to = (float *)panel + n;
        for (ptrdiff_t i = begin; i < end; i++) to[i * FS_PANEL_COLUMNS] = row[i];
      } else if (format == FS_FORMAT_INT8) {
        int8_pack(row, int8_scales(panel, k)[n], begin, end, (int8_t *)panel + n);
      } else {
        uint32_t *to = (uint32_t *)panel + n;  // a pair of inputs, the first in the low half
        for (ptrdiff_t i = begin; i + 1 < end; i += 2)
          to[i / 2 * FS_PANEL_COLUMNS] = bf16_of(row[i]) | (uint32_t)bf16_of(row[i + 1]) << 16;
        if (end % 2) to[end / 2 * FS_PANEL_COLUMNS] = bf16_of(row[end - 1]);
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
