#include <stdint.h>

/// Writes a domain name as Unicode, after all checks of UTS #46 in its strict form. Returns its length in bytes, or -1 where a check fails.
/// No header of ICU is seen here: Swift's Foundation has an ICU of its own, whose types have the same names.
int32_t strongroom_domain_to_unicode(
    const char *name, int32_t length, char *unicode, int32_t capacity);
