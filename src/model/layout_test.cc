#include "model/layout.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

namespace fptq {
namespace {

TEST(Layout, NamesAreThoseOfTransformers) {
  EXPECT_EQ(module_name(3, LinearId::kQ), "model.layers.3.self_attn.q_proj");
  EXPECT_EQ(module_name(0, LinearId::kO), "model.layers.0.self_attn.o_proj");
  EXPECT_EQ(module_name(11, LinearId::kDown), "model.layers.11.mlp.down_proj");
  EXPECT_STREQ(short_name(LinearId::kUp), "up_proj");
  EXPECT_EQ(norm_module_name(2, NormId::kAttention), "model.layers.2.input_layernorm");
  EXPECT_EQ(norm_module_name(2, NormId::kMlp), "model.layers.2.post_attention_layernorm");
}

TEST(Layout, EveryLinearConsumesExactlyItsInput) {
  std::set<LinearId> seen;
  for (const InputId input : kAllInputs) {
    EXPECT_EQ(input_facts(input).id, input);
    for (const LinearId id : input_facts(input).consumers) {
      EXPECT_EQ(input_of(id), input) << short_name(id);
      EXPECT_TRUE(seen.insert(id).second) << short_name(id);
    }
  }
  EXPECT_EQ(seen.size(), kAllLinears.size());
}

TEST(Layout, OnlyNormsAbsorbScalesExactly) {
  EXPECT_EQ(input_facts(InputId::kAttention).producer, Producer::kAttentionNorm);
  EXPECT_EQ(input_facts(InputId::kMlp).producer, Producer::kMlpNorm);
  EXPECT_EQ(input_facts(InputId::kO).producer, Producer::kVProj);
  EXPECT_EQ(input_facts(InputId::kDown).producer, Producer::kUpProj);
  EXPECT_TRUE(input_facts(InputId::kAttention).producer_is_norm);
  EXPECT_TRUE(input_facts(InputId::kMlp).producer_is_norm);
  EXPECT_FALSE(input_facts(InputId::kO).producer_is_norm);
  EXPECT_FALSE(input_facts(InputId::kDown).producer_is_norm);
}

}  // namespace
}  // namespace fptq
