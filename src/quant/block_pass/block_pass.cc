#include "quant/block_pass/block_pass.h"

#include <algorithm>
#include <numeric>

#include "model/shapes.h"
#include "quant/block_pass/fake_quantize.h"
#include "quant/block_pass/row_ops.h"

namespace fptq {
namespace {

// Tokens that a thread takes at a time.
constexpr int64_t kTokens = 16;
// Channels of a norm's weight that a thread adds up at a time.
constexpr int64_t kChannels = 64;

// A row of the calling thread that holds an input before it is quantized.
float* row_of_thread(int64_t width) {
  thread_local AlignedBuffer<float> row;
  row.ensure(static_cast<size_t>(width));
  return row.data();
}

}  // namespace

BlockPass::BlockPass(const BlockFacts& facts, int64_t max_tokens, ThreadPool& pool)
    : facts_(facts), pool_(pool), rope_(*facts.config) {
  const ModelConfig& config = *facts.config;
  int64_t widest = 0, most_weights = 0;
  for (const InputId input : kAllInputs) {
    Stack& s = stack(input);
    for (const LinearId id : input_facts(input).consumers) {
      const auto [rows, cols] = linear_shape(config, id);
      first_rows_[static_cast<size_t>(id)] = s.rows;
      s.rows += rows;
      s.cols = cols;
    }
    s.weights = AlignedBuffer<float>(static_cast<size_t>(s.rows * s.cols));
    widest = std::max(widest, s.cols);
    most_weights = std::max(most_weights, s.rows * s.cols);
  }
  const auto room = [max_tokens](int64_t width) {
    return AlignedBuffer<float>(static_cast<size_t>(max_tokens * width));
  };
  const int64_t hidden = config.hidden_size, q_size = config.q_size();
  attention_input_ = room(hidden);
  qkv_ = room(stack(InputId::kAttention).rows);
  attended_ = room(q_size);
  o_input_ = room(q_size);
  middle_ = room(hidden);
  mlp_input_ = room(hidden);
  gate_up_ = room(stack(InputId::kMlp).rows);
  down_input_ = room(config.intermediate_size);
  output_ = room(hidden);
  log_sums_ = room(config.num_heads);
  input_gradient_ = room(widest);
  qkv_gradient_ = room(stack(InputId::kAttention).rows);
  weight_gradient_ = AlignedBuffer<float>(static_cast<size_t>(most_weights));
  tokens_.reserve(static_cast<size_t>(max_tokens));
  errors_.reserve(static_cast<size_t>(max_tokens));
  factors_.reserve(static_cast<size_t>(max_tokens));
  take_biases();
}

void BlockPass::move_to(const BlockFacts& facts) {
  facts_ = facts;
  take_biases();
}

void BlockPass::set_weights(LinearId id, const LinearWeights& linear) {
  constexpr int64_t kRows = 16;  // that a thread takes at a time
  float* to = weights(id);
  pool_.parallel_for(linear.rows, kRows, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) linear.decode_row(r, to + r * linear.cols);
  });
}

void BlockPass::take_biases() {
  for (const InputId input : kAllInputs) {
    Stack& s = stack(input);
    const auto bias_of = [&](LinearId id) { return facts_.biases[static_cast<size_t>(id)]; };
    const auto& consumers = input_facts(input).consumers;
    if (std::ranges::all_of(consumers, [&](LinearId id) { return bias_of(id).empty(); })) {
      s.bias = {};
      continue;
    }
    s.bias = AlignedBuffer<float>(static_cast<size_t>(s.rows));
    s.bias.zero();
    for (const LinearId id : consumers) std::ranges::copy(bias_of(id), s.bias.data() + first_row(id));
  }
}

