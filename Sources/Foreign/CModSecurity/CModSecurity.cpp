// libmodsecurity's own interface is C++ that throws, and its C interface tells of a match in one line of text, in which the
// attacker's words stand beside the rule's. This one hands over what matched as it is, and lets nothing be thrown into Swift.
#include "CModSecurity.h"

#include <modsecurity/modsecurity.h>
#include <modsecurity/rule_message.h>
#include <modsecurity/rules_set.h>
#include <modsecurity/transaction.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>

using modsecurity::ModSecurity;
using modsecurity::RuleMessage;
using modsecurity::RulesSet;
using modsecurity::Transaction;

struct strongroom_rules {
  // The rules go first: they point into the other.
  ModSecurity library;
  RulesSet rules;
};

namespace {

struct Inspection {
  Transaction *transaction;
  strongroom_on_match on_match;
  void *context;
};

strongroom_bytes bytes(const std::string *text) {
  if (text == nullptr) return {nullptr, 0};
  return {text->data(), text->size()};
}

std::string text(const strongroom_bytes &bytes) {
  return bytes.count == 0 ? std::string() : std::string(bytes.bytes, bytes.count);
}

void told(void *context, const void *message) {
  auto inspection = static_cast<Inspection *>(context);
  auto rule = static_cast<const RuleMessage *>(message);
  strongroom_match match;
  match.rule = rule->m_ruleId;
  match.severity = rule->m_severity;
  match.variable = bytes(inspection->transaction->m_variableMatchedVarName.evaluate());
  match.value = bytes(inspection->transaction->m_variableMatchedVar.evaluate());
  inspection->on_match(inspection->context, &match);
}

void say(char *fault, size_t size, const std::string &why) {
  std::snprintf(fault, size, "%s", why.c_str());
}

}  // namespace

strongroom_rules *strongroom_rules_load(
    const char *settings, const char *const *files, size_t file_count, char *fault,
    size_t fault_size) {
  try {
    auto rules = std::make_unique<strongroom_rules>();
    rules->library.setConnectorInformation("Strongroom");
    rules->library.setServerLogCb(told, modsecurity::RuleMessageLogProperty);
    if (rules->rules.load(settings) < 0) {
      say(fault, fault_size, rules->rules.getParserError());
      return nullptr;
    }
    for (size_t at = 0; at < file_count; at++) {
      if (rules->rules.loadFromUri(files[at]) < 0) {
        say(fault, fault_size, rules->rules.getParserError());
        return nullptr;
      }
    }
    return rules.release();
  } catch (const std::exception &error) {
    say(fault, fault_size, error.what());
  } catch (...) {
    say(fault, fault_size, "the library failed");
  }
  return nullptr;
}

void strongroom_rules_free(strongroom_rules *rules) { delete rules; }

int32_t strongroom_rules_inspect(
    strongroom_rules *rules, const strongroom_request *request, strongroom_on_match on_match,
    void *context) {
  try {
    Inspection inspection = {nullptr, on_match, context};
    Transaction transaction(&rules->library, &rules->rules, &inspection);
    inspection.transaction = &transaction;
    // One address for all: what the rules remember of an address would grow with the addresses.
    transaction.processConnection("127.0.0.1", 1, "127.0.0.1", 443);
    transaction.processURI(request->target, request->method, request->version);
    for (size_t at = 0; at < request->field_count; at++) {
      transaction.addRequestHeader(
          text(request->fields[at].name), text(request->fields[at].value));
    }
    transaction.processRequestHeaders();
    for (size_t at = 0; at < request->argument_count; at++) {
      if (!transaction.addArgument(
              "POST", text(request->arguments[at].name), text(request->arguments[at].value), 0)) {
        return -1;
      }
    }
    if (request->body.count > 0) {
      transaction.appendRequestBody(
          reinterpret_cast<const unsigned char *>(request->body.bytes), request->body.count);
    }
    transaction.processRequestBody();
    int32_t total = 0;
    for (const char *name :
         {"anomaly_score_pl1", "anomaly_score_pl2", "anomaly_score_pl3", "anomaly_score_pl4"}) {
      auto score = transaction.m_collections.m_tx_collection->resolveFirst(name);
      if (score) total += std::atoi(score->c_str());
    }
    return total;
  } catch (...) {
    return -1;
  }
}
