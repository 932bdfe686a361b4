#include "models/spec/families/hub_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "models/spec/families/family.hpp"
#include "models/spec/families/hub_layers.hpp"
#include "tests/models/spec/families/differences.hpp"

namespace trireme::spec {
namespace {

using base::Json;
using ::testing::HasSubstr;

ModelConfig read(const Json& json) { return read_hub_config(json, "config.json"); }
ModelConfig read(const char* text) { return read(Json::parse(text)); }

std::string refusal(const Json& json) {
  try {
    read(json);
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "accepted";
}

std::string refusal(Json json, const char* field, const Json& value) {
  json[field] = value;
  return refusal(json);
}

// Small complete files, one of each type.
Json gpt2_file() {
  return Json::parse(R"({"model_type": "gpt2", "vocab_size": 37, "n_positions": 16, "n_embd": 24, "n_layer": 2,
                         "n_head": 3})");
}

Json decoder_file(const char* type) {
  Json json = Json::parse(R"({"vocab_size": 37, "hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4,
      "num_key_value_heads": 2, "intermediate_size": 40, "max_position_embeddings": 16})");
  json["model_type"] = type;
  return json;
}

Json bert_file() {
  Json json = decoder_file("bert");
  json.erase("num_key_value_heads");
  return json;
}

// ---- Published files ----

// The values of the published config.json, without what no model is made of.
TEST(ReadHubConfig, GivesThePresetOfAPublishedFile) {
  struct Published {
    const char* preset;
    const char* text;
    std::int64_t sequence = 0;  ///< the preset's is what the pretraining had
  };
  const std::vector<Published> published = {
      {"gpt2-124m", R"({"activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.1,
        "bos_token_id": 50256, "embd_pdrop": 0.1, "eos_token_id": 50256, "initializer_range": 0.02,
        "layer_norm_epsilon": 1e-05, "model_type": "gpt2", "n_ctx": 1024, "n_embd": 768, "n_head": 12, "n_layer": 12,
        "n_positions": 1024, "resid_pdrop": 0.1, "summary_activation": null, "summary_first_dropout": 0.1,
        "summary_proj_to_labels": true, "summary_type": "cls_index", "summary_use_proj": true,
        "task_specific_params": {"text-generation": {"do_sample": true, "max_length": 50}}, "vocab_size": 50257})"},
      {"smollm2-135m", R"({"architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
        "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu", "hidden_size": 576,
        "initializer_range": 0.041666666666666664, "intermediate_size": 1536, "is_llama_config": true,
        "max_position_embeddings": 8192, "mlp_bias": false, "model_type": "llama", "num_attention_heads": 9,
        "num_hidden_layers": 30, "num_key_value_heads": 3, "pad_token_id": 2, "pretraining_tp": 1,
        "rms_norm_eps": 1e-05, "rope_interleaved": false, "rope_scaling": null, "rope_theta": 100000,
        "tie_word_embeddings": true, "torch_dtype": "bfloat16", "transformers.js_config": {"dtype": "q4"},
        "transformers_version": "4.42.3", "use_cache": true, "vocab_size": 49152})"},
      {"llama-1b", R"({"architectures": ["LlamaForCausalLM"], "attention_bias": false, "head_dim": 64,
        "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02, "intermediate_size": 8192,
        "max_position_embeddings": 131072, "mlp_bias": false, "model_type": "llama", "num_attention_heads": 32,
        "num_hidden_layers": 16, "num_key_value_heads": 8, "pretraining_tp": 1, "rms_norm_eps": 1e-05,
        "rope_scaling": {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
          "original_max_position_embeddings": 8192, "rope_type": "llama3"},
        "rope_theta": 500000.0, "tie_word_embeddings": true, "vocab_size": 128256})",
       131072},
      {"llama-8b", R"({"architectures": ["LlamaForCausalLM"], "hidden_act": "silu", "hidden_size": 4096,
        "eos_token_id": [128001, 128008, 128009], "intermediate_size": 14336, "max_position_embeddings": 131072,
        "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
        "rms_norm_eps": 1e-05, "rope_scaling": {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 8192, "rope_type": "llama3"},
        "rope_theta": 500000.0, "tie_word_embeddings": false, "vocab_size": 128256})",
       131072},
      {"llama2-7b", R"({"architectures": ["LlamaForCausalLM"], "hidden_act": "silu", "hidden_size": 4096,
        "intermediate_size": 11008, "max_position_embeddings": 4096, "model_type": "llama",
        "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 32, "pretraining_tp": 1,
        "rms_norm_eps": 1e-05, "rope_scaling": null, "tie_word_embeddings": false, "vocab_size": 32000})"},
      {"mistral-7b", R"({"architectures": ["MistralForCausalLM"], "hidden_act": "silu", "hidden_size": 4096,
        "intermediate_size": 14336, "max_position_embeddings": 32768, "model_type": "mistral",
        "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8, "rms_norm_eps": 1e-05,
        "rope_theta": 10000.0, "sliding_window": 4096, "tie_word_embeddings": false, "vocab_size": 32000})",
       32768},
      {"smollm3-3b", R"({"architectures": ["SmolLM3ForCausalLM"], "attention_bias": false, "hidden_act": "silu",
        "hidden_size": 2048, "intermediate_size": 11008, "max_position_embeddings": 65536, "max_window_layers": 28,
        "mlp_bias": false, "model_type": "smollm3", "no_rope_layer_interval": 4, "num_attention_heads": 16,
        "no_rope_layers": [1,1,1,0,1,1,1,0,1,1,1,0,1,1,1,0,1,1,1,0,1,1,1,0,1,1,1,0,1,1,1,0,1,1,1,0],
        "num_hidden_layers": 36, "num_key_value_heads": 4, "pretraining_tp": 2, "rms_norm_eps": 1e-06,
        "rope_scaling": null, "rope_theta": 5000000.0, "sliding_window": null, "use_sliding_window": false,
        "vocab_size": 128256})"},
      {"qwen2.5-0.5b", R"({"architectures": ["Qwen2ForCausalLM"], "hidden_act": "silu", "hidden_size": 896,
        "intermediate_size": 4864, "max_position_embeddings": 32768, "max_window_layers": 24, "model_type": "qwen2",
        "num_attention_heads": 14, "num_hidden_layers": 24, "num_key_value_heads": 2, "rms_norm_eps": 1e-06,
        "rope_theta": 1000000.0, "sliding_window": 32768, "tie_word_embeddings": true, "use_mrope": false,
        "use_sliding_window": false, "vocab_size": 151936})"},
      {"qwen3-0.6b", R"({"architectures": ["Qwen3ForCausalLM"], "attention_bias": false, "head_dim": 128,
        "hidden_act": "silu", "hidden_size": 1024, "intermediate_size": 3072, "max_position_embeddings": 40960,
        "max_window_layers": 28, "model_type": "qwen3", "num_attention_heads": 16, "num_hidden_layers": 28,
        "num_key_value_heads": 8, "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 1000000,
        "sliding_window": null, "tie_word_embeddings": true, "use_sliding_window": false, "vocab_size": 151936})",
       40960},
      {"gemma-2b", R"({"architectures": ["GemmaForCausalLM"], "attention_bias": false, "head_dim": 256,
        "hidden_act": "gelu", "hidden_activation": null, "hidden_size": 2048, "intermediate_size": 16384,
        "max_position_embeddings": 8192, "model_type": "gemma", "num_attention_heads": 8, "num_hidden_layers": 18,
        "num_key_value_heads": 1, "rms_norm_eps": 1e-06, "rope_theta": 10000.0, "vocab_size": 256000})"},
      {"gemma2-2b", R"({"architectures": ["Gemma2ForCausalLM"], "attn_logit_softcapping": 50.0,
        "cache_implementation": "hybrid", "final_logit_softcapping": 30.0, "head_dim": 256,
        "hidden_act": "gelu_pytorch_tanh", "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 2304,
        "intermediate_size": 9216, "max_position_embeddings": 8192, "model_type": "gemma2",
        "num_attention_heads": 8, "num_hidden_layers": 26, "num_key_value_heads": 4, "query_pre_attn_scalar": 256,
        "rms_norm_eps": 1e-06, "rope_theta": 10000.0, "sliding_window": 4096, "vocab_size": 256000})"},
      {"gemma3-1b", R"({"architectures": ["Gemma3ForCausalLM"], "attn_logit_softcapping": null,
        "cache_implementation": "hybrid", "final_logit_softcapping": null, "head_dim": 256,
        "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 1152, "intermediate_size": 6912,
        "max_position_embeddings": 32768, "model_type": "gemma3_text", "num_attention_heads": 4,
        "num_hidden_layers": 26, "num_key_value_heads": 1, "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06,
        "rope_local_base_freq": 10000, "rope_scaling": null, "rope_theta": 1000000, "sliding_window": 512,
        "sliding_window_pattern": 6, "vocab_size": 262144})"},
      {"olmo2-1b", R"({"architectures": ["Olmo2ForCausalLM"], "attention_bias": false, "hidden_act": "silu",
        "hidden_size": 2048, "intermediate_size": 8192, "max_position_embeddings": 4096, "model_type": "olmo2",
        "num_attention_heads": 16, "num_hidden_layers": 16, "num_key_value_heads": 16, "rms_norm_eps": 1e-06,
        "rope_scaling": null, "rope_theta": 500000, "tie_word_embeddings": false, "vocab_size": 100352})"},
      {"bert-base", R"({"architectures": ["BertForMaskedLM"], "attention_probs_dropout_prob": 0.1,
        "gradient_checkpointing": false, "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "hidden_size": 768,
        "initializer_range": 0.02, "intermediate_size": 3072, "layer_norm_eps": 1e-12,
        "max_position_embeddings": 512, "model_type": "bert", "num_attention_heads": 12, "num_hidden_layers": 12,
        "pad_token_id": 0, "position_embedding_type": "absolute", "type_vocab_size": 2, "vocab_size": 30522})"}};
  for (const Published& each : published) {
    ModelConfig expected = *preset(each.preset);
    if (each.sequence > 0) expected.sequence = each.sequence;
    ModelConfig found = read(each.text);
    found.init_std = expected.init_std;  // how a model was trained is no part of a preset
    EXPECT_EQ(differences(found, expected), std::vector<std::string>{}) << each.preset;
  }
}

