#include "base/Metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <mutex>

namespace mox {

namespace {

class CounterOf final : public Counter {
 public:
  explicit CounterOf(prometheus::Counter& inner) : inner_(inner) {}
  void inc(double by) override { inner_.Increment(by); }

 private:
  prometheus::Counter& inner_;
};

class GaugeOf final : public Gauge {
 public:
  explicit GaugeOf(prometheus::Gauge& inner) : inner_(inner) {}
  void add(double by) override { inner_.Increment(by); }
  void set(double value) override { inner_.Set(value); }

 private:
  prometheus::Gauge& inner_;
};

class HistogramOf final : public Histogram {
 public:
  explicit HistogramOf(prometheus::Histogram& inner) : inner_(inner) {}
  void observe(double seconds) override { inner_.Observe(seconds); }

 private:
  prometheus::Histogram& inner_;
};

template <class T>
using Series = std::map<std::pair<std::string, Metrics::Labels>, std::unique_ptr<T>>;

}  // namespace

struct Metrics::State {
  prometheus::Registry registry;
  std::mutex mutex;  // guards the maps
  Series<Counter> counters;
  Series<Gauge> gauges;
  Series<Histogram> histograms;
};

Metrics::Metrics() : state_(new State) {}
Metrics::~Metrics() = default;

Counter& Metrics::counter(const std::string& name, const std::string& help, const Labels& labels) {
  std::lock_guard hold(state_->mutex);
  auto& slot = state_->counters[{name, labels}];
  if (!slot) slot = std::make_unique<CounterOf>(prometheus::BuildCounter().Name(name).Help(help).Register(state_->registry).Add(labels));
  return *slot;
}

Gauge& Metrics::gauge(const std::string& name, const std::string& help, const Labels& labels) {
  std::lock_guard hold(state_->mutex);
  auto& slot = state_->gauges[{name, labels}];
  if (!slot) slot = std::make_unique<GaugeOf>(prometheus::BuildGauge().Name(name).Help(help).Register(state_->registry).Add(labels));
  return *slot;
}

Histogram& Metrics::histogram(const std::string& name, const std::string& help, const Labels& labels, const std::vector<double>& bounds) {
  std::lock_guard hold(state_->mutex);
  auto& slot = state_->histograms[{name, labels}];
  if (!slot) {
    auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(state_->registry);
    slot = std::make_unique<HistogramOf>(family.Add(labels, prometheus::Histogram::BucketBoundaries(bounds)));
  }
  return *slot;
}

std::string Metrics::text() const { return prometheus::TextSerializer().Serialize(state_->registry.Collect()); }

double Metrics::value(const std::string& name, const Labels& labels) const {
  for (const auto& family : state_->registry.Collect()) {
    if (family.name != name) continue;
    for (const auto& metric : family.metric) {
      Labels have;
      for (const auto& label : metric.label) have[label.name] = label.value;
      if (have == labels) return family.type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value;
    }
  }
  return 0;
}

}  // namespace mox
