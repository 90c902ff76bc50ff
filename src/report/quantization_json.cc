#include "report/quantization_json.h"

#include "fptq/error.h"

namespace fptq::report {
namespace {

Json to_members(const ChannelMaxima& m) {
  return {{"largest", m.largest}, {"median", m.median}, {"bins", m.bins}};
}

Json to_members(const InputProfile& p) {
  Json outliers = Json::array();
  for (const OutlierChannel& o : p.outliers)
    outliers.push_back({{"channel", o.channel}, {"before", o.before}, {"after", o.after}});
  return {{"tokens", p.tokens},
          {"channels", p.channels},
          {"channel_maxima", {{"before", to_members(p.before)}, {"after", to_members(p.after)}}},
          {"kurtosis", p.kurtosis},
          {"outlier_channels", p.outlier_channels},
          {"outliers", std::move(outliers)},
          {"massive_tokens", p.massive_tokens}};
}

// An array of what `read` makes of each element; none when the key is absent.
template <typename Read>
auto list_of(const Json& json, const char* key, const std::string& where, Read read) {
  std::vector<decltype(read(json))> out;
  const Json* found = json_find(json, key);
  if (found == nullptr) return out;
  if (!found->is_array()) throw Error(ErrorKind::kBadModel, where + ":" + key, "expected an array");
  for (const Json& element : *found) out.push_back(read(element));
  return out;
}

ChannelMaxima maxima_of(const Json& json, const char* key, const std::string& where) {
  const Json* found = json_find(json, key);
  if (found == nullptr) return {};
  const auto number = [&](const Json& v) {
    if (!v.is_number()) throw Error(ErrorKind::kBadModel, where + ":bins", "expected numbers");
    return v.get<double>();
  };
  return {.largest = json_number(*found, "largest", where, 0),
          .median = json_number(*found, "median", where, 0),
          .bins = list_of(*found, "bins", where, number)};
}

InputProfile profile_of(const Json& json, const std::string& where) {
  InputProfile p;
  p.tokens = json_int(json, "tokens", where, 0);
  p.channels = json_int(json, "channels", where, 0);
  if (const Json* maxima = json_find(json, "channel_maxima")) {
    p.before = maxima_of(*maxima, "before", where);
    p.after = maxima_of(*maxima, "after", where);
  }
  p.kurtosis = json_number(json, "kurtosis", where, 0);
  p.outlier_channels = json_int(json, "outlier_channels", where, 0);
  p.outliers = list_of(json, "outliers", where, [&](const Json& o) {
    return OutlierChannel{json_int(o, "channel", where), json_number(o, "before", where),
                          json_number(o, "after", where)};
  });
  p.massive_tokens = json_int(json, "massive_tokens", where, 0);
  return p;
}

}  // namespace

Json to_members(const InputDecision& d) {
  Json json = {{"layer", d.layer}, {"input", d.input},         {"consumers", d.consumers},
               {"v", d.v},         {"equalized", d.equalized}, {"activation", d.activation},
               {"scale", d.scale}, {"reason", d.reason}};
  if (d.profile.tokens > 0) json["profile"] = to_members(d.profile);
  return json;
}

Json to_members(const LinearReport& l) {
  return {{"module", l.module},
          {"bits", l.bits},
          {"group_size", l.group_size},
          {"group_size_fell_back", l.group_size_fell_back},
          {"relative_error", l.relative_error},
          {"sqnr_db", l.sqnr_db},
          {"form", l.form},
          {"weights", l.weights},
          {"clipped_share", l.clipped_share},
          {"smallest_scale", l.smallest_scale},
          {"largest_scale", l.largest_scale}};
}

Json to_members(const BlockReport& b) {
  return {{"layer", b.layer}, {"output_sqnr_db", b.output_sqnr_db}};
}

InputDecision decision_of(const Json& json, const std::string& where) {
  InputDecision d;
  d.layer = json_int(json, "layer", where);
  d.input = json_string(json, "input", where);
  d.consumers = list_of(json, "consumers", where, [&](const Json& name) {
    if (!name.is_string()) throw Error(ErrorKind::kBadModel, where + ":consumers", "expected strings");
    return name.get<std::string>();
  });
  d.v = json_number(json, "v", where, 0);
  d.equalized = json_bool(json, "equalized", where, false);
  d.activation = json_string(json, "activation", where);
  d.scale = json_number(json, "scale", where, 0);
  d.reason = json_string(json, "reason", where, "");
  if (const Json* profile = json_find(json, "profile")) d.profile = profile_of(*profile, where);
  return d;
}

LinearReport linear_of(const Json& json, const std::string& where) {
  return {.module = json_string(json, "module", where),
          .bits = static_cast<int>(json_int(json, "bits", where)),
          .group_size = json_int(json, "group_size", where, 0),
          .group_size_fell_back = json_bool(json, "group_size_fell_back", where, false),
          .relative_error = json_number(json, "relative_error", where, 0),
          .sqnr_db = json_number(json, "sqnr_db", where, 0),
          .form = json_string(json, "form", where, ""),
          .weights = json_int(json, "weights", where, 0),
          .clipped_share = json_number(json, "clipped_share", where, 0),
          .smallest_scale = json_number(json, "smallest_scale", where, 0),
          .largest_scale = json_number(json, "largest_scale", where, 0)};
}

BlockReport block_of(const Json& json, const std::string& where) {
  return {json_int(json, "layer", where), json_number(json, "output_sqnr_db", where)};
}

}  // namespace fptq::report
