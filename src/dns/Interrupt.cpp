#include "dns/Interrupt.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace mox::dns {

Interrupt::Interrupt() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

Interrupt::~Interrupt() { ::close(fd_); }

void Interrupt::raise() {
  raised_ = true;
  (void)::eventfd_write(fd_, 1);  // fails only if it is readable already
}

}  // namespace mox::dns
