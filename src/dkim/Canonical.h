// Canonicalisation, RFC 6376 §3.4. Linear, bounded memory, body in pieces.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace mox::dkim {

enum class Canonicalization { simple, relaxed };
enum class Hash { sha256, sha1 };
std::string_view canonicalizationName(Canonicalization c);
std::string_view hashName(Hash hash);

/// §3.4.2 or §3.4.1, with final CRLF. `raw` is a whole field; a missing or bare-LF line end at its end becomes CRLF.
std::string canonicalField(Canonicalization c, std::string_view raw);

/// The body as it is hashed, handed to `out` in pieces. Only CRLF ends a line.
class CanonicalBody {
 public:
  using Out = std::function<void(std::string_view)>;
  CanonicalBody(Canonicalization c, Out out) : relaxed_(c == Canonicalization::relaxed), out_(std::move(out)) {}

  void update(std::string_view piece);
  void finish();

 private:
  void content(std::string_view octets);
  void take(char c);
  std::size_t plainRun(std::string_view piece) const;
  void endCr();

  bool relaxed_;
  Out out_;
  std::string buffer_;         ///< output not yet handed on
  std::size_t lineEnds_ = 0;   ///< CRLFs that count only if content follows
  bool carriageReturn_ = false;
  bool space_ = false;         ///< relaxed: white space that counts only if more of the line follows
  bool any_ = false;
};

/// Hash of a canonical body.
class BodyHash {
 public:
  BodyHash(Canonicalization c, Hash hash);
  ~BodyHash();
  BodyHash(BodyHash&&) noexcept;
  void update(std::string_view piece);
  /// The digest octets. Call once.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Digest of `text`.
std::string digest(Hash hash, std::string_view text);

}  // namespace mox::dkim
