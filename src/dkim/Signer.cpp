#include "dkim/Signer.h"

#include <algorithm>

#include "base/Text.h"
#include "dkim/SignedData.h"

namespace mox::dkim {

namespace {

/// Columns a line of the field has at most, where it can be folded.
constexpr std::size_t lineColumns = 76;

/// Writes a header field, folding where it is told that it may.
class Folder {
 public:
  explicit Folder(std::string start) : text_(std::move(start)), column_(text_.size()) {}

  /// `piece` is kept together; a fold or `space` goes before it.
  void add(std::string_view piece, std::string_view space) {
    if (column_ + space.size() + piece.size() > lineColumns) {
      text_ += "\r\n\t";
      column_ = 1;
    } else {
      text_ += space;
      column_ += space.size();
    }
    text_ += piece;
    column_ += piece.size();
  }
  /// A long word without places to fold, cut anywhere.
  void addCut(std::string_view word) {
    while (!word.empty()) {
      if (column_ >= lineColumns) {
        text_ += "\r\n\t";
        column_ = 1;
      }
      auto piece = word.substr(0, lineColumns - column_);
      text_ += piece;
      column_ += piece.size();
      word.remove_prefix(piece.size());
    }
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::size_t column_;
};

/// §2.11: all that is not plain, and "|" and ";" and "=".
std::string quotedPrintable(std::string_view text) {
  std::string out;
  for (char c : text) {
    auto octet = static_cast<unsigned char>(c);
    if (octet > 0x20 && octet < 0x7f && c != ';' && c != '=' && c != '|') {
      out += c;
    } else {
      out += "=" + upper(hex({&c, 1}));
    }
  }
  return out;
}

std::vector<std::string> namesToSign(const Selector& selector, const std::vector<HeaderField>& fields) {
  std::vector<std::string> wanted = selector.headers;
  auto isFrom = [](const auto& name) { return equalsNoCase(name, "From"); };
  if (std::none_of(wanted.begin(), wanted.end(), isFrom)) wanted.insert(wanted.begin(), "From");
  std::vector<std::string> out;
  for (const auto& name : wanted) {
    auto already = [&](const auto& other) { return equalsNoCase(other, name); };
    if (std::any_of(out.begin(), out.end(), already)) continue;
    auto present = std::count_if(fields.begin(), fields.end(), [&](const auto& field) { return equalsNoCase(field.name, name); });
    out.insert(out.end(), static_cast<std::size_t>(present) + (selector.seal ? 1 : 0), name);
  }
  return out;
}

/// The field up to and with "b=".
Folder unsignedField(const Selector& selector, const std::optional<Localpart>& identity, const std::vector<std::string>& names,
                     const std::string& bodyHash, Time now, Time leaves) {
  Folder out("DKIM-Signature: v=1;");
  out.add("a=" + std::string(keyTypeName(selector.key.type())) + "-" + std::string(hashName(selector.hash)) + ";", " ");
  out.add("c=" + std::string(canonicalizationName(selector.header)) + "/" + std::string(canonicalizationName(selector.body)) + ";", " ");
  out.add("d=" + selector.domain.ascii() + ";", " ");
  out.add("s=" + selector.name + ";", " ");
  if (identity) out.add("i=" + quotedPrintable(identity->wire()) + "@" + selector.domain.ascii() + ";", " ");
  out.add("t=" + std::to_string(unixSeconds(now)) + ";", " ");
  if (selector.expiration) out.add("x=" + std::to_string(unixSeconds(std::max(now, leaves)) + selector.expiration->count()) + ";", " ");
  for (std::size_t i = 0; i < names.size(); ++i) {
    out.add((i == 0 ? "h=" : "") + names[i] + (i + 1 < names.size() ? ":" : ";"), i == 0 ? " " : "");
  }
  out.add("bh=" + base64(bodyHash) + ";", " ");
  out.add("b=", " ");
  return out;
}

Result<void> check(const std::vector<Selector>& selectors, const HeaderBlock& header) {
  if (header.cut) return fail(Errc::tooLong, "message header too large to sign");
  auto from = std::count_if(header.fields.begin(), header.fields.end(), [](const auto& field) { return field.name == "from"; });
  if (from != 1) return fail(Errc::syntax, "message must have one From field to be signed");
  for (const auto& selector : selectors) {
    bool sha1 = selector.hash == Hash::sha1;
    if (sha1 && (!selector.allowSha1 || selector.key.type() != KeyType::rsa)) {
      return fail(Errc::denied, "signing with SHA-1 is not allowed for selector " + selector.name);
    }
  }
  return {};
}

}  // namespace

const std::vector<std::string>& defaultSignedHeaders() {
  static const std::vector<std::string> names{"From",       "To",          "Cc",      "Bcc",  "Reply-To",   "References",
                                              "In-Reply-To", "Subject", "Date", "Message-Id", "Content-Type"};
  return names;
}

Result<std::string> Signer::sign(const std::vector<Selector>& selectors, const std::optional<Localpart>& identity,
                                 std::string_view prefix, std::string_view data, Time leaves) const {
  auto header = split(prefix, data);
  if (auto ok = check(selectors, header); !ok) return tl::unexpected(ok.error());
  BodyHashes hashes(header.body);
  std::string out;
  for (const auto& selector : selectors) {
    auto names = namesToSign(selector, header.fields);
    auto field = unsignedField(selector, identity, names, hashes.of(selector.body, selector.hash), clock_.now(), leaves);
    auto text = signedData(header.fields, names, selector.header, field.text(), nullptr);
    field.addCut(base64(selector.key.sign(selector.hash, text)));
    out += field.text() + "\r\n";
    if (metrics_ != nullptr) {
      metrics_->counter("mox_dkim_sign_total", "DKIM signatures made.", {{"key", std::string(keyTypeName(selector.key.type()))}}).inc();
    }
  }
  return out;
}

}  // namespace mox::dkim
