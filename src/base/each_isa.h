// A function compiled once per instruction set, chosen when the program starts. For plain loops that the
// compiler vectorizes: no product and sum are contracted and no sum is reordered, so every version gives the
// same bits.
#pragma once

// Sanitizers instrument the resolvers, which run before they are ready.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FPTQ_EACH_ISA
#else
#define FPTQ_EACH_ISA __attribute__((target_clones("avx512f", "avx2", "default")))
#endif
