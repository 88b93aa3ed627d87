// What a draw from logits costs most: noise for many tokens, and the best few of many. Integer noise is the same on every
// machine, so that a seed's text is.
#ifndef FUSIONSPEC_SAMPLING_H
#define FUSIONSPEC_SAMPLING_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Four words of Philox4x32-10 (Salmon et al., SC 2011) for a counter and a key.
void fs_philox(const uint32_t counter[4], uint32_t key0, uint32_t key1, uint32_t words[4]);

/// Standard Gumbel noise of a word: -ln(-ln(u)), u = (word + 1/2) / 2^32.
float fs_gumbel(uint32_t word);

/// The token t of [0, n) with the greatest (logits[t] - greatest) * scale + noise, the first among equals, over tokens whose
/// scaled logit is at least floor. The noise of token t is that of word t % 4 of counter (t / 4, position, 0), two words of
/// position. best is the token of the greatest logit, greatest its logit. Tokens that cannot win are passed over without
/// logarithms; the bound is exact.
ptrdiff_t fs_gumbel_argmax(const float *logits, ptrdiff_t n, ptrdiff_t best, float greatest, float scale, float floor,
                           uint32_t key0, uint32_t key1, uint64_t position);

/// The same over `count` tokens alone, which must stand in descending order of their logits; the first among equals.
ptrdiff_t fs_gumbel_argmax_of(const float *logits, const int32_t *tokens, ptrdiff_t count, float greatest, float scale,
                              uint32_t key0, uint32_t key1, uint64_t position);

/// y = (x - greatest) * scale, but -80, whose exponential is next to nothing, where that is less than floor or than -80.
void fs_scale_logits(const float *x, ptrdiff_t n, float greatest, float scale, float floor, float *y);

/// The up to k greatest scaled logits (logits[t] - greatest) * scale of at least floor in descending order, equal ones by
/// their tokens. tokens and scaled hold k each. Returns how many there are.
ptrdiff_t fs_select_best(const float *logits, ptrdiff_t n, ptrdiff_t k, float greatest, float scale, float floor,
                         int32_t *tokens, float *scaled);

/// The sum of n floats, in the same order everywhere.
float fs_sum(const float *x, ptrdiff_t n);

#ifdef __cplusplus
}
#endif
#endif
