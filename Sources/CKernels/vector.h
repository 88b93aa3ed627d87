// Norm, argmax, exponentials and attention of the vector sets, written once over sixteen lanes. Include
// after lanes.h and inside the target pragma; FS_ATTENTION_HEADS and FS_ATTENTION_VECTORS give the register tile.

static void exponentials(const float *x, float offset, ptrdiff_t n, float *y) {
  ptrdiff_t i = 0;
  for (; i + FS_LANES <= n; i += FS_LANES) lanes_store(y + i, lanes_exp(lanes_load(x + i) - offset));
  if (i < n) lanes_store_part(y + i, lanes_exp(lanes_load_part(x + i, n - i) - offset), n - i);
}

static void rms_norm(const float *x, const float *weight, float epsilon, ptrdiff_t n, float *y) {
  lanes sum[FS_NORM_LANES / FS_LANES] = {0};
  ptrdiff_t i = 0;
  for (; i + FS_NORM_LANES <= n; i += FS_NORM_LANES)
    FS_UNROLL for (int v = 0; v < FS_NORM_LANES / FS_LANES; v++) {
      lanes value = lanes_load(x + i + v * FS_LANES);
      sum[v] = lanes_fma(value, value, sum[v]);
    }
  FS_UNROLL for (int v = 0; v < FS_NORM_LANES / FS_LANES; v++) {
    ptrdiff_t left = n - i - v * FS_LANES;  // zeros behind the row's end add nothing
    if (left <= 0) break;
    const float *from = x + i + v * FS_LANES;
    lanes value = left >= FS_LANES ? lanes_load(from) : lanes_load_part(from, left);
    sum[v] = lanes_fma(value, value, sum[v]);
  }
  float mean = lanes_sum((sum[0] + sum[2]) + (sum[1] + sum[3])) / (float)n;
  lanes scale = 1 / sqrtf(mean + epsilon);
  for (i = 0; i + FS_LANES <= n; i += FS_LANES)
    lanes_store(y + i, lanes_load(x + i) * scale * lanes_load(weight + i));
  if (i < n) {
    lanes value = lanes_load_part(x + i, n - i) * scale * lanes_load_part(weight + i, n - i);
    lanes_store_part(y + i, value, n - i);
  }
}

static ptrdiff_t argmax(const float *x, ptrdiff_t n) {
  lanes greatest = -INFINITY;
  lanes_i32 best = 0, position = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  ptrdiff_t i = 0;
  for (; i + FS_LANES <= n; i += FS_LANES) {
    lanes value = lanes_load(x + i);
    best = value > greatest ? position : best;
    greatest = value > greatest ? value : greatest;
    position += FS_LANES;
  }
  float maximum = lanes_maximum(greatest);
  ptrdiff_t index = n;
  for (int l = 0; l < FS_LANES; l++)
    if (greatest[l] == maximum && best[l] < index) index = best[l];
  for (; i < n; i++)
    if (x[i] > maximum) {
      maximum = x[i];
      index = i;
    }
  return index;
}

