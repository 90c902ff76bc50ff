// Prompts of users' tasks: text in which {{name}} stands for a member of the record, {{name.inner}} and
// {{name[0]}} for parts of it, as in lm-evaluation-harness's task files (without their filters and code).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace fptq {

class Template {
 public:
  // `where` names the place for errors. Throws Error(kBadModel) for braces that do not match or an empty
  // name.
  Template(std::string_view text, const std::string& where);

  // Strings as they are; numbers and truth values as JSON writes them. Throws Error(kBadModel, where) when
  // the record has no such member or it is of another kind.
  std::string render(const Json& record, const std::string& where) const;
  // The member when the template is nothing but one {{name}}, null otherwise.
  const Json* member(const Json& record, const std::string& where) const;

 private:
  struct Part {
    std::string text;               // when path is empty
    std::vector<std::string> path;  // names, and indexes of arrays
  };
  static const Json& find(const Part& part, const Json& record, const std::string& where);

  std::vector<Part> parts_;
};

}  // namespace fptq
