/* One loop, compiled for several instruction sets, picked when the provider opens.
 * Not target_clones: its resolvers run before a sanitizer's runtime is ready, and a
 * plain branch on a hidden integer costs less than a call through the PLT. */
#ifndef FRT_CPU_ISA_H
#define FRT_CPU_ISA_H

/* 0 baseline, 1 AVX2 with FMA, 2 AVX-512 (F, VL, BW, DQ). Written once, at entry. */
extern __attribute__((visibility("hidden"))) int frt_cpu_isa_level;

#define FRT_CPU_BODY static inline __attribute__((always_inline))

/* The buffers of one loop are equal or apart: never shifted against each other. */
#if defined(__clang__)
#define FRT_CPU_IVDEP _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define FRT_CPU_IVDEP _Pragma("GCC ivdep")
#else
#define FRT_CPU_IVDEP
#endif

#if defined(__x86_64__) && defined(__GNUC__)
#define FRT_CPU_X86 1
/* No FMA here: these are the loops whose bits must not depend on the kind of CPU. */
#define FRT_CPU_AVX2 __attribute__((target("avx2")))
#define FRT_CPU_AVX512 __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq")))
/* name_body must be FRT_CPU_BODY. Gives `name` with the same parameters. */
#define FRT_CPU_VARIANTS(name, params, args)                        \
  FRT_CPU_AVX512 static void name##_512 params { name##_body args; } \
  FRT_CPU_AVX2 static void name##_256 params { name##_body args; }   \
  static void name params {                                         \
    if (frt_cpu_isa_level == 1) name##_256 args;                    \
    else if (frt_cpu_isa_level == 2) name##_512 args;               \
    else name##_body args;                                          \
  }
#else
#define FRT_CPU_VARIANTS(name, params, args) \
  static void name params { name##_body args; }
#endif

#endif
