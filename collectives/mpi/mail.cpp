#include "collectives/mpi/mail.hpp"

#include <utility>

#include "collectives/mpi/context.hpp"

namespace trireme::collectives {

Mail::~Mail() {
  const auto leave = [](std::list<Message>& messages) {
    if (mpi_is_running()) std::erase_if(messages, complete);
    // NOLINTNEXTLINE(cppcoreguidelines-owning-memory)
    if (!messages.empty()) static_cast<void>(new std::list<Message>(std::move(messages)));
  };
  leave(sending_);
  for (auto& [tag, messages] : arriving_) leave(messages);
}

bool Mail::complete(Message& message) {
  int flag = 0;
  return MPI_Test(&message.request, &flag, MPI_STATUS_IGNORE) == MPI_SUCCESS && flag != 0;
}

void Mail::send(int peer, int tag, std::string bytes) {
  Message& message = sending_.emplace_back();
  message.bytes = std::move(bytes);
  MPI_Isend(message.bytes.data(), static_cast<int>(message.bytes.size()), MPI_BYTE, peer, tag, handle_,
            &message.request);
}

void Mail::collect(int tag, const std::function<void(int peer, const std::string& bytes)>& take) {
  std::erase_if(sending_, complete);
  std::list<Message>& arriving = arriving_[tag];
  int found = 0;
  MPI_Status status;
  while (MPI_Iprobe(MPI_ANY_SOURCE, tag, handle_, &found, &status) == MPI_SUCCESS && found != 0) {
    int length = 0;
    MPI_Get_count(&status, MPI_BYTE, &length);
    Message& message = arriving.emplace_back();
    message.peer = status.MPI_SOURCE;
    message.bytes.resize(static_cast<std::size_t>(length));
    MPI_Irecv(message.bytes.data(), length, MPI_BYTE, message.peer, tag, handle_, &message.request);
  }
  std::erase_if(arriving, [&](Message& message) {
    if (!complete(message)) return false;
    take(message.peer, message.bytes);
    return true;
  });
}

}  // namespace trireme::collectives
