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

static float rounded_to_bf16(float value) { return float_of_bits((uint32_t)fs_nearest_bf16(value) << 16); }

static void prepare_rounded(const float *x, ptrdiff_t k, void *prepared) {
  float *to = prepared;
  for (ptrdiff_t i = 0; i < k; i++) to[i] = rounded_to_bf16(x[i]);
  if (k % 2) to[k] = 0;
}

static void prepare_integers(const float *x, ptrdiff_t k, void *prepared) {
  int8_t *to = prepared;
  char *tail = (char *)prepared + fs_groups(k) * FS_GROUP;
  int32_t *offsets = fs_tail_offsets(tail, k);
  float correction = 0, *scales = fs_tail_scales(tail);
  for (ptrdiff_t g = 0; g < fs_groups(k); g++, offsets += 2) {
    int32_t greatest = 0, sums[2] = {0, 0};
    for (ptrdiff_t i = g * FS_GROUP; i < (g + 1) * FS_GROUP && i < k; i++) {
      int32_t magnitude = (int32_t)(bits_of_float(x[i]) & 0x7fffffff);
      greatest = magnitude > greatest ? magnitude : greatest;
    }
    float inverse = fs_integer_scale(greatest, scales + g);
    for (ptrdiff_t i = g * FS_GROUP; i < (g + 1) * FS_GROUP; i++) {
      int32_t integer = fs_integer(i < k ? x[i] : 0, inverse);
      to[i] = (int8_t)integer;
      sums[i % FS_GROUP / FS_GROUP_HALF] += integer;
    }
    correction = fmaf((float)(-128 * (sums[0] + sums[1])), scales[g], correction);
    offsets[0] = -8 * sums[0];
    offsets[1] = -8 * sums[1];
  }
  *fs_tail_correction(tail) = correction;
}

static void tile_f32(const void *panels, size_t panel_bytes, ptrdiff_t k, const void *const *x, float *tile,
                     const char *following) {
  (void)following;
  (void)panel_bytes;
  const float *weights = panels, *input = x[0];
  for (ptrdiff_t l = 0; l < FS_LANES; l++) tile[l] = 0;
  for (ptrdiff_t i = 0; i < k; i++)
    for (ptrdiff_t l = 0; l < FS_LANES; l++) tile[l] = fmaf(input[i], weights[i * FS_LANES + l], tile[l]);
}

static void tile_f32_compact(const void *panels, size_t panel_bytes, ptrdiff_t k, const void *const *x, float *tile,
                             const char *following) {
  (void)following;
  (void)panel_bytes;
  const uint16_t *weights = panels;  // [pair of inputs][lane][2]
  const float *input = x[0];
  for (ptrdiff_t l = 0; l < FS_LANES; l++) tile[l] = 0;
  for (ptrdiff_t i = 0; i < k; i++)
    for (ptrdiff_t l = 0; l < FS_LANES; l++) {
      uint32_t bits = weights[(i / 2 * FS_LANES + l) * 2 + i % 2];
      tile[l] = fmaf(input[i], float_of_bits(bits << 16), tile[l]);
    }
}

static void tile_bf16(const void *panels, size_t panel_bytes, ptrdiff_t k, const void *const *x, float *tile,
                      const char *following) {
  (void)following;
  (void)panel_bytes;
  const uint16_t *weights = panels;  // [pair of inputs][lane][2]
  const float *input = x[0];
  for (ptrdiff_t l = 0; l < FS_LANES; l++) tile[l] = 0;
  for (ptrdiff_t pair = 0; pair < (k + 1) / 2; pair++)
    for (ptrdiff_t side = 1; side >= 0; side--)
      for (ptrdiff_t l = 0; l < FS_LANES; l++) {
        uint32_t bits = weights[(pair * FS_LANES + l) * 2 + side];
        tile[l] = fmaf(input[2 * pair + side], float_of_bits(bits << 16), tile[l]);
      }
}

static void tile_int8(const void *panels, size_t panel_bytes, ptrdiff_t k, const void *const *x, float *tile,
                      const char *following) {
  (void)following;
  (void)panel_bytes;
  const uint8_t *weights = panels;  // [four inputs][lane][4]
  const int8_t *input = x[0];
  const char *tail = fs_row_tail(input, k);
  for (ptrdiff_t l = 0; l < FS_LANES; l++) {
    tile[l] = *fs_tail_correction(tail);
    for (ptrdiff_t g = 0; g < fs_groups(k); g++) {
      int32_t sum = 0;
      for (ptrdiff_t i = g * FS_GROUP; i < (g + 1) * FS_GROUP && i < k; i++)
        sum += input[i] * weights[(i / 4 * FS_LANES + l) * 4 + i % 4];
      tile[l] = fmaf((float)sum, fs_tail_scales(tail)[g], tile[l]);
    }
  }
}

