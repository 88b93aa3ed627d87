// Counts heap allocations of the test process. C, because Swift may not define malloc itself.
#ifndef FUSIONSPEC_CALLOCATIONCOUNTER_H
#define FUSIONSPEC_CALLOCATIONCOUNTER_H

/// Sets the count to zero and starts counting, on the calling thread.
void allocation_counter_start(void);
/// Stops counting and returns the number of allocations since the start.
long allocation_counter_stop(void);

#endif
