// Unicode normalization forms, as Hugging Face's tokenizers computes them.
#pragma once

#include <string>

namespace fptq {

enum class NormalizationForm { kNfc, kNfd, kNfkc, kNfkd };

// Normalizes valid UTF-8 in place. Throws Error(kFailure) when memory for the result runs out.
//
// tokenizers uses tables of Unicode 9: marks and compatibility letters that are younger pass through it
// unchanged and stop reordering and composition. So they do here.
void normalize_unicode(std::string& text, NormalizationForm form);

}  // namespace fptq
