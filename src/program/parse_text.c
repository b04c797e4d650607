/* Programs from protobuf text: the text becomes wire bytes, which the loader then
 * decodes with all its checks. A work list over the description of ProgramDesc; the
 * stack is as deep as that description, whatever the text. */
#include <ctype.h>
#include <string.h>

#include "program/text.h"

static frt_status_t open_message(frti_text_reader_t *r, const frti_text_target_t *to, bool in_list) {
  frti_text_skip(r);
  const char *where = r->at;
  if (r->at == r->end || (*r->at != '{' && *r->at != '<')) return frti_text_unexpected(r, "'{'");
  if (r->depth + 1 == FRTI_TEXT_DEPTH) return frti_text_fault(r, where, "nested too deeply");
  const char close = *r->at++ == '{' ? '}' : '>';
  const size_t start = frti_text_open(r, to);
  r->stack[++r->depth] =
      (frti_text_level_t){.message = to->field ? to->field->descriptor : NULL, .opened = where,
                .start = start, .close = close, .in_list = in_list,
                .field = to->field};
  return FRT_OK;
}

static frt_status_t unknown_field(const frti_text_reader_t *r, const frti_text_token_t *t) {
  const ProtobufCMessageDescriptor *m = r->stack[r->depth].message;
  frti_nearest_t near = {.wanted = t->s};
  for (unsigned i = 0; m && i < m->n_fields; ++i)
    frti_nearest_offer(&near, m->fields[i].name);
  return frti_text_fault(r, t->from, "no field '%.40s' in %s%s%s%s", t->s,
               m ? m->short_name : "an unknown field", near.best ? "; nearest is '" : "",
               near.best ? near.best : "", near.best ? "'" : "");
}

static frt_status_t find_target(frti_text_reader_t *r, const frti_text_token_t *t, frti_text_target_t *to) {
  frti_text_level_t *top = &r->stack[r->depth];
  uint64_t number;
  memset(to, 0, sizeof *to);
  snprintf(to->name, sizeof to->name, "%s", t->s);
  if (isdigit((unsigned char)t->s[0])) {
    if (!frti_text_magnitude(t->s, &number) || !number || number >= 1u << 29)
      return frti_text_fault(r, t->from, "'%.40s' is no field number", t->s);
    to->number = (uint32_t)number;
    if (top->message)
      to->field = protobuf_c_message_descriptor_get_field(top->message, to->number);
  } else {
    if (top->message)
      to->field = protobuf_c_message_descriptor_get_field_by_name(top->message, t->s);
    if (!to->field) return unknown_field(r, t);
    to->number = to->field->id;
  }
  if (!to->field || to->field->label == PROTOBUF_C_LABEL_REPEATED) {
    if (to->field) top->seen |= 1u << (to->field - top->message->fields);
    return FRT_OK;
  }
  const uint32_t bit = 1u << (to->field - top->message->fields);
  if (top->seen & bit) return frti_text_fault(r, t->from, "'%s' is given twice", to->name);
  top->seen |= bit;
  return FRT_OK;
}

static void skip_separator(frti_text_reader_t *r) {
  if (!frti_text_take(r, ',')) frti_text_take(r, ';');
}

static frt_status_t read_list(frti_text_reader_t *r, const frti_text_target_t *to) {
  if (frti_text_take(r, ']')) return FRT_OK;
  for (;;) {
    FRT_TRY(frti_text_scalar(r, to));
    if (frti_text_take(r, ']')) return FRT_OK;
    if (!frti_text_take(r, ',')) return frti_text_unexpected(r, "',' or ']'");
  }
}

