// Downgraded: a message as a client sees it that must not get all its octets. RFC 6855 §3, RFC 3516 §4.3.
//
// A client that has not said it takes UTF-8 gets headers in ASCII (DowngradeHeader.h), those of all parts; and no
// client gets NUL in a literal: a part that holds NUL goes as base64, and NUL elsewhere becomes SUB (0x1a). What is stored
// stays as it is, and BINARY gives it. Offsets, sizes and lines of tree() are of the downgraded message, so that
// ENVELOPE, BODYSTRUCTURE, RFC822.SIZE and the octets say the same.
//
// Only messages whose Parsed says utf8Headers or hasNul need this; it costs a look at their headers, and at all
// octets if there is NUL. Holds no more than the new headers in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "message/Decode.h"
#include "message/Parsed.h"

namespace mox::message {

struct DowngradeNeeds {
  bool headers = false;  ///< the client knows no UTF-8 in headers
  bool nul = false;      ///< there is NUL somewhere
  bool any() const { return headers || nul; }
};

class Downgraded {
 public:
  /// Appends up to `count` octets of the stored message from `offset`.
  using Octets = std::function<void(std::uint64_t offset, std::size_t count, std::string& out)>;

  /// `root` is the tree of the message as stored, which has `size` octets.
  Downgraded(const Part& root, std::uint64_t size, DowngradeNeeds needs, Octets octets);

  const Part& tree() const { return tree_; }
  std::uint64_t size() const { return size_; }
  /// Octets of the downgraded message.
  void readInto(std::uint64_t offset, std::size_t count, std::string& out) const;

 private:
  /// A stretch of the downgraded message.
  struct Piece {
    enum class Kind { text, stored, masked, base64 };
    Kind kind = Kind::stored;
    std::uint64_t start = 0, size = 0;  ///< in the downgraded message
    std::uint64_t from = 0, length = 0;  ///< in the stored one
    std::string text;
  };
  Part copy(const Part& part);
  void copyChildren(const Part& part, Part& out);
  std::uint64_t header(const Part& part, bool asBase64, Part& out);
  void leaf(const Part& part, bool asBase64, Part& out);
  void add(Piece piece);
  void addStored(std::uint64_t from, std::uint64_t to);
  std::int64_t lineEnds(const Part& part) const;
  char lastOctet() const;
  bool hasNul(std::uint64_t from, std::uint64_t to) const;
  void readPiece(const Piece& piece, std::uint64_t offset, std::size_t count, std::string& out) const;

  DowngradeNeeds needs_;
  Octets octets_;
  Part tree_;
  std::uint64_t size_ = 0;
  std::int64_t moreLines_ = 0;  ///< line ends added so far, less those taken away
  std::vector<Piece> pieces_;
};

}  // namespace mox::message