TEST(ReadHubConfig, TakesTheValueOfTransformersForWhatIsAbsent) {
  const ModelConfig mistral = read(decoder_file("mistral"));
  EXPECT_EQ(mistral.window, PerLayer<std::int64_t>{4096});
  EXPECT_EQ(mistral.norm_eps, 1e-6);
  EXPECT_FALSE(mistral.tie_embeddings);
  const ModelConfig gemma = read(decoder_file("gemma2"));
  EXPECT_EQ(gemma.head_size, 256);
  EXPECT_EQ(gemma.attention_soft_cap, 50);
  EXPECT_EQ(gemma.head_soft_cap, 30);
  EXPECT_TRUE(gemma.tie_embeddings);
  EXPECT_EQ(gemma.window, (PerLayer<std::int64_t>{4096, 0}));
  EXPECT_EQ(read(decoder_file("gemma3_text")).rope_theta, PerLayer<double>{10000});  // 3 layers, all with a window
  EXPECT_EQ(read(decoder_file("smollm3")).rope_theta, PerLayer<double>{2e6});
  EXPECT_EQ(read(decoder_file("olmo2")).norm_eps, 1e-5);
  EXPECT_EQ(read(decoder_file("qwen3")).head_size, 128);
  EXPECT_EQ(read(decoder_file("granite")).attention_scale, 1);
  Json stablelm = decoder_file("stablelm");
  stablelm["hidden_size"] = 32;
  EXPECT_EQ(read(stablelm).rope_fraction, 0.25);
  EXPECT_TRUE(read(decoder_file("starcoder2")).qkv_bias);
  EXPECT_EQ(read(gpt2_file()).ffn, 96);
  EXPECT_EQ(read(gpt2_file()).activation, Activation::kGeluTanh);
  EXPECT_EQ(read(bert_file()).token_types, 2);
}

