// Which scheme of a compressed-tensors configuration applies to which module.
#pragma once

#include <string>
#include <vector>

#include "formats/quantization_config.h"
#include "tokenizer/target_pattern.h"

namespace fptq {

// Priority as in the library: an exact name beats a pattern beats a class name; among several of one kind the
// alphabetically first target wins, not the order of the file.
class SchemeMatcher {
 public:
  // `config` must outlive the matcher. Throws Error(kBadModel) on a pattern that is not valid.
  explicit SchemeMatcher(const QuantizationConfig& config);

  // The scheme of module `name` of torch class `class_name`; null when the module is dense.
  const QuantizationScheme* find(const std::string& name, const std::string& class_name) const;

 private:
  struct Target {
    TargetPattern pattern;
    const QuantizationScheme* scheme;
  };
  std::vector<Target> targets_;  // names before patterns, each sorted
  std::vector<TargetPattern> ignore_;
};

}  // namespace fptq
