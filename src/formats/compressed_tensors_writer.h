// Writing a quantized model as a Hugging Face directory in compressed-tensors' pack-, int- and
// float-quantized forms; or, when its layers are NF4, in bitsandbytes' form.
//
// While it works, everything lives in `<output>.partial`: one part file per finished block (so that a killed
// run can go on), then the assembled files, then the manifest; last the folder is renamed to `<output>`.
// Whoever sees `<output>` sees all of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "formats/checkpoint.h"
#include "tensor/linear_weights.h"

namespace fptq {

struct WriterOptions {
  DType dtype = DType::kBF16;  // of scales, norms, embeddings, head
  KvType kv = KvType::kFloat;  // that engines are asked for
  bool overwrite = false;      // replace an existing output
  std::string fingerprint;     // of source, options and calibration data: parts of another run are not reused
};

// Norms have the type that they are stored in.
struct StoredBlock {
  std::vector<LinearWeights> linears;  // in the order of kAllLinears
  Tensor attention_norm;
  Tensor mlp_norm;
};

class CompressedTensorsWriter {
 public:
  // Creates or reopens `<output>.partial` (locked against a second run). Throws Error(kIo) when `output`
  // exists and may not be replaced, is the source itself (by device and inode), or lies inside it; or when
  // free space is short of `expected_bytes`.
  CompressedTensorsWriter(const std::filesystem::path& output, const Checkpoint& source,
                          const WriterOptions& options, uint64_t expected_bytes);
  // Unless finish() was reached: removes the partial folder when an exception is in flight, keeps it
  // otherwise.
  ~CompressedTensorsWriter();

  // Blocks 0 .. n-1 whose parts are on disk, complete and of the same fingerprint (0: a fresh start).
  int64_t finished_blocks() const;
  // Forgets parts from `layer` on.
  void drop_from(int64_t layer);
  // Folder for the caller's own resume state.
  const std::filesystem::path& partial_folder() const;

  // Makes block `layer` durable. `linears` are in the order of kAllLinears, quantized or dense.
  void put_block(int64_t layer, std::span<const LinearWeights> linears, const Tensor& attention_norm,
                 const Tensor& mlp_norm);

  // A finished block as it reads back, quantized to integers or dense. Codes are mapped from its part.
  StoredBlock block(int64_t layer) const;
  // What finish() writes in place of a finished block: the same codes and forms with other scales and norms,
  // which are kept in memory until then.
  void replace_block(int64_t layer, std::span<const LinearWeights> linears, const Tensor& attention_norm,
                     const Tensor& mlp_norm);

  // The quantized head that the result gets instead of the source's; its embedding is then no longer tied to
  // it.
  void put_head(LinearWeights head);
  // The quantized embedding that the result gets instead of the source's. A head that was tied to it is
  // stored beside it.
  void put_embedding(LinearWeights embedding);
  // Assembles model.safetensors, config.json, tokenizer and companions, README.md (`model_card`), recipe
  // (`recipe_json`, as fptq_recipe.json), measurements (`report_json`, as fptq_report.json; empty: none) and
  // fptq_manifest.json, then renames. Returns the bytes of all files.
  uint64_t finish(const std::string& model_card, const std::string& recipe_json,
                  const std::string& report_json = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fptq
