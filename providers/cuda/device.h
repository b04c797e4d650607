/* What provider.cu puts into the table. */
#ifndef FRT_CUDA_DEVICE_H
#define FRT_CUDA_DEVICE_H

#include "gpu.h"

uint32_t frt_gpu_device_count(void *self, char *why);
frt_status_t frt_gpu_device_info(void *self, uint32_t index, frt_api_device_info_t *out,
                                 frt_error_t *err);
frt_status_t frt_gpu_dev_open(void *self, uint32_t index, const frt_api_option_t *opt,
                              uint32_t n_opt, frt_dev_t **out, frt_error_t *err);
void frt_gpu_dev_close(frt_dev_t *dev);
frt_status_t frt_gpu_slab_alloc(frt_dev_t *dev, uint32_t kind, uint64_t bytes, void **out,
                                frt_error_t *err);
void frt_gpu_slab_free(frt_dev_t *dev, uint32_t kind, void *p);
frt_status_t frt_gpu_copy(frt_dev_t *dev, frt_queue_t *q, uint32_t direction, void *dst,
                          const void *src, uint64_t bytes, frt_error_t *err);
frt_status_t frt_gpu_queue_open(frt_dev_t *dev, frt_queue_t **out, frt_error_t *err);
frt_status_t frt_gpu_queue_sync(frt_queue_t *q, frt_error_t *err);
void frt_gpu_queue_close(frt_queue_t *q);
frt_status_t frt_gpu_event_open(frt_dev_t *dev, frt_event_t **out, frt_error_t *err);
frt_status_t frt_gpu_event_record(frt_event_t *e, frt_queue_t *q, frt_error_t *err);
frt_status_t frt_gpu_event_wait(frt_event_t *e, frt_queue_t *q_or_null, frt_error_t *err);
void frt_gpu_event_close(frt_event_t *e);

#endif
