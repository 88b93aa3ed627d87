// OpenBLAS, in tests only: an independent reference for the matrix kernels.
#include <cblas.h>
