/* The fault injection point of the allocation door, for tests. */
#ifndef FRTI_FAULT_H
#define FRTI_FAULT_H

#include <stdbool.h>

/* NULL, or asked before each allocation: true makes it fail. Set it only while no
 * other thread allocates. */
extern bool (*frti_alloc_fails)(void);

#endif
