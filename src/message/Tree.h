// TreeBuilder: the MIME tree of a message, line by line. RFC 2045, RFC 2046 §5.1.
//
// Keeps the open parts on a stack (at most maxNesting) instead of recursing. A
// delimiter line belongs to the innermost open multipart whose boundary it is,
// and closes all parts within; a boundary counts no more once its closing
// delimiter was seen. A delimiter must be alone on its line (white space may
// follow), so a boundary that starts another boundary is no danger.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "message/Parsed.h"
#include "message/Scan.h"

namespace mox::message {

/// Addresses, and parameters, kept of one message in all: many parts must not multiply the limits of one.
inline constexpr std::size_t maxAddressesOfMessage = 100'000;
inline constexpr std::size_t maxParametersOfMessage = 100'000;

class TreeBuilder {
 public:
  /// Of the root, the fields of `prefix` come first; all offsets are moved by its size.
  TreeBuilder(std::string_view prefix, std::string_view data);

  /// Once.
  Part build();

  const OctetFlags& flags() const { return scan_.flags(); }
  bool utf8Headers() const { return utf8Headers_; }
  /// Of the root: if a blank line ended its header.
  bool rootHasBody() const { return rootHasBody_; }

 private:
  enum class At { header, leaf, multipart, epilogue, container };
  struct Frame {
    Part part;
    At at = At::header;
    bool firstLine = true;  ///< no field seen yet
    bool inDigest = false;  ///< default type is message/rfc822, RFC 2046 §5.1.5
    bool isMessage = false;  ///< root or embedded: has an envelope
    std::string boundary;
    std::uint64_t newlinesAtBody = 0;
  };
  struct Delimiter {
    std::size_t frame = 0;
    bool closes = false;
  };

  void push(std::size_t at, bool inDigest, bool isMessage);
  void headerLine();
  /// `hasBlank` line before `bodyStart`.
  void endHeader(std::size_t bodyStart, std::uint64_t newlines, bool hasBlank);
  void readFields(Frame& frame, std::string_view block, bool& hasType);
  void descend(Frame& frame, std::size_t bodyStart);
  std::optional<Delimiter> delimiter(std::string_view line) const;
  bool boundaryLine();
  /// Closes frames until `keep` are left.
  void closeTo(std::size_t keep, std::size_t lineStart, std::uint64_t newlines, bool atDelimiter);
  void closeTop(std::size_t lineStart, std::uint64_t newlines, std::size_t lineEnd);
  bool mayOpen() const { return parts_ < maxParts && frames_.size() < maxNesting; }

  std::string_view prefix_, data_;
  LineScan scan_;
  std::vector<Frame> frames_;
  std::map<std::string, std::vector<std::size_t>, std::less<>> open_;  ///< boundary to frames, innermost last
  std::size_t parts_ = 0, addressesLeft_ = maxAddressesOfMessage, parametersLeft_ = maxParametersOfMessage;
  Part root_;
  bool utf8Headers_ = false, rootHasBody_ = false;
};

}  // namespace mox::message
