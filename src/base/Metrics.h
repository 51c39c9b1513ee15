// Metrics: counters, gauges and histograms, kept by prometheus-cpp and shown
// in its text format. Names are those of mox ("mox_smtpserver_connection_total").
//
// Look a metric up once (a member of the class that counts) and not per event:
// a lookup takes a lock, inc() and observe() are cheap and thread safe.
// References stay valid as long as the Metrics.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace mox {

class Counter {
 public:
  virtual ~Counter() = default;
  virtual void inc(double by = 1) = 0;
};

class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void add(double by) = 0;
  virtual void set(double value) = 0;
};

class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void observe(double seconds) = 0;
};

class Metrics {
 public:
  using Labels = std::map<std::string, std::string>;

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// The same name must always come with the same help. The same labels give the same object.
  Counter& counter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge& gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  /// Upper bounds in seconds.
  Histogram& histogram(const std::string& name, const std::string& help, const Labels& labels = {},
                       const std::vector<double>& bounds = {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 20});

  /// Prometheus text format 0.0.4.
  std::string text() const;
  /// Value of a counter or gauge, 0 if there is none: for tests.
  double value(const std::string& name, const Labels& labels = {}) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mox
