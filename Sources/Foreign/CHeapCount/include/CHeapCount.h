#ifndef STRONGROOM_CHEAPCOUNT_H
#define STRONGROOM_CHEAPCOUNT_H

#include <stdint.h>

// A library to be preloaded (LD_PRELOAD) into a process: it counts how often each thread asks the heap for memory.
// For the C library of GNU, whose allocator stays the one that is asked.

// How often the calling thread has asked since it began.
uint64_t strongroom_heap_count(void);

#endif
