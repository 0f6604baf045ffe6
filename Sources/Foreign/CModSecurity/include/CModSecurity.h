#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Rules of a web application firewall as libmodsecurity has read them. Any number of threads may inspect with them at once.
typedef struct strongroom_rules strongroom_rules;

/// Bytes of somebody else's, not ended by a zero.
typedef struct {
  const char *bytes;
  size_t count;
} strongroom_bytes;

typedef struct {
  strongroom_bytes name;
  strongroom_bytes value;
} strongroom_pair;

/// What is inspected. Texts that end with a zero are ours; whatever comes from outside has its length.
typedef struct {
  const char *method;
  const char *target;
  /// As in `1.1`.
  const char *version;
  const strongroom_pair *fields;
  size_t field_count;
  strongroom_bytes body;
  /// Values that the rules shall see as arguments of the body, whatever the body is.
  const strongroom_pair *arguments;
  size_t argument_count;
} strongroom_request;

/// One rule that matched.
typedef struct {
  int32_t rule;
  /// As in syslog, 2 to 5 where the Core Rule Set names one; 0 where it names none.
  int32_t severity;
  /// Which variable matched, as in `ARGS:reference`, and what it held.
  strongroom_bytes variable;
  strongroom_bytes value;
} strongroom_match;

typedef void (*strongroom_on_match)(void *context, const strongroom_match *match);

/// Reads settings, then files of rules, in order. NULL where it cannot; `fault` then says why.
strongroom_rules *strongroom_rules_load(
    const char *settings, const char *const *files, size_t file_count, char *fault,
    size_t fault_size);
void strongroom_rules_free(strongroom_rules *rules);

/// Runs the rules for request line, fields and body. Calls `on_match` on this thread for each rule that matched.
/// Gives the sum of the scores that the rules themselves have added up, or -1 where the library failed.
int32_t strongroom_rules_inspect(
    strongroom_rules *rules, const strongroom_request *request, strongroom_on_match on_match,
    void *context);

#ifdef __cplusplus
}
#endif
