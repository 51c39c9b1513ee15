#include "app/Interruption.h"

#include <cerrno>
#include <csignal>
#include <system_error>

namespace mox::app {

namespace {

constexpr std::array signals{SIGINT, SIGTERM, SIGHUP};

volatile std::sig_atomic_t noted = 0;  // all that a handler may touch

}  // namespace

Interruption::Interruption() {
  noted = 0;
  struct sigaction note {};
  note.sa_handler = [](int) { noted = 1; };
  note.sa_flags = SA_RESTART;
  for (std::size_t i = 0; i < signals.size(); ++i) {
    if (::sigaction(signals[i], nullptr, &before_[i]) != 0) throw std::system_error(errno, std::generic_category(), "sigaction");
    if (before_[i].sa_handler != SIG_IGN) ::sigaction(signals[i], &note, nullptr);
  }
}

Interruption::~Interruption() {
  for (std::size_t i = 0; i < signals.size(); ++i) ::sigaction(signals[i], &before_[i], nullptr);
}

bool Interruption::happened() const { return noted != 0; }

}  // namespace mox::app
