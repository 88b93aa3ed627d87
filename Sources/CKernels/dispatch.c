// Which kernel set runs, and the entry points that only forward to it.
#define _GNU_SOURCE  // syscall
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#include "kernels.h"

static const fs_kernels *supported_pairs(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16") &&
      __builtin_cpu_supports("avx512vbmi2"))
    return &fs_kernels_avx512_pairs;
#endif
  return NULL;
}

#if defined(__x86_64__)
/// The family that AMD counts its generations by; 0 for others.
static unsigned amd_family(void) {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  __builtin_cpu_init();
  if (!__builtin_cpu_is("amd") || !__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return 0;
  return (eax >> 8 & 0xf) + (eax >> 20 & 0xff);
}
#endif

static const fs_kernels *supported_streams(void) {
#if defined(__x86_64__)
  if (supported_pairs()) return &fs_kernels_avx512_streams;
#endif
  return NULL;
}

static const fs_kernels *supported_avx512(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni")) {
    // Pairs of bf16 run at twice the speed of floats on AMD's processors, at half of it on Intel's.
    enum { ZEN_5 = 0x1a };
    if (supported_streams() && amd_family() >= ZEN_5) return supported_streams();
    return supported_pairs() && amd_family() > 0 ? supported_pairs() : &fs_kernels_avx512;
  }
#endif
  return NULL;
}

static const fs_kernels *supported_amx(void) {
#if defined(__x86_64__) && defined(__linux__)
  enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };  // of arch_prctl: the tiles' state is large, so Linux wants to be asked
  if (supported_pairs() && __builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-int8") &&
      __builtin_cpu_supports("amx-bf16") &&
      syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0)
    return &fs_kernels_amx;
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

static const fs_kernels *supported_avx2_vnni(void) {
#if defined(__x86_64__)
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  enum { AVX_VNNI = 1 << 4 };  // of EAX in leaf 7, subleaf 1
  if (supported_avx2() && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax & AVX_VNNI)) return &fs_kernels_avx2_vnni;
#endif
  return NULL;
}

static const fs_kernels *supported_neon_dot(void) {
#if defined(__aarch64__) && defined(__linux__)
  enum { DOT_PRODUCT = 1 << 20 };  // HWCAP_ASIMDDP
  if (getauxval(AT_HWCAP) & DOT_PRODUCT) return &fs_kernels_neon_dot;
#elif defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)
  return &fs_kernels_neon_dot;  // of every processor that the target admits
#endif
  return NULL;
}

static const fs_kernels *supported_neon(void) {
#if defined(__aarch64__)
  return &fs_kernels_neon;
#else
  return NULL;
#endif
}

const fs_kernels *fs_kernels_named(const char *name) {
  const fs_kernels *amx = supported_amx(), *avx512 = supported_avx512();
  const fs_kernels *avx2 = supported_avx2_vnni() ? supported_avx2_vnni() : supported_avx2();
  const fs_kernels *neon = supported_neon_dot() ? supported_neon_dot() : supported_neon();
  if (strcmp(name, "auto") == 0)
    return amx ? amx : avx512 ? avx512 : avx2 ? avx2 : neon ? neon : &fs_kernels_scalar;
  if (strcmp(name, "amx") == 0) return amx;
  if (strcmp(name, "avx512") == 0) return avx512;
  if (strcmp(name, "avx512-pairs") == 0) return supported_pairs();
  if (strcmp(name, "avx512-streams") == 0) return supported_streams();
  if (strcmp(name, "avx2") == 0) return avx2;
  if (strcmp(name, "avx2-plain") == 0) return supported_avx2();
  if (strcmp(name, "neon") == 0) return neon;
  if (strcmp(name, "neon-plain") == 0) return supported_neon();
  if (strcmp(name, "scalar") == 0) return &fs_kernels_scalar;
  return NULL;
}

size_t fs_compact_from(const fs_kernels *kernels) { return kernels->compact_from; }

const char *fs_kernels_name(const fs_kernels *kernels) { return kernels->name; }

bool fs_multiplies_blocks(const fs_kernels *kernels) { return kernels->block[FS_FORMAT_INT8]; }

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
