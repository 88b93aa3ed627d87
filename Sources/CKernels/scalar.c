// The reference set: plain loops that say what every kernel computes, in the order that every other set keeps.
#include <math.h>
#include <string.h>

#include "kernels.h"

static float float_of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static uint32_t bits_of_float(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static float exponential(float x) {
  x = FS_EXP_LOWEST > x ? FS_EXP_LOWEST : x;  // written so that NaN stays NaN
  x = FS_EXP_HIGHEST < x ? FS_EXP_HIGHEST : x;
  float rounded = fmaf(x, FS_EXP_LOG2E, FS_EXP_ROUND);
  float n = rounded - FS_EXP_ROUND;
  float r = fmaf(-n, FS_EXP_LN2_HIGH, x);
  r = fmaf(-n, FS_EXP_LN2_LOW, r);
  float q = fmaf(FS_EXP_C6, r, FS_EXP_C5);
  q = fmaf(q, r, FS_EXP_C4);
  q = fmaf(q, r, FS_EXP_C3);
  q = fmaf(q, r, FS_EXP_C2);
  float p = fmaf(r * r, q, r) + 1;
  int32_t exponent = (int32_t)(bits_of_float(rounded) - FS_EXP_ROUND_BITS);
  int32_t half = exponent >> 1;
  float first = float_of_bits((uint32_t)(half + 127) << 23);
  float second = float_of_bits((uint32_t)(exponent - half + 127) << 23);
  return p * first * second;
}

/// Folds n lanes (a power of two) in halves; the lanes are overwritten.
static float fold(float *lanes, ptrdiff_t n) {
  for (ptrdiff_t half = n / 2; half > 0; half /= 2)
    for (ptrdiff_t l = 0; l < half; l++) lanes[l] += lanes[l + half];
  return lanes[0];
}

static float dot(const float *a, const float *b, ptrdiff_t n) {
  float lanes[FS_LANES] = {0};
  for (ptrdiff_t i = 0; i < n; i++) lanes[i % FS_LANES] = fmaf(a[i], b[i], lanes[i % FS_LANES]);
  return fold(lanes, FS_LANES);
}

static void tile_f32(const void *panels, size_t panel_bytes, ptrdiff_t k, const float *const *x, float *tile) {
  (void)panel_bytes;
  const float *weights = panels;
  for (ptrdiff_t l = 0; l < FS_LANES; l++) tile[l] = 0;
  for (ptrdiff_t i = 0; i < k; i++)
    for (ptrdiff_t l = 0; l < FS_LANES; l++) tile[l] = fmaf(x[0][i], weights[i * FS_LANES + l], tile[l]);
}

static void tile_bf16(const void *panels, size_t panel_bytes, ptrdiff_t k, const float *const *x, float *tile) {
  (void)panel_bytes;
  const uint16_t *weights = panels;  // [pair of inputs][lane][2]
  for (ptrdiff_t l = 0; l < FS_LANES; l++) tile[l] = 0;
  for (ptrdiff_t i = 0; i < k; i++)
    for (ptrdiff_t l = 0; l < FS_LANES; l++) {
      uint32_t bits = weights[(i / 2 * FS_LANES + l) * 2 + i % 2];
      tile[l] = fmaf(x[0][i], float_of_bits(bits << 16), tile[l]);
    }
}

static void tile_int8(const void *panels, size_t panel_bytes, ptrdiff_t k, const float *const *x, float *tile) {
  (void)panel_bytes;
  const int8_t *weights = panels;
  for (ptrdiff_t l = 0; l < FS_LANES; l++) tile[l] = 0;
  for (ptrdiff_t i = 0; i < k; i++)
    for (ptrdiff_t l = 0; l < FS_LANES; l++) tile[l] = fmaf(x[0][i], weights[i * FS_LANES + l], tile[l]);
}

static void scale(const float *sums, const float *scales, const float *base, float *y) {
  for (ptrdiff_t l = 0; l < FS_LANES; l++) y[l] = base ? fmaf(sums[l], scales[l], base[l]) : sums[l] * scales[l];
}

static void gate(const float *gate, const float *up, float scale, float *y) {
  for (ptrdiff_t l = 0; l < FS_LANES; l++) {
    float silu = gate[l] / (1 + exponential(-gate[l]));
    y[l] = scale * (silu * up[l]);
  }
}

static void rms_norm(const float *x, const float *weight, float epsilon, ptrdiff_t n, float *y) {
  float lanes[FS_NORM_LANES] = {0};
  for (ptrdiff_t i = 0; i < n; i++) lanes[i % FS_NORM_LANES] = fmaf(x[i], x[i], lanes[i % FS_NORM_LANES]);
  float mean = fold(lanes, FS_NORM_LANES) / (float)n;
  float scale = 1 / sqrtf(mean + epsilon);
  for (ptrdiff_t i = 0; i < n; i++) y[i] = x[i] * scale * weight[i];
}

static void latent_attention(const float *query, ptrdiff_t query_stride, ptrdiff_t heads, ptrdiff_t rank,
                             ptrdiff_t rope, const float *cache, ptrdiff_t cache_stride, ptrdiff_t length, float scale,
                             float *output, ptrdiff_t output_stride, float *scratch) {
  float *weights = scratch;  // [FS_ATTENTION_BLOCK]
  for (ptrdiff_t h = 0; h < heads; h++) {
    const float *q = query + h * query_stride;
    float *out = output + h * output_stride;
    float greatest = -INFINITY, total = 0;
    for (ptrdiff_t d = 0; d < rank; d++) out[d] = 0;
    for (ptrdiff_t begin = 0; begin < length; begin += FS_ATTENTION_BLOCK) {
      ptrdiff_t count = length - begin < FS_ATTENTION_BLOCK ? length - begin : FS_ATTENTION_BLOCK;
      const float *rows = cache + begin * cache_stride;
      float previous = greatest;
      for (ptrdiff_t t = 0; t < count; t++) {
        weights[t] = dot(q, rows + t * cache_stride, rank + rope) * scale;
        greatest = weights[t] > greatest ? weights[t] : greatest;
      }
      float lanes[FS_LANES] = {0};
      for (ptrdiff_t t = 0; t < count; t++) {
        weights[t] = exponential(weights[t] - greatest);
        lanes[t % FS_LANES] += weights[t];
      }
      float correction = exponential(previous - greatest);  // 0 in the first block
      total = fmaf(total, correction, fold(lanes, FS_LANES));
      for (ptrdiff_t d = 0; d < rank; d++) {
        float sum = out[d] * correction;
        for (ptrdiff_t t = 0; t < count; t++) sum = fmaf(weights[t], rows[t * cache_stride + d], sum);
        out[d] = sum;
      }
    }
    float inverse = 1 / total;
    for (ptrdiff_t d = 0; d < rank; d++) out[d] *= inverse;
  }
}

#include "grouped_attention_scalar.h"

static ptrdiff_t argmax(const float *x, ptrdiff_t n) {
  ptrdiff_t best = 0;
  float greatest = -INFINITY;
  for (ptrdiff_t i = 0; i < n; i++)
    if (x[i] > greatest) {
      greatest = x[i];
      best = i;
    }
  return best;
}

static void exponentials(const float *x, float offset, ptrdiff_t n, float *y) {
  for (ptrdiff_t i = 0; i < n; i++) y[i] = exponential(x[i] - offset);
}

const fs_kernels fs_kernels_scalar = {
    .name = "scalar",
    .tile_rows = 1,
    .tile_panels = {0, 1},
    .tile = {[FS_FORMAT_F32][1][1] = tile_f32, [FS_FORMAT_BF16][1][1] = tile_bf16, [FS_FORMAT_INT8][1][1] = tile_int8},
    .scale = scale,
    .gate = gate,
    .rms_norm = rms_norm,
    .latent_attention = latent_attention,
    .grouped_attention = grouped_attention,
    .argmax = argmax,
    .exp = exponentials,
};