TEST(ReadHubConfig, NullIsNotAbsent) {
  Json json = decoder_file("mistral");
  json["sliding_window"] = nullptr;
  EXPECT_EQ(read(json).window, PerLayer<std::int64_t>{0});
  json = decoder_file("gemma2");
  json["attn_logit_softcapping"] = nullptr;
  EXPECT_EQ(read(json).attention_soft_cap, 0);
  json = decoder_file("llama");
  json["num_key_value_heads"] = nullptr;
  EXPECT_EQ(read(json).kv_heads, 4);
  EXPECT_THAT(refusal(decoder_file("llama"), "rms_norm_eps", nullptr), HasSubstr("rms_norm_eps = null"));
}

TEST(ReadHubConfig, ActivationsAreThoseThatTransformersApplies) {
  Json gemma = decoder_file("gemma");
  gemma["hidden_act"] = "gelu";  // the first release's name of the approximation
  EXPECT_EQ(read(gemma).activation, Activation::kGeluTanh);
  gemma["hidden_activation"] = "silu";
  EXPECT_THAT(refusal(gemma), HasSubstr("hidden_activation = silu: hidden_act says another function"));
  Json later = decoder_file("gemma2");
  later["hidden_act"] = "relu";  // nothing reads it
  EXPECT_EQ(read(later).activation, Activation::kGeluTanh);
  later["hidden_activation"] = "gelu";
  EXPECT_EQ(read(later).activation, Activation::kGelu);
  EXPECT_THAT(refusal(decoder_file("llama"), "hidden_act", "quick_gelu"),
              HasSubstr("config.json: hidden_act = quick_gelu: it is none of the supported functions: gelu, "));
}

