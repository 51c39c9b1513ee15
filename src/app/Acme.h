// Acme: the thread that gets and renews certificates while the server runs.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "app/AcmeFiles.h"
#include "app/AcmeProofs.h"
#include "app/AcmeRounds.h"
#include "app/Foundations.h"
#include "net/MeasuredHttpClient.h"
#include "net/Thread.h"

namespace mox::app {

/// References outlive the thread. What of AcmeServices the thread does not make itself.
struct AcmeParts {
  Foundations& foundations;
  config::ConfigSource& config;
  const config::FileReader& secrets;
  dns::Resolver& resolver;
  AcmeFiles& files;
  AcmeProofs& proofs;
  std::map<std::string, std::string> hostKeys;
  std::function<void()> install;
};

class Acme {
 public:
  static constexpr Duration restAfterFault = std::chrono::minutes(10);  ///< when our own disk failed

  /// Nothing runs if no listener has its certificates from ACME. Throws if the roots of TLS.CA cannot be used.
  explicit Acme(AcmeParts parts);
  ~Acme();
  Acme(const Acme&) = delete;
  Acme& operator=(const Acme&) = delete;

  /// The configuration may be another: looks again, and tries at once what had failed.
  void wake();
  /// Nothing is begun from here on, and what fails now fails because of it: before what the thread works with is stopped.
  void stop();

 private:
  void run();
  bool wait(Duration time, bool interruptible);

  Log log_;
  std::unique_ptr<net::PocoHttpClient> http_;
  std::unique_ptr<net::MeasuredHttpClient> measured_;
  std::unique_ptr<AcmeRounds> rounds_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false, woken_ = false;
  std::unique_ptr<net::Thread> thread_;
};

}  // namespace mox::app
