// Intake: the octets between 354 and the final dot, on their way into a spool.
//
// Whatever goes wrong (too large, smuggling, the disk), the octets are read on to the real end of data: what is left
// of a message must never be taken for commands.
#pragma once

#include <memory>
#include <optional>

#include "base/Log.h"
#include "smtp/DataReader.h"
#include "smtp/Reply.h"
#include "smtpserver/Beginning.h"
#include "smtpserver/Services.h"
#include "store/Spool.h"

namespace mox::smtpserver {

class Intake {
 public:
  /// `kind`: what comes from outside may begin anyhow (Beginning.h); a submission is judged by what it is.
  Intake(std::shared_ptr<store::Spool> spool, Kind kind, std::uint64_t maxSize, Log log);

  /// As smtp::DataReader::feed.
  std::size_t feed(std::string_view input);
  bool done() const { return reader_.done(); }
  /// Once done(): finishes the spool. A reply if the message must be refused.
  std::optional<smtp::Reply> finish();
  std::shared_ptr<store::Spool> spool() const { return spool_; }

 private:
  void keep(std::string_view bytes);
  void append(std::string_view bytes);
  void failed(const std::exception& broken);

  std::shared_ptr<store::Spool> spool_;
  std::uint64_t maxSize_;
  Log log_;
  std::optional<smtp::Reply> failure_;  ///< ours
  std::optional<Beginning> beginning_;
  smtp::DataReader reader_;
};

/// RFC 1870 §6.1: 552 with 5.3.4, or 5.2.3 where the limit is lower than what servers usually take.
smtp::Reply tooLarge(std::uint64_t size, std::uint64_t maxSize);

}  // namespace mox::smtpserver
