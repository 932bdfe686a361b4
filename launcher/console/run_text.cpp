#include "launcher/console/run_text.hpp"

#include "base/error.hpp"
#include "launcher/console/attempt_text.hpp"
#include "launcher/console/format.hpp"
#include "models/spec/cost.hpp"

namespace trireme::launcher {

std::string layout_text(const options::Resolved& resolved) {
  const options::ParallelSection& parallel = resolved.options.parallel;
  return base::str(topology::to_string(resolved.degrees), ", ", parallel.schedule, parallel.zero > 0 ? ", zero 1" : "");
}

std::vector<std::string> run_lines(const options::Resolved& resolved, std::uint64_t samples, int ranks, int threads,
                                   const std::vector<std::string>& notes) {
  const options::TrainSection& train = resolved.options.train;
  const spec::ModelPlan& model = resolved.model;
  std::vector<std::string> lines = {
      base::str("model     ", model.family, ", ", format_count(static_cast<double>(spec::parameter_count(model))),
                " parameters: ", model.layer_count(), " layers, hidden ", model.hidden, ", ",
                model.layers.front().attention.heads, " heads, vocabulary ", model.vocab, ", sequence ",
                model.sequence),
      base::str("data      ", samples, " samples; global batch ", train.global_batch, " = dp ", resolved.degrees.dp,
                " x micro-batch ", train.micro_batch, " x ", resolved.plan.micro_batches),
      "length    " + length_text(resolved.steps, train.global_batch, model.sequence, samples),
      base::str("layout    ", layout_text(resolved), ", on ", ranks, " rank(s) x ", threads, " thread(s), ",
                train.precision)};
  for (const std::string& note : notes) lines.push_back("note      " + note);
  for (const std::string& note : resolved.notes) lines.push_back("note      " + note);
  return lines;
}

}  // namespace trireme::launcher
