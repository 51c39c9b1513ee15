#include "smtpserver/Intake.h"

#include "config/Config.h"
#include "delivery/Place.h"

namespace mox::smtpserver {

Intake::Intake(std::shared_ptr<store::Spool> spool, Kind kind, std::uint64_t maxSize, Log log)
    : spool_(std::move(spool)), maxSize_(maxSize), log_(std::move(log)), reader_({maxSize, false, false}, [this](std::string_view bytes) { keep(bytes); }) {
  if (kind == Kind::delivery) beginning_.emplace([this](std::string_view bytes) { append(bytes); });
}

std::size_t Intake::feed(std::string_view input) { return reader_.feed(input); }

void Intake::keep(std::string_view bytes) {
  if (beginning_) beginning_->feed(bytes);
  else append(bytes);
}

void Intake::append(std::string_view bytes) {
  if (failure_) return;
  try {
    spool_->append(bytes);
  } catch (const std::exception& broken) {
    failed(broken);
    reader_.discard();
  }
}

void Intake::failed(const std::exception& broken) {
  log_.error("writing a message failed", {{"err", broken.what()}});
  auto outcome = delivery::failureOf(broken);
  failure_ = smtp::Reply::make(outcome.code, outcome.enhanced, outcome.text);
}

std::optional<smtp::Reply> Intake::finish() {
  if (failure_) return failure_;
  if (reader_.tooLarge()) return tooLarge(reader_.size(), maxSize_);
  if (reader_.refused()) return smtp::Reply::make(500, "5.5.2", "message refused, it could smuggle another: " + std::string(reader_.problem()));
  if (beginning_) beginning_->finish();
  if (failure_) return failure_;
  try {
    spool_->finish();
  } catch (const std::exception& broken) {
    failed(broken);
  }
  return failure_;
}

smtp::Reply tooLarge(std::uint64_t size, std::uint64_t maxSize) {
  bool usual = size < static_cast<std::uint64_t>(config::defaultMaxMessageSize);
  return smtp::Reply::make(552, usual ? "5.2.3" : "5.3.4", "message too large, at most " + std::to_string(maxSize) + " octets");
}

}  // namespace mox::smtpserver