TEST(ReadHubConfig, UnscaledScoresAreAScaleOfOne) {
  Json json = gpt2_file();
  json["scale_attn_weights"] = false;
  EXPECT_EQ(read(json).attention_scale, 1);
}

TEST(ReadHubConfig, ArchitecturesSayWhetherThereIsAHead) {
  Json json = decoder_file("llama");
  EXPECT_TRUE(read(json).lm_head);
  json["architectures"] = {"LlamaModel"};
  EXPECT_FALSE(read(json).lm_head);
  json["tie_word_embeddings"] = true;
  EXPECT_TRUE(read(json).lm_head) << "the embedding is one";
  EXPECT_THAT(refusal(decoder_file("llama"), "architectures", {"LlamaForSequenceClassification"}),
              HasSubstr("supported are LlamaForCausalLM, LlamaModel"));
  Json bert = bert_file();
  bert["architectures"] = {"BertModel"};
  EXPECT_FALSE(read(bert).lm_head);
  EXPECT_TRUE(read(bert).pooler);
}

// ---- Rotary positions ----

TEST(ReadHubConfig, StretchedPositionsAreReadInBothForms) {
  Json json = decoder_file("llama");
  json["rope_theta"] = 500;
  json["rope_scaling"] = Json::parse(R"({"type": "linear", "factor": 4})");
  ModelConfig old_form = read(json);
  EXPECT_EQ(old_form.rope_scaling, PerLayer<RopeScaling>{RopeScaling::kLinear});
  EXPECT_EQ(old_form.rope_factor, 4);
  EXPECT_EQ(old_form.rope_theta, PerLayer<double>{500});
  json = decoder_file("llama");
  json["rope_parameters"] = Json::parse(R"({"rope_type": "linear", "factor": 4.0, "rope_theta": 500})");
  EXPECT_EQ(differences(read(json), old_form), std::vector<std::string>{});
}

TEST(ReadHubConfig, YarnIsAsTransformersComputesIt) {
  Json json = decoder_file("qwen2");
  json["rope_scaling"] = Json::parse(R"({"rope_type": "yarn", "factor": 4.0})");
  ModelConfig config = read(json);
  EXPECT_EQ(config.rope_original_sequence, 16) << "max_position_embeddings where it does not say";
  EXPECT_EQ(config.rope_attention_factor, 0);
  EXPECT_EQ(config.rope_beta_fast, 32);
  json["rope_scaling"]["mscale"] = 1.0;
  json["rope_scaling"]["mscale_all_dim"] = 1.0;
  EXPECT_EQ(read(json).rope_attention_factor, 1);
  json["rope_scaling"]["truncate"] = false;
  EXPECT_THAT(refusal(json), HasSubstr("rope_scaling.truncate = false: only true"));
}

TEST(ReadHubConfig, AStretchingByOneIsNone) {
  Json json = decoder_file("llama");
  json["rope_scaling"] = Json::parse(R"({"rope_type": "linear", "factor": 1.0})");
  EXPECT_EQ(read(json).rope_scaling, PerLayer<RopeScaling>{RopeScaling::kNone});
}

TEST(ReadHubConfig, Gemma3HasAnglesOfItsOwnInLayersWithAWindow) {
  Json json = decoder_file("gemma3_text");
  json["layer_types"] = {"sliding_attention", "full_attention", "sliding_attention"};
  json["rope_theta"] = 500;
  json["rope_local_base_freq"] = 20;
  json["rope_scaling"] = Json::parse(R"({"rope_type": "linear", "factor": 8})");
  const ModelConfig old_form = read(json);
  EXPECT_EQ(old_form.rope_theta, (PerLayer<double>{20, 500}));
  EXPECT_EQ(old_form.rope_scaling, (PerLayer<RopeScaling>{RopeScaling::kNone, RopeScaling::kLinear}));
  for (const char* field : {"rope_theta", "rope_local_base_freq", "rope_scaling"}) json.erase(field);
  json["rope_parameters"] = Json::parse(R"({"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 500},
                                            "sliding_attention": {"rope_type": "default", "rope_theta": 20}})");
  EXPECT_EQ(differences(read(json), old_form), std::vector<std::string>{});
  json["rope_parameters"]["sliding_attention"] = Json::parse(R"({"rope_type": "linear", "factor": 2})");
  EXPECT_THAT(refusal(json), HasSubstr("both kinds of layers may be stretched only in the same way"));
  // transformers reads rope_type alone here, and so would not stretch.
  json.erase("rope_parameters");
  json["rope_scaling"] = Json::parse(R"({"type": "linear", "factor": 8})");
  EXPECT_THAT(refusal(json), HasSubstr("the field rope_scaling."));
}