static frt_status_t read_field(frti_text_reader_t *r) {
  frti_text_token_t t;
  frti_text_target_t to;
  if (*r->at == '[') return frti_text_fault(r, r->at, "extensions are not part of the format");
  FRT_TRY(frti_text_token(r, "the name of a field", &t));
  FRT_TRY(find_target(r, &t, &to));
  const bool repeated = !to.field || to.field->label == PROTOBUF_C_LABEL_REPEATED;
  bool message = to.field && to.field->type == PROTOBUF_C_TYPE_MESSAGE;
  const bool colon = frti_text_take(r, ':');
  frti_text_skip(r);
  if (!to.field && r->at < r->end) message = *r->at == '{' || *r->at == '<';
  if (!message && !colon) return frti_text_unexpected(r, "':'");
  if (repeated && to.field && frti_text_take(r, '[')) {
    if (!message) FRT_TRY(read_list(r, &to));
    else if (!frti_text_take(r, ']')) return open_message(r, &to, true);
  } else {
    if (message) return open_message(r, &to, false);
    FRT_TRY(frti_text_scalar(r, &to));
  }
  skip_separator(r);
  return FRT_OK;
}

static frt_status_t check_required(const frti_text_reader_t *r, const char *where) {
  const frti_text_level_t *top = &r->stack[r->depth];
  for (unsigned i = 0; top->message && i < top->message->n_fields; ++i)
    if (top->message->fields[i].label == PROTOBUF_C_LABEL_REQUIRED &&
        !(top->seen >> i & 1))
      return frti_text_fault(r, where, "%s: '%s' is required, but missing",
                   top->message->short_name, top->message->fields[i].name);
  return FRT_OK;
}

/* The message of a list is followed by another one, or by the list's end. */
static frt_status_t close_message(frti_text_reader_t *r) {
  const frti_text_level_t done = r->stack[r->depth];
  FRT_TRY(check_required(r, done.opened));
  frti_text_close(r, done.start);
  --r->depth;
  if (done.in_list && frti_text_take(r, ',')) {
    const frti_text_target_t to = {.field = done.field, .number = done.field->id};
    return open_message(r, &to, true);
  }
  if (done.in_list && !frti_text_take(r, ']')) return frti_text_unexpected(r, "',' or ']'");
  skip_separator(r);
  return FRT_OK;
}

static frt_status_t read_all(frti_text_reader_t *r) {
  for (;;) {
    const frti_text_level_t *top = &r->stack[r->depth];
    frti_text_skip(r);
    if (r->out.failed) return frti_no_memory(r->err);
    if (r->out.len > r->max_bytes)
      return frt_fail(r->err, FRT_RESOURCE_EXHAUSTED,
                      "the program has more than %llu bytes (max_bytes)",
                      (unsigned long long)r->max_bytes);
    if (r->at == r->end) {
      if (!r->depth) return check_required(r, r->at);
      return frti_text_fault(r, top->opened, "'%s' is not closed",
                             top->field ? top->field->name : "an unknown field");
    }
    if (r->depth && *r->at == top->close) {
      ++r->at;
      FRT_TRY(close_message(r));
    } else {
      FRT_TRY(read_field(r));
    }
  }
}

frt_status_t frt_program_parse_text(const char *text, size_t n,
                                    const frt_load_options_t *options,
                                    frt_program_t **out, frt_error_t *err) {
  const frti_limits_t limits = frti_limits_of(options);
  frti_text_reader_t r = {.text = text, .at = text, .end = text + n, .err = err,
                          .max_bytes = limits.max_bytes};
  *out = NULL;
  r.stack[0].message = frti_program_descriptor();
  frt_status_t status = FRT_OK;
  if (n > limits.max_bytes)
    status = frt_fail(err, FRT_RESOURCE_EXHAUSTED, "the text has %zu bytes; max_bytes is "
                      "%llu", n, (unsigned long long)limits.max_bytes);
  else
    status = read_all(&r);
  if (status == FRT_OK)
    status = frt_program_parse(r.out.text, r.out.len, options, out, err);
  else
    frti_error_phase(err, status, FRT_PHASE_PARSE);
  frti_str_release(&r.out);
  return status;
}
