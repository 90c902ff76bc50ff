// The one exception type that the library throws. Apps map its kind to an exit code.
#pragma once

#include <stdexcept>
#include <string>

namespace fptq {

// The numeric value is the documented exit code of the command line.
enum class ErrorKind : int {
  kFailure = 1,       // a computation could not be finished, or a bug of ours
  kUsage = 2,         // an option or a combination of options makes no sense
  kBadModel = 3,      // a model, tokenizer or data file is malformed or of an unsupported kind
  kIo = 4,            // a file is missing, unreadable or unwritable, or there is no space
  kGate = 5,          // a quality gate asked for by the user failed
  kVerification = 6,  // checksums or structure of a finished output do not match its manifest
};

// `where` names the file and, after a colon, the field or tensor ("model.safetensors:lm_head.weight");
// `what` says what is wrong with expected and found; `fix`, if any, says what the user can do.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, std::string where, std::string what, std::string fix = {})
      : std::runtime_error((where.empty() ? "" : where + ": ") + what +
                           (fix.empty() ? "" : " (" + fix + ")")),
        kind_(kind),
        where_(std::move(where)),
        fix_(std::move(fix)) {}

  ErrorKind kind() const { return kind_; }
  const std::string& where() const { return where_; }
  const std::string& fix() const { return fix_; }

 private:
  ErrorKind kind_;
  std::string where_;
  std::string fix_;
};

}  // namespace fptq
