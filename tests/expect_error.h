// Tests that something is refused, and with which words.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "fptq/error.h"

namespace fptq {

// `action` throws fptq::Error of `kind`, whose one-line message contains every one of `words`.
inline void expect_error(ErrorKind kind, const std::vector<std::string>& words,
                         const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& e) {
    const std::string message = e.what();
    EXPECT_EQ(static_cast<int>(e.kind()), static_cast<int>(kind)) << message;
    for (const std::string& word : words) EXPECT_THAT(message, testing::HasSubstr(word));
    EXPECT_THAT(message, testing::Not(testing::HasSubstr("\n")));
    return;
  }
  ADD_FAILURE() << "accepted, expected an error naming \"" << (words.empty() ? "" : words.front()) << '"';
}

}  // namespace fptq
