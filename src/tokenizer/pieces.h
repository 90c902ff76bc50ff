// A text cut into pieces: what pre-tokenizers refine step by step.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fptq {

struct Span {
  size_t begin = 0, end = 0;  // bytes
};

// Pieces are in order and not empty. The text is borrowed until a step rewrites it.
class Pieces {
 public:
  // One piece that is all of `text`, which must outlive this. `at_start`: it begins the text that the user
  // gave.
  void reset(std::string_view text, bool at_start) {
    borrowed_ = text;
    owns_ = false;
    at_start_ = at_start;
    spans_.clear();
    if (!text.empty()) spans_.push_back({0, text.size()});
  }

  std::string_view text() const { return owns_ ? std::string_view(own_) : borrowed_; }
  const std::vector<Span>& spans() const { return spans_; }
  std::string_view piece(const Span& s) const { return text().substr(s.begin, s.end - s.begin); }
  // True for a piece that begins where the user's text begins.
  bool at_start(const Span& s) const { return at_start_ && s.begin == 0; }

  // Cuts every piece: `cut(piece_text, spans)` appends the spans, relative to the piece, that stay of it;
  // empty ones are dropped.
  template <typename Cut>
  void cut(const Cut& cut_piece) {
    std::vector<Span> next;
    next.reserve(spans_.size());
    for (const Span& s : spans_) {
      const size_t first = next.size();
      cut_piece(piece(s), next);
      size_t kept = first;
      for (size_t i = first; i < next.size(); ++i) {
        if (next[i].begin < next[i].end) next[kept++] = {s.begin + next[i].begin, s.begin + next[i].end};
      }
      next.resize(kept);
    }
    spans_ = std::move(next);
  }

  // Rewrites every piece: `rewrite(piece_text, at_start, out)` appends the new text of the piece.
  template <typename Rewrite>
  void rewrite(const Rewrite& rewrite_piece) {
    std::string out;
    out.reserve(text().size() + text().size() / 8);
    // A first piece that does not begin the text stays so, though offset 0 is its own now.
    const bool starts = !spans_.empty() && at_start(spans_.front());
    size_t kept = 0;
    for (const Span& s : spans_) {
      const size_t begin = out.size();
      rewrite_piece(piece(s), at_start(s), out);
      if (out.size() > begin) spans_[kept++] = {begin, out.size()};
    }
    spans_.resize(kept);
    own_ = std::move(out);
    owns_ = true;
    at_start_ = starts;
  }

 private:
  std::string_view borrowed_;
  std::string own_;
  bool owns_ = false;
  bool at_start_ = false;
  std::vector<Span> spans_;
};

}  // namespace fptq
