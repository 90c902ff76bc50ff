// Loops that the compiler vectorizes, built for several instruction sets and chosen when the program starts.
// With -ffp-contract=off every clone computes the same bits as long as sums have a fixed order in the source.
#pragma once

// Sanitizers instrument the function that chooses, which runs before they are ready.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FPTQ_VECTOR_CLONES
#else
#define FPTQ_VECTOR_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#endif
