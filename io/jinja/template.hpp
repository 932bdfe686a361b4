// Jinja2 templates, as far as the chat templates of public models use them (docs/hub.md lists what is supported).
// Rendered as transformers' apply_chat_template renders them: trim_blocks and lstrip_blocks, no escaping of HTML, the
// loopcontrols extension, {% generation %}, tojson without HTML escapes, a sandbox in which nothing can be changed.
#pragma once

#include <ctime>
#include <memory>
#include <string>

#include "base/json.hpp"
#include "io/jinja/limits.hpp"

namespace trireme::jinja {

/// An immutable template: cheap to copy, safe to use from many threads at once.
class Template {
 public:
  /// `name` stands for the template in errors. Throws base::InputError, which names the line, for what is no template
  /// of this language, uses a construct that is not supported, or goes beyond a limit.
  static Template parse(const std::string& source, const std::string& name, const Limits& limits = {});

  /// Renders with the members of the object `variables` as global variables. `now` is what strftime_now() shows, in
  /// local time. Throws base::InputError with the template's name and line when Jinja2 would raise, when the template
  /// calls raise_exception, uses a filter, test or method that is not supported, or goes beyond a limit. Never
  /// unbounded: time and memory stay within the limits whatever template and variables are.
  std::string render(const base::Json& variables, std::time_t now) const;

 private:
  struct Implementation;
  explicit Template(std::shared_ptr<const Implementation> implementation);
  std::shared_ptr<const Implementation> implementation_;
};

}  // namespace trireme::jinja
