#include "base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "fptq/error.h"

namespace fptq {
namespace {

// `v` as one short line for an error message: control characters come out escaped.
std::string shown(const Json& v) {
  std::string text = v.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() > 60 ? text.substr(0, 57) + "..." : text;
}

// Builds the DOM from SAX events so that depth and duplicate keys can be checked on the way.
class StrictBuilder : public nlohmann::json_sax<Json> {
 public:
  StrictBuilder(const std::string& where, int max_depth) : where_(where), max_depth_(max_depth) {}

  Json take() { return std::move(root_); }

  bool null() override { return put(nullptr); }
  bool boolean(bool v) override { return put(v); }
  bool number_integer(number_integer_t v) override { return put(v); }
  bool number_unsigned(number_unsigned_t v) override { return put(v); }
  bool number_float(number_float_t v, const string_t&) override { return put(v); }
  bool string(string_t& v) override { return put(std::move(v)); }
  bool binary(binary_t&) override { return false; }

  bool start_object(size_t) override { return open(Json::object()); }
  bool start_array(size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& k) override {
    // ordered_json looks keys up linearly, so members are collected and moved in at the end.
    stack_.back().members.emplace_back(std::move(k), Json());
    return true;
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception& e) override {
    std::string reason = e.what();
    if (const size_t cut = reason.find("] "); cut != std::string::npos) reason = reason.substr(cut + 2);
    if (reason.size() > 200) reason = reason.substr(0, 200) + "...";
    throw Error(ErrorKind::kBadModel, where_, fmt::format("not valid JSON at byte {}: {}", position, reason));
  }

 private:
  struct Frame {
    Json value;
    std::vector<std::pair<std::string, Json>> members;
  };

  void expect_distinct_keys(const Frame& frame) const {
    // Sorted by hash, as numbers compare faster than a vocabulary's strings; by text where hashes are equal,
    // so that no input takes quadratic time.
    struct Key {
      size_t hash;
      const std::string* text;
      bool operator<(const Key& other) const {
        return hash != other.hash ? hash < other.hash : *text < *other.text;
      }
      bool operator==(const Key& other) const { return hash == other.hash && *text == *other.text; }
    };
    std::vector<Key> keys;
    keys.reserve(frame.members.size());
    for (const auto& member : frame.members)
      keys.push_back({std::hash<std::string>{}(member.first), &member.first});
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    if (twice == keys.end()) return;
    throw Error(ErrorKind::kBadModel, where_, fmt::format("duplicate key {}", shown(*twice->text)));
  }

  bool put(Json v) {
    if (stack_.empty()) {
      root_ = std::move(v);
    } else if (stack_.back().value.is_array()) {
      stack_.back().value.push_back(std::move(v));
    } else {
      stack_.back().members.back().second = std::move(v);
    }
    return true;
  }
  bool open(Json v) {
    if (static_cast<int>(stack_.size()) >= max_depth_) {
      throw Error(ErrorKind::kBadModel, where_, fmt::format("JSON is nested deeper than {}", max_depth_));
    }
    stack_.push_back({std::move(v), {}});
    return true;
  }
  bool close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    if (frame.value.is_object()) {
      expect_distinct_keys(frame);
      auto& object = frame.value.get_ref<Json::object_t&>();
      object.reserve(frame.members.size());
      for (auto& member : frame.members) {
        static_cast<std::vector<std::pair<const std::string, Json>>&>(object).emplace_back(
            std::move(member.first), std::move(member.second));
      }
    }
    return put(std::move(frame.value));
  }

  const std::string& where_;
  int max_depth_;
  Json root_;
  std::vector<Frame> stack_;
};

[[noreturn]] void wrong(const Json* found, const char* key, const std::string& where, const char* expected) {
  throw Error(ErrorKind::kBadModel, where + ":" + key,
              fmt::format("expected {}, found {}", expected, found == nullptr ? "nothing" : shown(*found)));
}

}  // namespace

Json parse_json(std::string_view text, const std::string& where, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    throw Error(ErrorKind::kBadModel, where,
                fmt::format("JSON of {} bytes, at most {} are accepted", text.size(), limits.max_bytes));
  }
  // The parser takes a zero byte for the end of the text and would not see what follows it.
  if (const size_t zero = text.find('\0'); zero != std::string_view::npos) {
    throw Error(ErrorKind::kBadModel, where, fmt::format("not valid JSON at byte {}: zero byte", zero + 1));
  }
  StrictBuilder builder(where, limits.max_depth);
  Json::sax_parse(text, &builder);
  return builder.take();
}

const Json* json_find(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

int64_t json_int(const Json& object, const char* key, const std::string& where) {
  const Json* v = json_find(object, key);
  if (v == nullptr || !v->is_number_integer()) wrong(v, key, where, "an integer");
  if (v->is_number_unsigned() && v->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
    wrong(v, key, where, "an integer below 2^63");
  }
  return v->get<int64_t>();
}

int64_t json_int(const Json& object, const char* key, const std::string& where, int64_t fallback) {
  return json_find(object, key) == nullptr ? fallback : json_int(object, key, where);
}

double json_number(const Json& object, const char* key, const std::string& where) {
  const Json* v = json_find(object, key);
  if (v == nullptr || !v->is_number()) wrong(v, key, where, "a number");
  return v->get<double>();
}

double json_number(const Json& object, const char* key, const std::string& where, double fallback) {
  return json_find(object, key) == nullptr ? fallback : json_number(object, key, where);
}

bool json_bool(const Json& object, const char* key, const std::string& where, bool fallback) {
  const Json* v = json_find(object, key);
  if (v == nullptr) return fallback;
  if (!v->is_boolean()) wrong(v, key, where, "true or false");
  return v->get<bool>();
}

std::string json_string(const Json& object, const char* key, const std::string& where) {
  const Json* v = json_find(object, key);
  if (v == nullptr || !v->is_string()) wrong(v, key, where, "a string");
  return v->get<std::string>();
}

std::string json_string(const Json& object, const char* key, const std::string& where,
                        const std::string& fallback) {
  return json_find(object, key) == nullptr ? fallback : json_string(object, key, where);
}

}  // namespace fptq
