#include "dkim/Canonical.h"

#include <openssl/evp.h>

#include <algorithm>
#include <stdexcept>

#include "base/Text.h"

namespace mox::dkim {

namespace {

constexpr std::size_t bufferOctets = 16 * 1024;

const EVP_MD* algorithm(Hash hash) { return hash == Hash::sha1 ? EVP_sha1() : EVP_sha256(); }

std::string_view withoutLineEnd(std::string_view raw) {
  if (raw.ends_with('\n')) raw.remove_suffix(1);
  if (raw.ends_with('\r')) raw.remove_suffix(1);
  return raw;
}

}  // namespace

std::string_view canonicalizationName(Canonicalization c) { return c == Canonicalization::relaxed ? "relaxed" : "simple"; }
std::string_view hashName(Hash hash) { return hash == Hash::sha1 ? "sha1" : "sha256"; }

std::string canonicalField(Canonicalization c, std::string_view raw) {
  raw = withoutLineEnd(raw);
  if (c == Canonicalization::simple) return std::string(raw) + "\r\n";
  auto colon = raw.find(':');
  auto name = raw.substr(0, colon);
  while (!name.empty() && isWsp(name.back())) name.remove_suffix(1);
  std::string out = lower(name) + ":";
  auto rest = colon == std::string_view::npos ? std::string_view() : raw.substr(colon + 1);
  bool space = false, any = false;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    // Unfold: a line end goes, the white space after it stays.
    if (rest[i] == '\n' || (rest[i] == '\r' && i + 1 < rest.size() && rest[i + 1] == '\n')) continue;
    if (isWsp(rest[i])) {
      space = true;
      continue;
    }
    if (space && any) out += ' ';
    space = false;
    any = true;
    out += rest[i];
  }
  return out + "\r\n";
}

/// Octets that are not the end of the body: what was held back comes first.
void CanonicalBody::content(std::string_view octets) {
  for (; lineEnds_ > 0; --lineEnds_) {
    buffer_ += "\r\n";
    if (buffer_.size() >= bufferOctets) {
      out_(buffer_);
      buffer_.clear();
    }
  }
  if (space_) buffer_ += ' ';
  space_ = false;
  any_ = true;
  if (buffer_.size() + octets.size() > bufferOctets) {
    out_(buffer_);
    buffer_.clear();
  }
  if (octets.size() > bufferOctets) {
    out_(octets);
  } else {
    buffer_ += octets;
  }
}

void CanonicalBody::endCr() {
  carriageReturn_ = false;
  content("\r");
}

void CanonicalBody::take(char c) {
  if (carriageReturn_ && c == '\n') {
    carriageReturn_ = false;
    space_ = false;
    ++lineEnds_;
    return;
  }
  if (carriageReturn_) endCr();
  if (c == '\r') {
    carriageReturn_ = true;
  } else if (relaxed_ && isWsp(c)) {
    space_ = true;
  } else {
    content({&c, 1});
  }
}

/// Octets at the start of `piece` that pass unchanged: up to a CR, and in relaxed form up to white space other
/// than a lone space between two words. Most lines of real mail are one such run.
std::size_t CanonicalBody::plainRun(std::string_view piece) const {
  if (carriageReturn_) return 0;
  if (!relaxed_) return std::min(piece.find('\r'), piece.size());
  auto stops = [](char c) { return c == '\r' || c == ' ' || c == '\t'; };
  std::size_t at = 0;
  while (at < piece.size()) {
    if (!stops(piece[at])) {
      ++at;
    } else if (piece[at] == ' ' && (at > 0 || !space_) && at + 1 < piece.size() && !stops(piece[at + 1])) {
      at += 2;
    } else {
      break;
    }
  }
  return at;
}

void CanonicalBody::update(std::string_view piece) {
  while (!piece.empty()) {
    if (auto run = plainRun(piece); run > 0) {
      content(piece.substr(0, run));
      piece.remove_prefix(run);
    } else if (!carriageReturn_ && piece.starts_with("\r\n")) {
      space_ = false;
      ++lineEnds_;
      piece.remove_prefix(2);
    } else {
      take(piece[0]);
      piece.remove_prefix(1);
    }
  }
}

void CanonicalBody::finish() {
  if (carriageReturn_) endCr();
  // §3.4.3: an empty body is one CRLF; §3.4.4: an empty one stays empty.
  if (any_ || !relaxed_) buffer_ += "\r\n";
  if (!buffer_.empty()) out_(buffer_);
  buffer_.clear();
}

struct BodyHash::State {
  struct Free {
    void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context{EVP_MD_CTX_new()};
  CanonicalBody body;

  State(Canonicalization c, Hash hash) : body(c, [this](std::string_view octets) {
    if (EVP_DigestUpdate(context.get(), octets.data(), octets.size()) != 1) throw std::runtime_error("hashing failed");
  }) {
    if (!context || EVP_DigestInit_ex(context.get(), algorithm(hash), nullptr) != 1) throw std::runtime_error("no hash");
  }
};

BodyHash::BodyHash(Canonicalization c, Hash hash) : state_(std::make_unique<State>(c, hash)) {}
BodyHash::~BodyHash() = default;
BodyHash::BodyHash(BodyHash&&) noexcept = default;
void BodyHash::update(std::string_view piece) { state_->body.update(piece); }

std::string BodyHash::finish() {
  state_->body.finish();
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_DigestFinal_ex(state_->context.get(), out, &size) != 1) throw std::runtime_error("hashing failed");
  return {reinterpret_cast<const char*>(out), size};
}

std::string digest(Hash hash, std::string_view text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), out, &size, algorithm(hash), nullptr) != 1) throw std::runtime_error("hashing failed");
  return {reinterpret_cast<const char*>(out), size};
}

}  // namespace mox::dkim
