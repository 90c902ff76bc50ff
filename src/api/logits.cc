#include "fptq/logits.h"

#include <algorithm>

#include "api/engine.h"
#include "api/kv_names.h"
#include "base/file_io.h"
#include "fptq/error.h"

namespace fptq {

void write_logits(const std::string& model, const std::vector<int32_t>& ids, const std::string& out_path,
                  const std::string& kv, int threads) {
  if (ids.empty()) throw Error(ErrorKind::kUsage, "--ids", "holds no token ids");
  const auto pool = make_pool(threads);
  Engine engine(model, *pool);
  Model& m = *engine.model;
  KvCache cache = m.make_cache(kv_type(kv, engine.checkpoint));
  const SequenceInput input{ids, &cache};
  m.forward(std::span(&input, 1));

  FileWriter out(out_path);
  constexpr int64_t kRows = 64;
  const int64_t vocab = m.config().vocab_size, width = m.config().hidden_size;
  AlignedBuffer<float> logits(static_cast<size_t>(kRows * vocab));
  for (int64_t at = 0; at < std::ssize(ids); at += kRows) {
    const int64_t rows = std::min(kRows, std::ssize(ids) - at);
    m.logits(m.hidden() + at * width, rows, logits.data());
    out.write(std::as_bytes(std::span(logits.data(), static_cast<size_t>(rows * vocab))));
  }
  out.commit();
}

}  // namespace fptq
