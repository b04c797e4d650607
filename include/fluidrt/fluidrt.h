/* Everything an application needs; provider authors include provider.h. */
#ifndef FLUIDRT_FLUIDRT_H
#define FLUIDRT_FLUIDRT_H

#include "fluidrt/builder.h"
#include "fluidrt/checkpoint.h"
#include "fluidrt/executor.h"
#include "fluidrt/imperative.h"
#include "fluidrt/inference.h"
#include "fluidrt/io.h"
#include "fluidrt/layers.h"
#include "fluidrt/layers_image.h"
#include "fluidrt/layers_more.h"
#include "fluidrt/layers_norm.h"
#include "fluidrt/op.h"
#include "fluidrt/program.h"
#include "fluidrt/runtime.h"
#include "fluidrt/scope.h"
#include "fluidrt/status.h"
#include "fluidrt/tensor.h"
#include "fluidrt/train.h"

#endif