TEST(ReadHubConfig, RefusesStretchingThatWeDoNotDo) {
  const auto scaling = [](const char* text) {
    return refusal(decoder_file("llama"), "rope_scaling", Json::parse(text));
  };
  EXPECT_THAT(scaling(R"({"type": "dynamic", "factor": 2.0})"),
              HasSubstr("rope_scaling.type = dynamic: supported are default, linear, llama3 and yarn"));
  EXPECT_THAT(scaling(R"({"rope_type": "longrope", "short_factor": [1], "long_factor": [1]})"), HasSubstr("longrope"));
  EXPECT_THAT(scaling(R"({"rope_type": "linear"})"), HasSubstr("the field rope_scaling.factor is missing"));
  EXPECT_THAT(scaling(R"({"rope_type": "linear", "factor": "two"})"), HasSubstr("rope_scaling.factor = two"));
  EXPECT_THAT(scaling(R"({"rope_type": "linear", "factor": 0.5})"), HasSubstr("at least 1"));
  EXPECT_THAT(scaling(R"({"rope_type": "linear", "factor": 2, "low_freq_factor": 1})"),
              HasSubstr("the field rope_scaling.low_freq_factor = 1"));
  EXPECT_THAT(scaling(R"({"rope_type": "linear", "type": "yarn", "factor": 2})"),
              HasSubstr("rope_type says something"));
  EXPECT_THAT(scaling(R"([1])"), HasSubstr("rope_scaling is no JSON object"));
  EXPECT_THAT(scaling(R"({"rope_type": "default", "partial_rotary_factor": 0.5})"), HasSubstr("rotate whole heads"));
  Json twice = decoder_file("llama");
  twice["rope_theta"] = 500;
  twice["rope_parameters"] = Json::parse(R"({"rope_theta": 600})");
  EXPECT_THAT(refusal(twice), HasSubstr("rope_parameters.rope_theta = 600: beside it, rope_theta = 500"));
  EXPECT_THAT(refusal(decoder_file("llama"), "partial_rotary_factor", 0.5), HasSubstr("partial_rotary_factor = 0.5"));
  EXPECT_THAT(refusal(decoder_file("llama"), "rope_theta", 0.5), HasSubstr("must be above 1"));
}

// ---- Windows ----

TEST(ReadHubConfig, WindowsOfQwenBeginWhereTheFileSays) {
  Json json = decoder_file("qwen3");
  json["use_sliding_window"] = true;
  json["sliding_window"] = 5;
  json["max_window_layers"] = 1;
  EXPECT_EQ(read(json).window, (PerLayer<std::int64_t>{0, 5, 5}));
  json["use_sliding_window"] = false;
  EXPECT_EQ(read(json).window, PerLayer<std::int64_t>{0});
  json["layer_types"] = {"full_attention", "sliding_attention", "full_attention"};
  EXPECT_THAT(refusal(json),
              HasSubstr("layers slide, and sliding_window with use_sliding_window = true says no width"));
  json["use_sliding_window"] = true;
  EXPECT_EQ(read(json).window, (PerLayer<std::int64_t>{0, 5}));
  json["layer_types"] = {"full_attention"};
  EXPECT_THAT(refusal(json), HasSubstr("a list of 3 layers"));
  json["layer_types"] = {"full_attention", "chunked_attention", "full_attention"};
  EXPECT_THAT(refusal(json), HasSubstr("only sliding_attention and full_attention"));
}