static void tile_int4(const void *panels, size_t panel_bytes, ptrdiff_t k, const void *const *x, float *tile,
                      const char *following) {
  (void)following;
  (void)panel_bytes;
  const int8_t *input = x[0];
  const char *tail = fs_row_tail(input, k);
  for (ptrdiff_t l = 0; l < FS_LANES; l++) {
    tile[l] = 0;
    for (ptrdiff_t half = 0; half < (k + FS_GROUP_HALF - 1) / FS_GROUP_HALF; half++) {
      ptrdiff_t g = half / 2, side = half % 2;
      const uint8_t *block = (const uint8_t *)panels + g * FS_INT4_BLOCK;
      int32_t sum = fs_tail_offsets(tail, k)[2 * g + side];
      for (ptrdiff_t i = half * FS_GROUP_HALF; i < (half + 1) * FS_GROUP_HALF && i < k; i++) {
        ptrdiff_t at = i % FS_GROUP;
        uint8_t both = block[64 + (at / 8 * FS_LANES + l) * 4 + at % 4];
        sum += input[i] * (at % 8 < 4 ? both & 15 : both >> 4);
      }
      uint16_t bits;
      memcpy(&bits, block + (side * FS_LANES + l) * 2, 2);
      float scaled = (float)sum * float_of_bits((uint32_t)bits << 16);
      tile[l] = fmaf(scaled, fs_tail_scales(tail)[g], tile[l]);
    }
  }
}

/// The scale of column `lane` of the job's panel p; 1 where columns have none.
static float scale_of(const fs_finish *job, ptrdiff_t p, ptrdiff_t lane) {
  float value = 1;
  if (job->scales) memcpy(&value, job->scales + (size_t)p * job->panel_bytes + (size_t)lane * 4, sizeof value);
  return value;
}

static void finish(const fs_finish *job) {
  for (ptrdiff_t r = 0; r < job->rows; r++) {
    float *to = fs_row(job->y, job->row + r) + job->column;
    for (ptrdiff_t n = 0; n < job->count; n++) {
      float sum = job->tile[r * job->panels * FS_LANES + n], factor = scale_of(job, n / FS_LANES, n % FS_LANES);
      to[n] = job->accumulate ? fmaf(sum, factor, to[n]) : sum * factor;
    }
  }
}

static void finish_gated(const fs_finish *job, const float *row_scale) {
  for (ptrdiff_t r = 0; r < job->rows; r++) {
    float *to = fs_row(job->y, job->row + r) + job->column, factor = row_scale ? row_scale[job->row + r] : 1;
    for (ptrdiff_t n = 0; n < job->count; n++) {
      ptrdiff_t pair = n / FS_LANES, lane = n % FS_LANES;
      const float *sums = job->tile + (r * job->panels + 2 * pair) * FS_LANES;
      float gate = sums[lane] * scale_of(job, 2 * pair, lane);
      float up = sums[FS_LANES + lane] * scale_of(job, 2 * pair + 1, lane);
      to[n] = factor * (gate / (1 + exponential(-gate)) * up);
    }
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
#include "integer_attention_scalar.h"
#include "tiled_attention_scalar.h"

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
    .form = {FS_FORM_FLOATS, FS_FORM_ROUNDED, FS_FORM_INTEGERS, FS_FORM_INTEGERS, FS_FORM_ROUNDED, FS_FORM_FLOATS},
    .expand = fs_expand_panel,
    .prepare = {[FS_FORM_ROUNDED] = prepare_rounded, [FS_FORM_INTEGERS] = prepare_integers},
    .tile_rows = {1, 1, 1, 1, 1, 1},
    .tile_panels = {{0, 1}, {0, 1}, {0, 1}, {0, 1}, {0}, {0, 1}},
    .tile = {[FS_FORMAT_F32][1][1] = tile_f32,
             [FS_FORMAT_BF16][1][1] = tile_bf16,
             [FS_FORMAT_INT8][1][1] = tile_int8,
             [FS_FORMAT_INT4][1][1] = tile_int4,
             [FS_FORMAT_F32_COMPACT][1][1] = tile_f32_compact},
    .finish = finish,
    .finish_gated = finish_gated,
    .rms_norm = rms_norm,
    .latent_attention = latent_attention,
    .grouped_attention = grouped_attention,
    .tiled_attention = tiled_attention,
    .join_spans = join_spans,
    .argmax = argmax,
    .exp = exponentials,
};
