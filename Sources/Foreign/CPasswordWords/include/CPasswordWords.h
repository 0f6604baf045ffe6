#ifndef STRONGROOM_CPASSWORDWORDS_H
#define STRONGROOM_CPASSWORDWORDS_H

#include <stddef.h>

// Lower-case ASCII, one password a line, the most frequent first. A constant in C, because a compiler takes a string of this size
// there in no time.
const char *cpasswordwords_text(void);
size_t cpasswordwords_bytes(void);

#endif
