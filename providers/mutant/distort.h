/* The ways of going wrong, by the place where they act. */
#ifndef FRT_MUTANT_DISTORT_H
#define FRT_MUTANT_DISTORT_H

#include "mutant.h"

/* Questions (ask.c). */
#define ASK(name) \
  void frt_mutant_##name(const defect_t *d, const frt_api_op_t *op, int has_dev, \
                         frt_api_support_t *s)
ASK(other_answer);     /* YES and NO in turn */
ASK(no_reason);        /* NO, reason NONE */
ASK(no_detail);        /* NO, nothing in detail */
ASK(wrong_reason);     /* NO for a dtype: says it is the shape */
ASK(yes_to_all);       /* YES to what the table does not claim */
ASK(declines);         /* NO, with reasons, to what the table claims */
ASK(bad_verdict);      /* neither YES nor NO */
ASK(no_without_device);/* another answer where dev is NULL */
ASK(promises_inplace); /* permits sharing memory, which the kernel does not bear */
ASK(other_detail);     /* a detail that changes from call to call */
ASK(busy);             /* NO while an op of it runs */
#undef ASK

/* Preparing (ask.c). */
#define READY(name) \
  frt_status_t frt_mutant_##name(const defect_t *d, const frt_api_op_t *op, \
                                 frt_api_attr_t *attrs, uint64_t *more, frt_error_t *err)
READY(set_attr);       /* attribute `where` has `value` whatever it was given */
READY(complement);     /* attribute `where` has 1 less its value */
READY(list_off);       /* the first number of list `where` is `value` more */
READY(set_text);       /* the same for "attribute=text" */
READY(other_axis);     /* the first of a list of axes is the next one, sizes being equal */
READY(other_broadcast);/* Y is laid along other axes of X, extents being equal */
READY(more_workspace); /* wants 64 bytes more */
READY(cannot_prepare); /* UNIMPLEMENTED after a YES */
READY(careless);       /* writes into memory without a look whether there is any */
READY(leaks_refused);  /* of two blocks the second is refused: the first one stays */
READY(wrong_status);   /* a refused block is INTERNAL */
#undef READY

/* Before the run (before.c). */
#define BEFORE(name) frt_status_t frt_mutant_##name(call_t *c, frt_error_t *err)
BEFORE(save);          /* remembers output `where` */
BEFORE(fill_input);    /* input `where` reads `value` everywhere */
BEFORE(clamp_labels);  /* input `where`: out of range becomes 0; value 0 first, -1 last dim */
BEFORE(short_norm);    /* lars: ||Param|| without its last 8 */
BEFORE(next_draw);     /* the random stream one later */
BEFORE(unimplemented); /* after a YES */
BEFORE(crashes);
BEFORE(hangs);
BEFORE(exits);
BEFORE(aborts);
BEFORE(leaks);
BEFORE(leaks_file);
BEFORE(leaks_thread);
BEFORE(prints);
BEFORE(prints_error);
BEFORE(rounds_up);
BEFORE(flushes);       /* subnormals, by the processor */
BEFORE(changes_locale);
BEFORE(changes_environment);
BEFORE(changes_signal);
BEFORE(changes_folder);
BEFORE(fails_silently);/* an error without a text */
BEFORE(forgets_later); /* input `where` reads 0 in the 500th run of a kernel */
BEFORE(fill_zeros);    /* input `where`: 0 becomes 1, so that no divisor is checked */
BEFORE(writes_first);  /* output `where` is 0 before ids are looked at */
#undef BEFORE

/* After it (after.c). Without `where`: output 0. */
#define AFTER(name) void frt_mutant_##name(call_t *c)
AFTER(keep_tail);      /* the last `value` elements are not written; saved before */
AFTER(keep_head);
AFTER(keep_all);
AFTER(nudge);          /* one element is off by `value` ulp */
AFTER(flip_sign);      /* one element */
AFTER(add_old);        /* what lay in the output before counts */
AFTER(again_inplace);  /* done twice where output and input share memory */
AFTER(write_input);    /* input `where` */
AFTER(overrun);
AFTER(underrun);
AFTER(stale_workspace);
AFTER(workspace_overrun);
AFTER(by_threads);
AFTER(by_address);
AFTER(by_calls);
AFTER(reads_past_end); /* looks at what is behind input 0, and does nothing with it */
AFTER(swap_ends);
AFTER(transpose);      /* a matrix, column by column */
AFTER(nan_to_zero);
AFTER(inf_to_max);
AFTER(plus_zero);      /* -0 becomes 0 */
AFTER(flush_subnormal);
AFTER(wrap_int32);
AFTER(narrow_to_float);/* double results rounded to fp32; int64 through double */
AFTER(overflow_exp);   /* rows where exp of an input would overflow are NaN */
AFTER(other_tie);      /* top_k: of equal values the later one first */
AFTER(last_of_ties);   /* pool2d_grad: of equal neighbours the later one gets the gradient */
AFTER(zero_where_equal);/* an element whose two inputs are equal gets 0 */
AFTER(unbiased);       /* a variance of n elements, times n / (n - 1) */
AFTER(not_inverted);   /* 1 / sqrt(v) is left as v */
AFTER(epsilon_outside);/* 1 / sqrt(v + value) is 1 / (sqrt(v) + value) */
AFTER(without_mean);   /* the mean of Y@GRAD is not taken off */
AFTER(off_by_one);     /* integers: one element is one more */
AFTER(one_in_eight);   /* every eighth call is 1 ulp off */
AFTER(shared_scratch); /* the result goes through memory that all calls share */
AFTER(rounded_down);   /* is written where a 16-byte boundary would be */
AFTER(swallows_refusal);/* without memory the result is zeros, and no error */
AFTER(scratch_input);  /* an input is written and put right again */
AFTER(rests);          /* takes longer */
AFTER(reads_before);   /* looks at what is before input 0 */
AFTER(longer_workspace_read); /* looks at what is behind the workspace */
#undef AFTER

/* The provider as a whole (device.c). */
#define TABLE(name) void frt_mutant_##name(const mutant_t *m, frt_api_provider_t *p)
TABLE(lost_wait);      /* event_wait does not wait */
TABLE(lost_record);    /* event_record records nothing */
TABLE(lost_sync);      /* queue_sync does not wait */
TABLE(silent_queue);   /* queue_sync does not say what failed */
TABLE(grants_all);     /* slabs of any size, 4096 bytes behind them */
TABLE(any_option);     /* dev_open takes options that it does not know */
TABLE(leaking_device);
TABLE(talking_device); /* dev_open prints */
TABLE(careless_queue); /* queue_open writes into memory that it did not get */
TABLE(endless_devices);/* device_info describes devices that there are not */
TABLE(leaking_entry);
#undef TABLE

#endif
