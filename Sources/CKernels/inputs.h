// What the loops around the tile kernels need to know of prepared input rows.
#ifndef FUSIONSPEC_INPUTS_H
#define FUSIONSPEC_INPUTS_H

#include "kernels.h"

/// Bytes of a prepared row of k floats.
size_t fs_form_bytes(fs_form form, ptrdiff_t k);

/// Bytes of the compact panels that are made plain at a time.
size_t fs_expanded_bytes(ptrdiff_t k);

#endif
