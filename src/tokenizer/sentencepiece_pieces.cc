#include "tokenizer/sentencepiece_pieces.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "fptq/error.h"
#include "tokenizer/utf8.h"

namespace fptq {
namespace {

// A piece is looked up at each of its cuts, so its length has a bound.
constexpr size_t kLongestPiece = 1024;

using Ids = std::unordered_map<std::string_view, int32_t>;

bool takes_part_in_merges(PieceType type) {
  return type == PieceType::kNormal || type == PieceType::kUserDefined;
}

struct ScoredMerge {
  std::string_view left, right;
  float score;
  size_t left_length, right_length;  // code points
};

// SentencePiece joins any two neighbours whose concatenation is a piece, the best score first. As a list of
// merges: every way to cut every piece in two, in the order that transformers gives them (score, then length
// of the left part, then of the right, all falling; then the ids of the parts).
std::vector<std::pair<std::string, std::string>> merges_of(const SentencePieces& model, const Ids& ids) {
  std::vector<ScoredMerge> merges;
  for (const auto& piece : model.pieces) {
    if (!takes_part_in_merges(piece.type)) continue;
    const std::string_view text = piece.text;
    const size_t length = count_code_points(text);
    const size_t first = merges.size();
    size_t cut = 0;
    for (size_t n = 1; n < length; ++n) {
      cut += utf8_length(text[cut]);
      const auto left = ids.find(text.substr(0, cut));
      if (left == ids.end()) continue;
      const auto right = ids.find(text.substr(cut));
      if (right != ids.end()) merges.push_back({left->first, right->first, piece.score, n, length - n});
    }
    std::sort(
        merges.begin() + static_cast<std::ptrdiff_t>(first), merges.end(), [&](const auto& a, const auto& b) {
          return std::pair(ids.at(a.left), ids.at(a.right)) < std::pair(ids.at(b.left), ids.at(b.right));
        });
  }
  std::stable_sort(merges.begin(), merges.end(), [](const ScoredMerge& a, const ScoredMerge& b) {
    return std::tie(a.score, a.left_length, a.right_length) >
           std::tie(b.score, b.left_length, b.right_length);
  });
  std::vector<std::pair<std::string, std::string>> out;
  out.reserve(merges.size());
  for (const ScoredMerge& m : merges) out.emplace_back(m.left, m.right);
  return out;
}

void check_piece(const SentencePieces::Piece& piece, const std::string& where) {
  if (!std::isfinite(piece.score))
    throw Error(ErrorKind::kBadModel, where, fmt::format("score {} is not a number", piece.score));
  const auto type = static_cast<int32_t>(piece.type);
  if (type < 1 || type > 6)
    throw Error(ErrorKind::kBadModel, where, fmt::format("type {} is not between 1 and 6", type));
  if (piece.text.size() > kLongestPiece) {
    throw Error(
        ErrorKind::kBadModel, where,
        fmt::format("a piece of {} bytes, at most {} are accepted", piece.text.size(), kLongestPiece));
  }
  if (!is_valid_utf8(piece.text)) throw Error(ErrorKind::kBadModel, where, "the piece is not valid UTF-8");
}

const std::string& piece_at(const SentencePieces& model, int32_t id, const char* name,
                            const std::string& where) {
  if (id < 0 || static_cast<size_t>(id) >= model.pieces.size()) {
    throw Error(ErrorKind::kBadModel, where,
                fmt::format("{} id {} of {} pieces", name, id, model.pieces.size()));
  }
  return model.pieces[static_cast<size_t>(id)].text;
}

void set_spaces(TokenizerJson& json, bool add_dummy_prefix) {
  const auto replace = [](const char* from, const char* to) {
    return Json{{"type", "Replace"}, {"pattern", {{"String", from}}}, {"content", to}};
  };
  std::vector<Json> normalizers;
  if (add_dummy_prefix) normalizers.push_back({{"type", "Prepend"}, {"prepend", "▁"}});
  normalizers.push_back(replace(" ", "▁"));
  std::vector<Json> decoders{replace("▁", " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}};
  if (add_dummy_prefix) decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  json.normalizer = sequence_part("normalizers", std::move(normalizers));
  json.decoder = sequence_part("decoders", std::move(decoders));
}

}  // namespace

TokenizerJson sentencepiece_json(const SentencePieces& model, const std::string& where) {
  TokenizerJson json;
  Ids ids;
  json.fuse_unk = true;
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    const auto& piece = model.pieces[i];
    const std::string place = fmt::format("{}:pieces[{}]", where, i);
    check_piece(piece, place);
    const int32_t id = checked_token_id(static_cast<int64_t>(i), place);
    json.vocab.emplace_back(piece.text, id);
    if (takes_part_in_merges(piece.type)) ids.emplace(piece.text, id);
    if (piece.type == PieceType::kByte) json.byte_fallback = true;
    if (piece.type == PieceType::kUnknown) json.unk_token = piece.text;
    const bool special = piece.type == PieceType::kUnknown || piece.type == PieceType::kControl;
    if (!special && piece.type != PieceType::kUserDefined) continue;
    AddedToken added;
    added.id = id;
    added.content = piece.text;
    added.special = special;
    added.normalized = false;
    json.added.push_back(added);
  }
  json.merges = merges_of(model, ids);
  set_spaces(json, model.add_dummy_prefix);
  if (model.add_bos && model.bos) json.before.push_back(piece_at(model, *model.bos, "bos", where));
  if (model.add_eos && model.eos) json.after.push_back(piece_at(model, *model.eos, "eos", where));
  return json;
}

}  // namespace fptq