void BlockPass::lay_out(const BlockBatch& batch) {
  tokens_.clear();
  int64_t longest = 0;
  for (const TokenWindow& w : batch.windows) {
    for (int64_t t = 0; t < w.count; ++t) tokens_.push_back({w.begin + t, t});
    longest = std::max(longest, w.count);
  }
  errors_.resize(tokens_.size());
  factors_.resize(tokens_.size());
  rope_.prepare(longest);
}

template <typename Body>
void BlockPass::each_token(const Body& body) {
  pool_.parallel_for(tokens(), kTokens, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) body(t);
  });
}

template <typename Body>
void BlockPass::each_window_and_head(const BlockBatch& batch, const Body& body) {
  const int64_t heads = facts_.config->num_kv_heads;
  pool_.parallel_for(std::ssize(batch.windows) * heads, 1, [&](int64_t task, int64_t) {
    const TokenWindow* window = batch.windows.data() + task / heads;
    int64_t begin = 0;
    for (const TokenWindow* w = batch.windows.data(); w != window; ++w) begin += w->count;
    body(begin, window->count, task % heads);
  });
}

void BlockPass::multiply(InputId input, const float* x, float beta, float* y) {
  const Stack& s = stack(input);
  product(facts_.precision, pool_, tokens(), s.rows, s.cols, {x, s.cols}, {s.weights.data(), s.cols, true},
          beta, y, s.rows);
}

void BlockPass::multiply_back(InputId input, const float* dy, float* dx) {
  const Stack& s = stack(input);
  product(facts_.precision, pool_, tokens(), s.cols, s.rows, {dy, s.rows}, {s.weights.data(), s.cols}, 0.0f,
          dx, s.cols);
}

void BlockPass::give_gradient(InputId input, const float* dy, const float* x, const OnGradient& on_gradient) {
  const Stack& s = stack(input);
  product(facts_.precision, pool_, s.rows, s.cols, tokens(), {dy, s.rows, true}, {x, s.cols}, 0.0f,
          weight_gradient_.data(), s.cols);
  on_gradient(input, weight_gradient_.data());
}

AttentionHeads BlockPass::heads_of(int64_t begin, int64_t count, int64_t kv_head) const {
  const ModelConfig& c = *facts_.config;
  const int64_t stride = c.q_size() + 2 * c.kv_size(), group = c.num_heads / c.num_kv_heads;
  const float* rows = qkv_.data() + begin * stride;
  return {.tokens = count,
          .head_dim = c.head_dim,
          .group = group,
          .window = c.window(facts_.layer),
          .q = rows + kv_head * group * c.head_dim,
          .k = rows + c.q_size() + kv_head * c.head_dim,
          .v = rows + c.q_size() + c.kv_size() + kv_head * c.head_dim,
          .stride = stride};
}