/// The sums of four values, each folded in halves as lanes_sum does.
FS_INLINE lanes4 lanes_sum4(lanes a, lanes b, lanes c, lanes d) {
#define FS_LOW_HALVES 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define FS_HIGH_HALVES 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
  lanes ab = __builtin_shufflevector(a, b, FS_LOW_HALVES) + __builtin_shufflevector(a, b, FS_HIGH_HALVES);
  lanes cd = __builtin_shufflevector(c, d, FS_LOW_HALVES) + __builtin_shufflevector(c, d, FS_HIGH_HALVES);
#undef FS_LOW_HALVES
#undef FS_HIGH_HALVES
  lanes fours = __builtin_shufflevector(ab, cd, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
                __builtin_shufflevector(ab, cd, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
  lanes twos = fours + __builtin_shufflevector(fours, fours, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
  lanes ones = twos + __builtin_shufflevector(twos, twos, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
  return __builtin_shufflevector(ones, ones, 0, 4, 8, 12);
}

/// scores[h][t] = scale * query[h] . rows[t] for `heads` heads and four positions (the first `count` are stored).
FS_INLINE void score_tile(const float *query, ptrdiff_t query_stride, int heads, const float *const rows[4],
                          ptrdiff_t width, float scale, float *scores, ptrdiff_t count) {
  lanes sum[FS_ATTENTION_HEADS][4];
  FS_UNROLL for (int h = 0; h < heads; h++) FS_UNROLL for (int t = 0; t < 4; t++) sum[h][t] = 0.0f;
  ptrdiff_t d = 0;
  for (; d + FS_LANES <= width; d += FS_LANES) {
    lanes key[4];
    FS_UNROLL for (int t = 0; t < 4; t++) key[t] = lanes_load(rows[t] + d);
    FS_UNROLL for (int h = 0; h < heads; h++) {
      lanes value = lanes_load(query + h * query_stride + d);
      FS_UNROLL for (int t = 0; t < 4; t++) sum[h][t] = lanes_fma(value, key[t], sum[h][t]);
    }
  }
  if (d < width) {
    lanes key[4];
    FS_UNROLL for (int t = 0; t < 4; t++) key[t] = lanes_load_part(rows[t] + d, width - d);
    FS_UNROLL for (int h = 0; h < heads; h++) {
      lanes value = lanes_load_part(query + h * query_stride + d, width - d);
      FS_UNROLL for (int t = 0; t < 4; t++) sum[h][t] = lanes_fma(value, key[t], sum[h][t]);
    }
  }
  FS_UNROLL for (int h = 0; h < heads; h++) {
    lanes4 sums = lanes_sum4(sum[h][0], sum[h][1], sum[h][2], sum[h][3]) * scale;
    memcpy(scores + h * FS_ATTENTION_BLOCK, &sums, count >= 4 ? sizeof sums : (size_t)count * sizeof(float));
  }
}

/// Scores become weights relative to the running maximum; gives the factor for what was summed before.
FS_INLINE float weigh(float *scores, ptrdiff_t count, float *greatest, float *total) {
  ptrdiff_t padded = (count + FS_LANES - 1) / FS_LANES * FS_LANES;
  for (ptrdiff_t t = count; t < padded; t++) scores[t] = -INFINITY;
  lanes maximum = -INFINITY;
  for (ptrdiff_t t = 0; t < padded; t += FS_LANES) {
    lanes value = lanes_load(scores + t);
    maximum = value > maximum ? value : maximum;
  }
  float previous = *greatest, highest = lanes_maximum(maximum);
  *greatest = highest > previous ? highest : previous;
  lanes sum = 0.0f;
  for (ptrdiff_t t = 0; t < padded; t += FS_LANES) {
    lanes weight = lanes_exp(lanes_load(scores + t) - *greatest);
    lanes_store(scores + t, weight);
    sum += weight;
  }
  float correction = lanes_exp((lanes)(previous - *greatest))[0];
  *total = fmaf(*total, correction, lanes_sum(sum));
  return correction;
}

/// output[h] = output[h] * correction[h] + sum over t of weights[h][t] * rows[t], for heads x vectors of 16 columns.
FS_INLINE void value_tile(float *output, ptrdiff_t output_stride, int heads, int vectors, const float *rows,
                          ptrdiff_t row_stride, ptrdiff_t count, const float *weights, const float *corrections) {
  lanes sum[FS_ATTENTION_HEADS][FS_ATTENTION_VECTORS];
  FS_UNROLL for (int h = 0; h < heads; h++)
    FS_UNROLL for (int v = 0; v < vectors; v++)
      sum[h][v] = lanes_load(output + h * output_stride + v * FS_LANES) * corrections[h];
  for (ptrdiff_t t = 0; t < count; t++) {
    lanes value[FS_ATTENTION_VECTORS];
    FS_UNROLL for (int v = 0; v < vectors; v++) value[v] = lanes_load(rows + t * row_stride + v * FS_LANES);
    FS_UNROLL for (int h = 0; h < heads; h++) {
      lanes weight = weights[h * FS_ATTENTION_BLOCK + t];
      FS_UNROLL for (int v = 0; v < vectors; v++) sum[h][v] = lanes_fma(weight, value[v], sum[h][v]);
    }
  }
  FS_UNROLL for (int h = 0; h < heads; h++)
    FS_UNROLL for (int v = 0; v < vectors; v++) lanes_store(output + h * output_stride + v * FS_LANES, sum[h][v]);
}

/// One block of positions for a group of heads. The caller has zeroed output, totals and set greatest to -infinity.
FS_INLINE void attention_block(const float *query, ptrdiff_t query_stride, int heads, ptrdiff_t rank, ptrdiff_t rope,
                               const float *rows, ptrdiff_t row_stride, ptrdiff_t count, float scale, float *output,
                               ptrdiff_t output_stride, float *scores, float *greatest, float *totals) {
  for (ptrdiff_t t = 0; t < count; t += 4) {
    const float *four[4];
    for (int j = 0; j < 4; j++) four[j] = rows + (t + j < count ? t + j : t) * row_stride;
    score_tile(query, query_stride, heads, four, rank + rope, scale, scores + t, count - t);
  }
  float corrections[FS_ATTENTION_HEADS];
  for (int h = 0; h < heads; h++)
    corrections[h] = weigh(scores + h * FS_ATTENTION_BLOCK, count, greatest + h, totals + h);
  ptrdiff_t d = 0;
  for (; d + FS_ATTENTION_VECTORS * FS_LANES <= rank; d += FS_ATTENTION_VECTORS * FS_LANES)
    value_tile(output + d, output_stride, heads, FS_ATTENTION_VECTORS, rows + d, row_stride, count, scores,
               corrections);
  for (; d + FS_LANES <= rank; d += FS_LANES)
    value_tile(output + d, output_stride, heads, 1, rows + d, row_stride, count, scores, corrections);
  for (; d < rank; d++)
    for (int h = 0; h < heads; h++) {
      float sum = output[h * output_stride + d] * corrections[h];
      for (ptrdiff_t t = 0; t < count; t++)
        sum = fmaf(scores[h * FS_ATTENTION_BLOCK + t], rows[t * row_stride + d], sum);
      output[h * output_stride + d] = sum;
    }
}

static void latent_attention(const float *query, ptrdiff_t query_stride, ptrdiff_t heads, ptrdiff_t rank,
                             ptrdiff_t rope, const float *cache, ptrdiff_t cache_stride, ptrdiff_t length, float scale,
                             float *output, ptrdiff_t output_stride, float *scratch) {
  float *greatest = scratch + heads * FS_ATTENTION_BLOCK, *totals = greatest + heads;
  for (ptrdiff_t h = 0; h < heads; h++) {
    greatest[h] = -INFINITY;
    totals[h] = 0;
    memset(output + h * output_stride, 0, (size_t)rank * sizeof(float));
  }
  for (ptrdiff_t begin = 0; begin < length; begin += FS_ATTENTION_BLOCK) {
    ptrdiff_t count = length - begin < FS_ATTENTION_BLOCK ? length - begin : FS_ATTENTION_BLOCK;
    const float *rows = cache + begin * cache_stride;
    ptrdiff_t h = 0;
    for (; h + FS_ATTENTION_HEADS <= heads; h += FS_ATTENTION_HEADS)
      attention_block(query + h * query_stride, query_stride, FS_ATTENTION_HEADS, rank, rope, rows, cache_stride,
                      count, scale, output + h * output_stride, output_stride, scratch + h * FS_ATTENTION_BLOCK,
                      greatest + h, totals + h);
    for (; h < heads; h++)
      attention_block(query + h * query_stride, query_stride, 1, rank, rope, rows, cache_stride, count, scale,
                      output + h * output_stride, output_stride, scratch + h * FS_ATTENTION_BLOCK, greatest + h,
                      totals + h);
  }
  for (ptrdiff_t h = 0; h < heads; h++) {
    float inverse = 1 / totals[h];
    for (ptrdiff_t d = 0; d < rank; d++) output[h * output_stride + d] *= inverse;
  }
}
