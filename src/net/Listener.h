// A listening socket: takes connections in, asks the filter, makes the session. Internal to net.
#pragma once

#include "net/EngineShared.h"

namespace mox::net {

class Listener final : public Handler {
 public:
  static constexpr std::uint32_t started = free, stop = free << 1;

  Listener(std::shared_ptr<EngineShared> engine, Fd socket, ListenerOptions options, SessionFactory factory, AcceptFilter filter);
  Endpoint local() const { return local_; }

 private:
  void turn(std::uint32_t signals, Worker& worker) override;
  bool acceptSome(std::vector<std::shared_ptr<Handler>>& taken);
  std::shared_ptr<Handler> take(Fd socket, const Endpoint& remote);
  void shed(Fd socket, const std::string& reply, Counter& counter);
  void backOff(int error);

  const std::shared_ptr<EngineShared> engine_;
  const ListenerOptions options_;
  const SessionFactory factory_;
  const AcceptFilter filter_;
  Fd socket_;
  Fd reserve_;  ///< given up to take and close one connection when there are no descriptors
  const Endpoint local_;
  Counter& accepted_;
  Counter& busy_;
  Counter& refused_;
  Counter& backOffs_;
  bool registered_ = false;
};

}  // namespace mox::net