const float* BlockPass::forward(const BlockBatch& batch) {
  lay_out(batch);
  const ModelConfig& c = *facts_.config;
  const int64_t hidden = c.hidden_size, ffn = c.intermediate_size, q_size = c.q_size(), dim = c.head_dim;
  const int64_t qkv_width = stack(InputId::kAttention).rows;

  // The residual stream plus the bias of the layer that will be added to it.
  const auto residual = [hidden](const float* x, const AlignedBuffer<float>& bias, float* y) {
    std::copy_n(x, hidden, y);
    if (!bias.empty()) add_to(bias.data(), hidden, y);
  };
  const auto normalize = [&](const float* x, std::span<const float> gamma, InputId input, float* y) {
    rms_norm(x, gamma.data(), rms_norm_factor(x, hidden, c.rms_norm_eps), hidden, y);
    fake_quantize(activation(input), y, hidden, y);
  };

  each_token([&](int64_t t) {
    const float* x = batch.inputs + tokens_[static_cast<size_t>(t)].source * hidden;
    normalize(x, facts_.attention_norm, InputId::kAttention, attention_input_.data() + t * hidden);
    residual(x, stack(InputId::kO).bias, middle_.data() + t * hidden);
  });
  multiply(InputId::kAttention, attention_input_.data(), 0.0f, qkv_.data());
  each_token([&](int64_t t) {
    float* qkv = qkv_.data() + t * qkv_width;
    const AlignedBuffer<float>& bias = stack(InputId::kAttention).bias;
    if (!bias.empty()) add_to(bias.data(), qkv_width, qkv);
    const int64_t position = tokens_[static_cast<size_t>(t)].position;
    for (int64_t h = 0; h < c.num_heads + c.num_kv_heads; ++h) {
      rotate(rope_.cos(position), rope_.sin(position), rope_.half(), qkv + h * dim);
    }
  });
  each_window_and_head(batch, [&](int64_t begin, int64_t count, int64_t kv_head) {
    const int64_t group = c.num_heads / c.num_kv_heads, head = kv_head * group;
    attend(heads_of(begin, count, kv_head), attended_.data() + begin * q_size + head * dim, q_size,
           log_sums_.data() + begin * c.num_heads + head, c.num_heads);
  });
  each_token([&](int64_t t) {
    fake_quantize(activation(InputId::kO), attended_.data() + t * q_size, q_size,
                  o_input_.data() + t * q_size);
  });
  multiply(InputId::kO, o_input_.data(), 1.0f, middle_.data());

  each_token([&](int64_t t) {
    const float* x = middle_.data() + t * hidden;
    normalize(x, facts_.mlp_norm, InputId::kMlp, mlp_input_.data() + t * hidden);
    residual(x, stack(InputId::kDown).bias, output_.data() + t * hidden);
  });
  multiply(InputId::kMlp, mlp_input_.data(), 0.0f, gate_up_.data());
  each_token([&](int64_t t) {
    float *gate = gate_up_.data() + t * 2 * ffn, *y = down_input_.data() + t * ffn;
    const AlignedBuffer<float>& bias = stack(InputId::kMlp).bias;
    if (!bias.empty()) add_to(bias.data(), 2 * ffn, gate);
    silu_mul(gate, gate + ffn, ffn, y);
    fake_quantize(activation(InputId::kDown), y, ffn, y);
  });
  multiply(InputId::kDown, down_input_.data(), 1.0f, output_.data());
  return output_.data();
}

double BlockPass::compare(const BlockBatch& batch) {
  const int64_t hidden = facts_.config->hidden_size;
  const auto weight = [&](const Token& token) {
    return batch.token_weights == nullptr ? 1.0 : static_cast<double>(batch.token_weights[token.source]);
  };
  double terms = 0.0;
  for (const Token& token : tokens_) terms += weight(token) * static_cast<double>(hidden);
  each_token([&](int64_t t) {
    const Token& token = tokens_[static_cast<size_t>(t)];
    const double w = weight(token);
    errors_[static_cast<size_t>(t)] =
        w * static_cast<double>(squared_error(batch.targets + token.source * hidden,
                                              static_cast<float>(2.0 * w / terms), hidden,
                                              output_.data() + t * hidden));
  });
  return std::accumulate(errors_.begin(), errors_.end(), 0.0) / terms;
}

template <typename Row>
void BlockPass::norm_backward(InputId input, std::span<const float> gamma, const Row& row,
                              float* gamma_gradient) {
  const int64_t hidden = facts_.config->hidden_size;
  const bool is_static = activation(input).mode == ActivationMode::kStaticTensor;
  float *d_input = input_gradient_.data(), *gradient = output_.data();
  each_token([&](int64_t t) {
    const float* x = row(t);
    float* d = d_input + t * hidden;
    const float factor = rms_norm_factor(x, hidden, facts_.config->rms_norm_eps);
    factors_[static_cast<size_t>(t)] = factor;
    if (is_static) {
      float* normed = row_of_thread(hidden);
      rms_norm(x, gamma.data(), factor, hidden, normed);
      fake_quantize_backward(activation(input), normed, hidden, d);
    }
    rms_norm_backward(x, gamma.data(), factor, d, hidden, gradient + t * hidden);
  });
  if (gamma_gradient == nullptr) return;
  pool_.parallel_for(hidden, kChannels, [&](int64_t begin, int64_t end) {
    std::fill(gamma_gradient + begin, gamma_gradient + end, 0.0f);
    for (int64_t t = 0; t < tokens(); ++t) {
      add_products(d_input + t * hidden + begin, row(t) + begin, factors_[static_cast<size_t>(t)],
                   end - begin, gamma_gradient + begin);
    }
  });
}