TEST(ReadHubConfig, SmolLm3SaysWhichLayersHavePositions) {
  Json json = decoder_file("smollm3");
  json["no_rope_layers"] = {1, 0, 1, 0};
  EXPECT_EQ(read(json).rope_theta, (PerLayer<double>{2e6, 0}));
  json["use_sliding_window"] = true;
  json["sliding_window"] = 7;
  EXPECT_EQ(read(json).window, (PerLayer<std::int64_t>{0, 7})) << "in layers without positions";
  json["no_rope_layers"] = {1, 0};
  EXPECT_THAT(refusal(json), HasSubstr("no_rope_layers = [1, 0]: it is shorter than num_hidden_layers"));
}

TEST(ReadHubConfig, StableLmReadsNoHeadSizeOfItsOwn) {
  Json json = decoder_file("stablelm");
  json["hidden_size"] = 32;
  json["head_dim"] = 8;
  EXPECT_EQ(read(json).head_size, 8);
  json["head_dim"] = 16;
  EXPECT_THAT(refusal(json), HasSubstr("head_dim = 16: StableLM reads"));
}

// ---- Refusals ----

TEST(ReadHubConfig, RefusesWhatIsNotDoneByName) {
  EXPECT_THAT(refusal(gpt2_file(), "scale_attn_by_inverse_layer_idx", true),
              HasSubstr("config.json: scale_attn_by_inverse_layer_idx = true: only false is supported"));
  EXPECT_THAT(refusal(bert_file(), "position_embedding_type", "relative_key"), HasSubstr("only absolute is supported"));
  EXPECT_THAT(refusal(bert_file(), "is_decoder", true), HasSubstr("is_decoder = true: only false"));
  EXPECT_THAT(refusal(decoder_file("llama"), "quantization_config", {{"bits", 4}}),
              HasSubstr("quantization_config = {…}: not supported: weights are not quantized"));
  EXPECT_THAT(refusal(decoder_file("llama"), "auto_map", {{"AutoModel", "x.Y"}}), HasSubstr("runs code of its own"));
  EXPECT_THAT(refusal(decoder_file("stablelm"), "use_parallel_residual", true), HasSubstr("only false is supported"));
  EXPECT_THAT(refusal(decoder_file("gemma3_text"), "use_bidirectional_attention", true), HasSubstr("only false"));
  EXPECT_THAT(refusal(decoder_file("llama"), "attention_chunk_size", 8),
              HasSubstr("the field attention_chunk_size = 8 is not among those that Trireme knows in a config.json of "
                        "model_type = llama"));
  EXPECT_EQ(refusal(decoder_file("llama"), "attention_chunk_size", nullptr), "accepted");
  EXPECT_EQ(refusal(decoder_file("llama"), "extra", Json::object()), "accepted");
  EXPECT_THAT(refusal(decoder_file("olmo")), HasSubstr("model_type = olmo: supported are gpt2, llama, "));
  EXPECT_THAT(refusal(decoder_file("gemma3")), HasSubstr("gemma3_text"));
}

TEST(ReadHubConfig, RefusesSizesThatAreMissingWrongOrAbsurd) {
  Json json = decoder_file("llama");
  json.erase("hidden_size");
  EXPECT_THAT(refusal(json), HasSubstr("config.json: the field hidden_size is missing"));
  for (const Json& value : {Json(0), Json(-4), Json("64"), Json(64.5), Json(true), Json(std::uint64_t{1} << 63),
                            Json(std::int64_t{1} << 62), Json::array()}) {
    EXPECT_THAT(refusal(decoder_file("llama"), "hidden_size", value), HasSubstr("config.json: hidden_size = "));
  }
  EXPECT_THAT(refusal(decoder_file("llama"), "num_hidden_layers", 100'000'000), HasSubstr("at most 100000"));
  EXPECT_THAT(refusal(decoder_file("llama"), "num_attention_heads", 7),
              HasSubstr("it does not divide hidden_size = 24"));
  EXPECT_THAT(refusal(decoder_file("llama"), "num_key_value_heads", 3), HasSubstr("config.json: model.kv_heads = 3"));
  EXPECT_THAT(refusal(decoder_file("llama"), "tie_word_embeddings", "yes"), HasSubstr("true or false"));
  EXPECT_THAT(refusal(Json::array()), HasSubstr("no JSON object"));
  EXPECT_THAT(refusal(Json("llama")), HasSubstr("no JSON object"));
  EXPECT_THAT(refusal(Json::object()), HasSubstr("the field model_type is missing"));
}

TEST(ReadHubConfig, MessagesAreOneShortPrintableLine) {
  const std::string text = refusal(decoder_file("llama"), "a\x1b[2J\nb", std::string(5000, 'x'));
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_LT(text.size(), 400U);
}

}  // namespace
}  // namespace trireme::spec
