// Calibration data: windows of token ids from a file, or from the vocabulary alone. What the model writes
// itself: own_text.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fptq/quantize.h"
#include "model/config.h"
#include "tokenizer/tokenizer.h"

namespace fptq {

using TokenWindows = std::vector<std::vector<int32_t>>;

struct CalibrationData {
  TokenWindows windows;
  std::vector<std::string> warnings;  // fewer windows than asked for

  int64_t tokens() const;
};

// Sources that are not files.
inline constexpr const char* kRandomIds = "random";
inline constexpr const char* kOwnText = "self";

// As many windows as options say, 32 where they do not.
inline int64_t windows_wanted(const CalibrationOptions& options) {
  return options.nsamples.value_or(32);
}

// windows_wanted() windows of `options.seqlen` ids, fewer where the file has no more. A text is tokenized
// without special tokens, as a whole (documents of a JSON file one by one, their ids joined), and cut into
// consecutive windows from its head, or at random places. "random" draws every id uniformly from the ids that
// are in use and not special. Throws Error: kUsage for options outside their range and a text
// shorter than one window; kIo and kBadModel for the file (CalibrationText) and for ids outside the model's
// vocabulary. The result depends on nothing but its arguments and the file.
CalibrationData load_calibration(const CalibrationOptions& options, const Tokenizer& tokenizer,
                                 const ModelConfig& config);

// The ids that are in use and not special. Throws Error(kBadModel) when there is none.
std::vector<int32_t> ordinary_ids(const Tokenizer& tokenizer, const ModelConfig& config);

// Throws Error(kUsage) naming the option: nsamples 1..65536, seqlen 2..max_position, at most 4,194,304 tokens
// in all.
void check_calibration(const CalibrationOptions& options, const ModelConfig& config);

// Windows from the head of `ids`, or at random places (which may overlap); at most windows_wanted().
TokenWindows cut_windows(std::span<const int32_t> ids, const CalibrationOptions& options);
// Windows of ids drawn uniformly from `allowed`, which is not empty.
TokenWindows draw_windows(std::span<const int32_t> allowed, const CalibrationOptions& options);

// Checksum of the windows, for fingerprints of a run.
std::string fingerprint(const TokenWindows& windows);

}  // namespace fptq
