#include "slurm/site/site_table.hpp"

#include <array>
#include <charconv>
#include <sstream>

#include "base/error.hpp"
#include "base/ini.hpp"
#include "base/words.hpp"
#include "slurm/queue/duration.hpp"
#include "slurm/site/slurm_text.hpp"

namespace trireme::slurm {
namespace {

using base::InputError;
using base::str;

constexpr std::array<const char*, 4> kModes = {"off", "requeue", "cancel", "suspend"};

std::string real_text(double value) {
  std::array<char, 32> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), result.ptr};
}

double real_of(const std::string& text) {
  double value = 0;
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stopped != text.data() + text.size() || !(value >= 0)) {
    throw InputError(str("needs numbers of at least 0, not '", text, "'"));
  }
  return value;
}

std::int64_t integer_of(const std::string& text, Form form) {
  if (form == Form::kDuration) {
    if (const auto seconds = parse_duration(text)) return *seconds;
    throw InputError(str("needs a time like 2-00:00:00, not '", text, "'"));
  }
  std::int64_t value = 0;
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || stopped != text.data() + text.size() || value < 0) {
    throw InputError(str("needs a whole number of at least 0, not '", text, "'"));
  }
  return value;
}

bool truth_of(const std::string& text) {
  for (const char* word : {"yes", "true", "on", "1"}) {
    if (text == word) return true;
  }
  for (const char* word : {"no", "false", "off", "0"}) {
    if (text == word) return false;
  }
  throw InputError(str("needs yes or no, not '", text, "'"));
}

std::vector<std::string> list_of(const std::string& text, char separator) {
  std::vector<std::string> items = split(text, separator);
  std::erase(items, "");
  return items;
}

// Writes and reads the values of each type, one overload set for each direction.
struct Write {
  Form form;
  bool limit;

  std::string operator()(const std::string& value) const {
    return form == Form::kPlain ? base::ini_quoted(value) : value;
  }
  std::string operator()(bool value) const { return value ? "yes" : "no"; }
  std::string operator()(std::int64_t value) const {
    return form == Form::kDuration ? format_slurm_duration(value) : std::to_string(value);
  }
  std::string operator()(const std::optional<std::int64_t>& value) const {
    if (!value) return limit ? "unlimited" : "unset";
    return (*this)(*value);
  }
  std::string operator()(const std::optional<bool>& value) const { return value ? (*this)(*value) : "unknown"; }
  std::string operator()(const std::vector<std::string>& value) const {
    return base::join(value, form == Form::kWords ? " " : ", ");
  }
  std::string operator()(PreemptMode mode) const { return kModes[static_cast<std::size_t>(mode)]; }
  std::string operator()(const std::map<std::string, double>& value) const {
    std::vector<std::string> items;
    for (const auto& [name, weight] : value) items.push_back(name + "=" + real_text(weight));
    return base::join(items, ", ");
  }
  std::string operator()(const std::vector<NodeKind>& value) const {
    std::vector<std::string> items;
    for (const NodeKind& kind : value) {
      items.push_back(str(kind.nodes, ":", kind.cpus, ":", kind.memory, ":", kind.gpus, ":", kind.gpu_type));
    }
    return base::join(items, ", ");
  }
};

struct Read {
  const std::string& text;
  Form form;

