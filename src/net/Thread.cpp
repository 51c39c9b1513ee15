#include "net/Thread.h"

#include <climits>
#include <csignal>
#include <memory>
#include <system_error>

namespace mox::net {

namespace {

void* runBody(void* body) {
  std::unique_ptr<std::function<void()>> own(static_cast<std::function<void()>*>(body));
  (*own)();
  return nullptr;
}

}  // namespace

Thread::Thread(const std::string& name, std::size_t stackBytes, std::function<void()> body) {
  auto own = std::make_unique<std::function<void()>>(std::move(body));
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, std::max<std::size_t>(stackBytes, static_cast<std::size_t>(PTHREAD_STACK_MIN)));
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);  // a thread starts with its maker's mask
  int error = pthread_create(&handle_, &attributes, &runBody, own.get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (error != 0) throw std::system_error(error, std::generic_category(), "pthread_create");
  own.release();
  pthread_setname_np(handle_, name.substr(0, 15).c_str());
}

Thread::~Thread() {
  if (!joined_) std::terminate();  // a bug: the thread would go on with what its owner has freed
}

void Thread::join() {
  if (joined_) return;
  pthread_join(handle_, nullptr);
  joined_ = true;
}

}  // namespace mox::net
