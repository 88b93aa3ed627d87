// What attention asks for while it computes a chunk of positions: the lines of the next one, in the order of use and evenly over all the
// work, softmax included, so that memory is never idle. Include after lanes.h.
//
// Asked for by the tiles as they read the same lines of the chunk before, lines came too fast for memory to follow, and nothing came
// during the softmax: from memory few units took up to 1.4 times as long.

/// Sixteen lines are asked for at a time.
enum { AHEAD_GROUP_BYTES = 1024, AHEAD_LINES = 16 };

enum { AHEAD_ONE = 1 << 16, AHEAD_WEIGHT_WORK = 15 };  // what sixteen weights count, in products of sixteen pairs

/// Groups of lines in blocks of which first one part is wanted and then the other, and how many are due.
typedef struct ahead_plan {
  ptrdiff_t rate;   // groups for a unit of work, times AHEAD_ONE; 0 if nothing is asked for
  ptrdiff_t due;    // groups that should have been asked for by now but have not, likewise
  const char *part; // this part of the first block
  ptrdiff_t groups, later_groups;  // of this part, and of the one behind it that follows
  ptrdiff_t block_bytes, block_count, block;
  const char *at;   // the next group
  ptrdiff_t left;   // groups before the gap
} ahead_plan;

/// A plan for `block_count` blocks of a cache, the first at `blocks`, over so much work; for none where that is NULL.
FS_INLINE ahead_plan ahead_of(const fs_tiled_units *units, const char *blocks, ptrdiff_t block_count, ptrdiff_t work) {
  if (!blocks || block_count < 1 || work < 1) return (ahead_plan){0};
  ptrdiff_t bytes = (ptrdiff_t)fs_tiled_block_bytes(units->key_width, units->value_width), groups = bytes / AHEAD_GROUP_BYTES;
  ptrdiff_t key_groups = 2 * fs_tiled_steps(units->key_width);
  return (ahead_plan){.rate = block_count * groups * AHEAD_ONE / work,
                      .due = AHEAD_ONE / 2,
                      .part = blocks,
                      .groups = key_groups,
                      .later_groups = groups - key_groups,
                      .block_bytes = bytes,
                      .block_count = block_count,
                      .block = -1};
}

/// The next group if one is due, else `other`.
FS_INLINE const char *ahead_group(ahead_plan *plan, const char *other) {
  if (__builtin_expect(plan->due < AHEAD_ONE, 1)) return other;
  if (plan->left == 0) {
    if (++plan->block == plan->block_count) {
      plan->part += plan->groups * AHEAD_GROUP_BYTES;
      plan->groups = plan->later_groups;
      plan->later_groups = 0;
      plan->block = 0;
    }
    if (plan->groups == 0) {
      plan->rate = plan->due = 0;
      return other;
    }
    plan->at = plan->part + plan->block * plan->block_bytes;
    plan->left = plan->groups;
  }
  plan->left--;
  plan->due -= AHEAD_ONE;
  plan->at += AHEAD_GROUP_BYTES;
  return plan->at - AHEAD_GROUP_BYTES;
}

/// Asks for what is due after so much work.
FS_INLINE void ahead_ask(ahead_plan *plan, ptrdiff_t work) {
  plan->due += plan->rate * work;
  for (const char *group; (group = ahead_group(plan, NULL));)
    FS_UNROLL for (ptrdiff_t i = 0; i < AHEAD_LINES; i++) __builtin_prefetch(group + i * 64, 0, 2);
}
