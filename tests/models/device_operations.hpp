// ATen's operations that exist for GPUs only, as plain formulas for the CPU: a program that links this library can call
// them on CPU tensors. They demand of their arguments what the GPU's kernels demand.
#pragma once

#include <ATen/core/ivalue.h>
#include <ATen/record_function.h>

#include <string>
#include <vector>

namespace trireme::test {

struct OperationCall {
  std::string name;  ///< with its overload: "aten::addmm.dtype_out"
  std::vector<c10::IValue> inputs;
  std::vector<c10::IValue> outputs;
};

/// Records this thread's calls of operations that have kernels of their own on GPUs. When it ends it appends them to
/// the file $TRIREME_CALLS, where that is set, one JSON object a line; meta_test.py reads them. One at a time may
/// exist.
class OperationCalls {
 public:
  OperationCalls();
  ~OperationCalls();
  OperationCalls(const OperationCalls&) = delete;
  OperationCalls& operator=(const OperationCalls&) = delete;

  const std::vector<OperationCall>& all() const { return calls_; }
  std::vector<std::string> names() const;

 private:
  static std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& call);
  static void end(const at::RecordFunction& call, at::ObserverContext* context);

  static OperationCalls* current_;
  at::CallbackHandle handle_;
  std::vector<OperationCall> calls_;
};

}  // namespace trireme::test
