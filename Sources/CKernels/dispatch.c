// Which kernel set runs, and the entry points that only forward to it.
#include <string.h>

#include "kernels.h"

static const fs_kernels *supported_avx512(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw"))
    return &fs_kernels_avx512;
#endif
  return NULL;
}

static const fs_kernels *supported_avx2(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &fs_kernels_avx2;
#endif
  return NULL;
}

const fs_kernels *fs_kernels_named(const char *name) {
  const fs_kernels *avx512 = supported_avx512(), *avx2 = supported_avx2();
  if (strcmp(name, "auto") == 0) return avx512 ? avx512 : avx2 ? avx2 : &fs_kernels_scalar;
  if (strcmp(name, "avx512") == 0) return avx512;
  if (strcmp(name, "avx2") == 0) return avx2;
  if (strcmp(name, "scalar") == 0) return &fs_kernels_scalar;
  return NULL;
}

const char *fs_kernels_name(const fs_kernels *kernels) { return kernels->name; }

void fs_rms_norm(const fs_kernels *kernels, const float *x, const float *weight, float epsilon, ptrdiff_t n,
                 float *y) {
  kernels->rms_norm(x, weight, epsilon, n, y);
}

void fs_rotate(float *restrict x, const float *restrict cosines, const float *restrict sines, ptrdiff_t pairs,
               bool interleaved) {
  if (interleaved) {
    for (ptrdiff_t i = 0; i < pairs; i++) {
      float a = x[2 * i], b = x[2 * i + 1];
      x[2 * i] = a * cosines[i] - b * sines[i];
      x[2 * i + 1] = a * sines[i] + b * cosines[i];
    }
  } else {
    for (ptrdiff_t i = 0; i < pairs; i++) {
      float a = x[i], b = x[i + pairs];
      x[i] = a * cosines[i] - b * sines[i];
      x[i + pairs] = a * sines[i] + b * cosines[i];
    }
  }
}

void fs_add_scaled(const float *x, float scale, ptrdiff_t n, float *y) {
  for (ptrdiff_t i = 0; i < n; i++) y[i] += scale * x[i];
}

size_t fs_latent_attention_scratch(ptrdiff_t heads) { return (size_t)heads * (FS_ATTENTION_BLOCK + 2); }

void fs_latent_attention(const fs_kernels *kernels, const float *query, ptrdiff_t query_stride, ptrdiff_t heads,
                         ptrdiff_t rank, ptrdiff_t rope, const float *cache, ptrdiff_t cache_stride,
                         ptrdiff_t length, float scale, float *output, ptrdiff_t output_stride, float *scratch) {
  kernels->latent_attention(query, query_stride, heads, rank, rope, cache, cache_stride, length, scale, output,
                            output_stride, scratch);
}

ptrdiff_t fs_argmax(const fs_kernels *kernels, const float *x, ptrdiff_t n) { return kernels->argmax(x, n); }

void fs_exp(const fs_kernels *kernels, const float *x, float offset, ptrdiff_t n, float *y) {
  kernels->exp(x, offset, n, y);
}
