// Forward and backward pass of one decoder block as an integer engine runs it, simulated in float32: weights
// that somebody dequantized, inputs of linear layers through their INT8 grids. The backward pass is written
// out by hand and gives the gradients of the seven weight matrices, and of what enters the block if asked.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "linalg/bgemm.h"
#include "model/config.h"
#include "model/layout.h"
#include "model/rope.h"
#include "quant/block_pass/attention_pass.h"
#include "tensor/linear_weights.h"

namespace fptq {

// What stays the same while weights are learned.
struct BlockFacts {
  const ModelConfig* config = nullptr;
  int64_t layer = 0;
  std::span<const float> attention_norm;                          // [hidden_size]
  std::span<const float> mlp_norm;                                // [hidden_size]
  std::array<ActivationSpec, kAllInputs.size()> activations;      // by InputId
  std::array<std::span<const float>, kAllLinears.size()> biases;  // by LinearId, [rows] or empty
  Precision precision = Precision::kFloat;                        // of products of matrices
};

// Consecutive tokens of a text, rows [begin, begin + count) of the arrays that a batch is drawn from.
struct TokenWindow {
  int64_t begin = 0;
  int64_t count = 0;
};

struct BlockBatch {
  std::span<const TokenWindow> windows;
  const float* inputs = nullptr;         // [all tokens, hidden_size]
  const float* targets = nullptr;        // the same shape
  const float* token_weights = nullptr;  // [all tokens], or null for all ones
};

// Where backward() puts more gradients of the loss.
struct MoreGradients {
  float* inputs = nullptr;          // of the block's inputs, [tokens of the batch, hidden_size]
  float* attention_norm = nullptr;  // [hidden_size]
  float* mlp_norm = nullptr;        // [hidden_size]
};

// Not thread-safe; uses all threads of the pool, and gives the same bits for any number of them.
class BlockPass {
 public:
  // Memory for batches of `max_tokens` is allocated here. Refers to its arguments.
  BlockPass(const BlockFacts& facts, int64_t max_tokens, ThreadPool& pool);

  // Another block of the same model: its weights are to be written.
  void move_to(const BlockFacts& facts);

  // The weights of the linear layers that read an input, one below the other in the order of its consumers:
  // [sum of rows, cols]. Written by the caller.
  float* weights(InputId input) { return stacks_[static_cast<size_t>(input)].weights.data(); }
  // A layer's own, [rows, cols].
  float* weights(LinearId id) { return weights(input_of(id)) + first_row(id) * stack(input_of(id)).cols; }
  // Writes them: what `linear`, of the layer's shape, stands for.
  void set_weights(LinearId id, const LinearWeights& linear);
  // The first row of a layer in its stack.
  int64_t first_row(LinearId id) const { return first_rows_[static_cast<size_t>(id)]; }

  // The three steps of a pass, each after the one before it and with the same batch.
  //
  // The block's output [tokens of the batch, hidden_size], valid until the next step.
  const float* forward(const BlockBatch& batch);
  // The loss: the mean over tokens (weighted) and channels of the squared distance between output and target.
  double compare(const BlockBatch& batch);
  // In place of compare(), for a loss that lies further on: the caller writes its gradient with respect to
  // the block's output here, [tokens of the batch, hidden_size].
  float* output_gradient() { return output_.data(); }

  // Called with the gradient of weights(input), which then may be changed: the pass has no more use for them.
  using OnGradient = std::function<void(InputId input, const float* gradient)>;
  // Gradients of the loss, from the last linear layer to the first; then those of `more`, if not null.
  void backward(const BlockBatch& batch, const OnGradient& on_gradient, const MoreGradients* more = nullptr);

 private:
  struct Stack {
    int64_t rows = 0;
    int64_t cols = 0;
    AlignedBuffer<float> weights;
    AlignedBuffer<float> bias;  // [rows], zeros where a layer has none; empty when none has
  };
  // Where a token of the batch comes from.
  struct Token {
    int64_t source = 0;    // row of the batch's arrays
    int64_t position = 0;  // in its window
  };

  Stack& stack(InputId input) { return stacks_[static_cast<size_t>(input)]; }
  const ActivationSpec& activation(InputId input) const {
    return facts_.activations[static_cast<size_t>(input)];
  }
  int64_t tokens() const { return static_cast<int64_t>(tokens_.size()); }
  void take_biases();
  void lay_out(const BlockBatch& batch);
  // Runs body(t) for every token of the batch.
  template <typename Body>
  void each_token(const Body& body);
  // Runs body(window begin in the batch, window length, key-value head).
  template <typename Body>
  void each_window_and_head(const BlockBatch& batch, const Body& body);
  // y [tokens, rows] (+)= x weights^T; dx [tokens, cols] = dy weights; gradient = dy^T x, handed on.
  void multiply(InputId input, const float* x, float beta, float* y);
  void multiply_back(InputId input, const float* dy, float* dx);
  void give_gradient(InputId input, const float* dy, const float* x, const OnGradient& on_gradient);
  // Takes the gradient of a norm's output (input_gradient_) back to its input, where it is added, and, unless
  // `gamma_gradient` is null, to its weight. row(t) is the norm's input for token t of the batch.
  template <typename Row>
  void norm_backward(InputId input, std::span<const float> gamma, const Row& row, float* gamma_gradient);
  // Queries, keys and values of a window's tokens, rows [begin, begin + count) of the batch.
  AttentionHeads heads_of(int64_t begin, int64_t count, int64_t kv_head) const;

  BlockFacts facts_;
  ThreadPool& pool_;
  RopeTable rope_;
  std::array<Stack, kAllInputs.size()> stacks_;
  std::array<int64_t, kAllLinears.size()> first_rows_{};
  std::vector<Token> tokens_;
  std::vector<double> errors_;  // of each token, weighted
  std::vector<float> factors_;  // of each token, of the norm that the backward pass is at
  // Activations of the batch, [max_tokens, width].
  AlignedBuffer<float> attention_input_, qkv_, attended_, o_input_, middle_, mlp_input_, gate_up_,
      down_input_, output_;
  AlignedBuffer<float> log_sums_;        // [max_tokens, heads]
  AlignedBuffer<float> input_gradient_;  // of the linear layer that the backward pass is at
  AlignedBuffer<float> qkv_gradient_;
  AlignedBuffer<float> weight_gradient_;
};

}  // namespace fptq
