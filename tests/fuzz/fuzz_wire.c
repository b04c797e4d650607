/* The scan of wire bytes against the decoder that runs after it: bytes that the scan lets
 * pass, the decoder accepts; a refusal names an offset inside the bytes. */
#include "fuzz.h"

#include "program/parts.h"
#include "program/wire.h"

enum { BUDGET = 1 << 26 };

typedef struct budget { size_t taken; int refused; } budget_t;

static void *take(void *context, size_t bytes) {
  budget_t *b = context;
  if (bytes > BUDGET - b->taken) {
    b->refused = 1;
    return NULL;
  }
  b->taken += bytes;
  return malloc(bytes ? bytes : 1);
}
static void give(void *context, void *p) {
  (void)context;
  free(p);
}

static void decoder_accepts(const uint8_t *data, size_t size) {
  budget_t budget = {0, 0};
  ProtobufCAllocator a = {take, give, &budget};
  ProtobufCMessage *m = protobuf_c_message_unpack(frti_program_descriptor(), &a, size, data);
  if (!m && !budget.refused) WRONG("the scan passed what the decoder refuses");
  if (m) protobuf_c_message_free_unpacked(m, &a);
}

static void refusal_is_placed(const frt_error_t *err, size_t size) {
  const char *at = strstr(err->message, "offset ");
  if (!at || strtoull(at + 7, NULL, 10) > size) WRONG("no such offset: %s", err->message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const frti_wire_rule_t none = {frti_program_descriptor(), 1, true, 0, "blocks", "no_blocks"};
  frt_error_t err = FRT_ERROR_INIT;
  frti_wire_kind(data, size);
  frti_wire_name_fault(data, size);
  frt_status_t status = frti_wire_scan(data, size, frti_program_descriptor(), NULL, 0, &err);
  fuzz_error(status, &err);
  if (status == FRT_OK) decoder_accepts(data, size);
  else if (status == FRT_DATA_LOSS) refusal_is_placed(&err, size);
  else WRONG("without a rule: %s", err.message);
  if (status != FRT_OK) return 0;
  /* A program that begins with a block has more of them than none. */
  const frt_status_t ruled =
      frti_wire_scan(data, size, frti_program_descriptor(), &none, 1, &err);
  if (size && data[0] == 0x0a && ruled != FRT_RESOURCE_EXHAUSTED)
    WRONG("a block beyond the rule: status %d", (int)ruled);
  return 0;
}
