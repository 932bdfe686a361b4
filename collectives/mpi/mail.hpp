// Messages of bytes that nobody waits for: the peer may be frozen, or gone.
#pragma once

#include <mpi.h>

#include <functional>
#include <list>
#include <map>
#include <string>

namespace trireme::collectives {

/// One thread at a time may use it. What is still on its way when it is destroyed keeps its memory until the process
/// ends, since MPI may use it.
class Mail {
 public:
  /// `handle` must outlive it.
  explicit Mail(MPI_Comm handle) : handle_(handle) {}
  ~Mail();
  Mail(const Mail&) = delete;
  Mail& operator=(const Mail&) = delete;

  void send(int peer, int tag, std::string bytes);
  /// Calls `take` for each message with this tag that has come as a whole, and forgets what has been sent.
  void collect(int tag, const std::function<void(int peer, const std::string& bytes)>& take);

 private:
  struct Message {
    std::string bytes;
    MPI_Request request = MPI_REQUEST_NULL;
    int peer = 0;
  };
  static bool complete(Message& message);

  MPI_Comm handle_;
  std::list<Message> sending_;
  std::map<int, std::list<Message>> arriving_;  ///< by tag
};

}  // namespace trireme::collectives
