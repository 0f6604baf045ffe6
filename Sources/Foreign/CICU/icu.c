#include "icu.h"

#include <unicode/uidna.h>

int32_t strongroom_domain_to_unicode(
    const char *name, int32_t length, char *unicode, int32_t capacity) {
  UErrorCode status = U_ZERO_ERROR;
  const uint32_t options = UIDNA_USE_STD3_RULES | UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ |
                           UIDNA_CHECK_CONTEXTO | UIDNA_NONTRANSITIONAL_TO_ASCII |
                           UIDNA_NONTRANSITIONAL_TO_UNICODE;
  UIDNA *idna = uidna_openUTS46(options, &status);
  if (U_FAILURE(status)) return -1;
  UIDNAInfo toASCII = UIDNA_INFO_INITIALIZER, toUnicode = UIDNA_INFO_INITIALIZER;
  // Into the same room: only whether it can be written, and how long it would be, counts.
  int32_t written =
      uidna_nameToASCII_UTF8(idna, name, length, unicode, capacity, &toASCII, &status);
  if (U_SUCCESS(status) && toASCII.errors == 0)
    written = uidna_nameToUnicodeUTF8(idna, name, length, unicode, capacity, &toUnicode, &status);
  uidna_close(idna);
  return U_SUCCESS(status) && toASCII.errors == 0 && toUnicode.errors == 0 ? written : -1;
}