void BlockPass::backward(const BlockBatch& batch, const OnGradient& on_gradient, const MoreGradients* more) {
  const ModelConfig& c = *facts_.config;
  const int64_t hidden = c.hidden_size, ffn = c.intermediate_size, q_size = c.q_size(), dim = c.head_dim;
  const int64_t qkv_width = stack(InputId::kAttention).rows;
  float* gradient = output_.data();  // of the residual stream
  float* d_input = input_gradient_.data();

  multiply_back(InputId::kDown, gradient, d_input);
  give_gradient(InputId::kDown, gradient, down_input_.data(), on_gradient);
  each_token([&](int64_t t) {
    float *gate = gate_up_.data() + t * 2 * ffn, *up = gate + ffn, *d = d_input + t * ffn;
    if (activation(InputId::kDown).mode == ActivationMode::kStaticTensor) {
      float* product = row_of_thread(ffn);
      silu_mul(gate, up, ffn, product);
      fake_quantize_backward(activation(InputId::kDown), product, ffn, d);
    }
    silu_mul_backward(d, ffn, gate, up);
  });

  multiply_back(InputId::kMlp, gate_up_.data(), d_input);
  give_gradient(InputId::kMlp, gate_up_.data(), mlp_input_.data(), on_gradient);
  norm_backward(
      InputId::kMlp, facts_.mlp_norm, [&](int64_t t) { return middle_.data() + t * hidden; },
      more != nullptr ? more->mlp_norm : nullptr);

  multiply_back(InputId::kO, gradient, d_input);
  give_gradient(InputId::kO, gradient, o_input_.data(), on_gradient);
  each_token([&](int64_t t) {
    fake_quantize_backward(activation(InputId::kO), attended_.data() + t * q_size, q_size,
                           d_input + t * q_size);
  });
  each_window_and_head(batch, [&](int64_t begin, int64_t count, int64_t kv_head) {
    const int64_t head = kv_head * (c.num_heads / c.num_kv_heads), column = begin * q_size + head * dim;
    const AttendedHeads attended = {attended_.data() + column, d_input + column, q_size,
                                    log_sums_.data() + begin * c.num_heads + head, c.num_heads};
    float* d = qkv_gradient_.data() + begin * qkv_width;
    attend_backward(heads_of(begin, count, kv_head), attended, d + head * dim, d + q_size + kv_head * dim,
                    d + q_size + c.kv_size() + kv_head * dim, qkv_width);
  });
  each_token([&](int64_t t) {
    const int64_t position = tokens_[static_cast<size_t>(t)].position;
    for (int64_t h = 0; h < c.num_heads + c.num_kv_heads; ++h) {
      rotate_back(rope_.cos(position), rope_.sin(position), rope_.half(),
                  qkv_gradient_.data() + t * qkv_width + h * dim);
    }
  });
  if (more != nullptr) multiply_back(InputId::kAttention, qkv_gradient_.data(), d_input);
  give_gradient(InputId::kAttention, qkv_gradient_.data(), attention_input_.data(), on_gradient);
  if (more == nullptr) return;
  norm_backward(
      InputId::kAttention, facts_.attention_norm,
      [&](int64_t t) { return batch.inputs + tokens_[static_cast<size_t>(t)].source * hidden; },
      more->attention_norm);
  std::copy_n(gradient, tokens() * hidden, more->inputs);
}

}  // namespace fptq