  void operator()(std::string& value) const { value = form == Form::kPlain ? base::ini_unquoted(text) : text; }
  void operator()(bool& value) const { value = truth_of(text); }
  void operator()(std::int64_t& value) const { value = integer_of(text, form); }
  void operator()(std::optional<std::int64_t>& value) const {
    value.reset();
    if (text != "unlimited" && text != "unset") value = integer_of(text, form);
  }
  void operator()(std::optional<bool>& value) const {
    value.reset();
    if (text != "unknown") value = truth_of(text);
  }
  void operator()(std::vector<std::string>& value) const {
    if (form == Form::kLines) {
      if (!text.empty()) value.push_back(text);
      return;
    }
    for (std::string& item : list_of(text, form == Form::kWords ? ' ' : ',')) value.push_back(std::move(item));
  }
  void operator()(PreemptMode& mode) const {
    for (std::size_t i = 0; i < kModes.size(); ++i) {
      if (text == kModes[i]) {
        mode = static_cast<PreemptMode>(i);
        return;
      }
    }
    throw InputError(str("needs off, requeue, cancel or suspend, not '", text, "'"));
  }
  void operator()(std::map<std::string, double>& value) const {
    value.clear();
    for (const std::string& item : list_of(text, ',')) {
      const std::size_t equals = item.rfind('=');
      if (equals == std::string::npos) throw InputError(str("needs items like gres/gpu=10, not '", item, "'"));
      value[item.substr(0, equals)] = real_of(item.substr(equals + 1));
    }
  }
  void operator()(std::vector<NodeKind>& value) const {
    value.clear();
    for (const std::string& item : list_of(text, ',')) {
      const std::vector<std::string> parts = split(item, ':');
      if (parts.size() != 5) throw InputError(str("needs nodes:cpus:MiB:gpus:type, not '", item, "'"));
      value.push_back({integer_of(parts[0], Form::kPlain), integer_of(parts[1], Form::kPlain),
                       integer_of(parts[2], Form::kPlain), integer_of(parts[3], Form::kPlain), parts[4]});
    }
  }
};

struct ToJson {
  base::Json operator()(const std::string& value) const { return value; }
  base::Json operator()(bool value) const { return value; }
  base::Json operator()(std::int64_t value) const { return value; }
  template <typename Value>
  base::Json operator()(const std::optional<Value>& value) const {
    return value ? base::Json(*value) : base::Json(nullptr);
  }
  base::Json operator()(const std::vector<std::string>& value) const { return value; }
  base::Json operator()(PreemptMode mode) const { return kModes[static_cast<std::size_t>(mode)]; }
  base::Json operator()(const std::map<std::string, double>& value) const {
    base::Json object = base::Json::object();
    for (const auto& [name, weight] : value) object[name] = weight;
    return object;
  }
  base::Json operator()(const std::vector<NodeKind>& value) const {
    base::Json list = base::Json::array();
    for (const NodeKind& kind : value) {
      list.push_back({{"nodes", kind.nodes},
                      {"cpus", kind.cpus},
                      {"memory", kind.memory},
                      {"gpus", kind.gpus},
                      {"gpu_type", kind.gpu_type}});
    }
    return list;
  }
};

bool is_limit(const std::string& name) { return name.starts_with("max_") || name.ends_with("time_limit"); }

}  // namespace

template <typename Owner>
std::vector<std::string> texts_of(const Owner& owner, const SiteKey<Owner>& key) {
  if (key.form == Form::kLines) {
    const auto& lines = owner.*std::get<std::vector<std::string> Owner::*>(key.member);
    return lines.empty() ? std::vector<std::string>{""} : lines;
  }
  return {std::visit(
      [&](const auto member) {
        return Write{key.form, is_limit(key.name)}(owner.*member);
      },
      key.member)};
}

template <typename Owner>
void set_text(Owner& owner, const SiteKey<Owner>& key, const std::string& text) {
  std::visit([&](const auto member) { Read{text, key.form}(owner.*member); }, key.member);
}

template <typename Owner>
base::Json json_of(const Owner& owner, const SiteKey<Owner>& key) {
  return std::visit([&](const auto member) { return ToJson{}(owner.*member); }, key.member);
}

template std::vector<std::string> texts_of(const Site&, const SiteKey<Site>&);
template std::vector<std::string> texts_of(const Partition&, const SiteKey<Partition>&);
template std::vector<std::string> texts_of(const Qos&, const SiteKey<Qos>&);
template void set_text(Site&, const SiteKey<Site>&, const std::string&);
template void set_text(Partition&, const SiteKey<Partition>&, const std::string&);
template void set_text(Qos&, const SiteKey<Qos>&, const std::string&);
template base::Json json_of(const Site&, const SiteKey<Site>&);
template base::Json json_of(const Partition&, const SiteKey<Partition>&);
template base::Json json_of(const Qos&, const SiteKey<Qos>&);

}  // namespace trireme::slurm
