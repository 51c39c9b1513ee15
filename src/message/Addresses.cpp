#include "message/Addresses.h"

#include <algorithm>

#include "base/Text.h"
#include "message/FieldLexer.h"

namespace mox::message {

namespace {

/// Words as they are collected before it is clear if they are a name or a localpart.
struct Words {
  std::string phrase;     ///< words with single spaces where white space was
  std::string localpart;  ///< words and dots without white space
  bool any = false;

  void add(std::string_view text, bool spaced) {
    if (any && spaced) phrase += ' ';
    phrase += text;
    localpart += text;
    any = true;
  }
};

class ListParser {
 public:
  ListParser(std::string_view value, std::size_t limit) : lexer_(value), limit_(limit) {}

  AddressList run() {
    while (lexer_.skipCfws(), !lexer_.atEnd() && out_.addresses.size() < limit_) element();
    if (inGroup_) {
      out_.wellFormed = false;
      endGroup();
    }
    if (!lexer_.wellFormed()) out_.wellFormed = false;
    return std::move(out_);
  }

 private:
  /// One address, one start or end of a group, or an empty element (RFC 5322 §4.4).
  void element() {
    if (lexer_.take(',')) return;
    if (lexer_.take(';')) return inGroup_ ? endGroup() : broken();
    lexer_.lastComment();
    Words words = collect();
    if (lexer_.take('<')) return angle(std::move(words.phrase));
    if (lexer_.take('@')) return addrSpec(std::move(words));
    if (lexer_.peek() == ':' && !inGroup_ && words.any) return startGroup(std::move(words));
    if (words.any) {
      broken();
      add({std::nullopt, std::move(words.localpart), std::string()});
      separator();
      return;
    }
    broken();
    lexer_.skip();
  }

  Words collect() {
    Words words;
    bool spaced = false;
    while (!lexer_.atEnd()) {
      char c = lexer_.peek();
      if (c == '"') words.add(lexer_.quotedString(), spaced);
      else if (c == '.') words.add(".", spaced), lexer_.skip();
      else if (!specials.has(c)) words.add(withoutNul(lexer_.run(specials)), spaced);
      else break;
      spaced = lexer_.skipCfws();
    }
    return words;
  }

  std::string withoutNul(std::string_view text) {
    std::string out(text);
    std::erase(out, '\0');
    if (out.size() != text.size()) broken();
    return out;
  }

  std::string domain() {
    lexer_.skipCfws();
    if (lexer_.peek() == '[') return lexer_.domainLiteral();
    std::string out;
    while (!lexer_.atEnd()) {
      char c = lexer_.peek();
      if (c == '.') out += '.', lexer_.skip();
      else if (!specials.has(c) && (out.empty() || out.back() == '.')) out += withoutNul(lexer_.run(specials));
      else break;
      lexer_.skipCfws();
    }
    if (out.empty()) broken();
    return out;
  }

  /// After "@": the address was not in angle brackets, so its name may follow in a comment.
  void addrSpec(Words words) {
    if (!words.any) broken();
    EnvelopeAddress address{std::nullopt, std::move(words.localpart), domain()};
    lexer_.skipCfws();
    if (lexer_.take('<')) {
      auto shown = *address.mailbox + "@" + *address.host;
      angle(shown);
      const auto& real = out_.addresses.back();
      // Unquoted address as a name: tolerable only if it tells the truth.
      if (!equalsNoCase(shown, real.mailbox.value_or("") + "@" + real.host.value_or(""))) broken();
      return;
    }
    address.name = lexer_.lastComment();
    if (address.name && address.name->empty()) address.name.reset();
    add(std::move(address));
    separator();
  }

  /// After "<": an optional route (RFC 5322 §4.4), the address, ">".
  void angle(std::string name) {
    EnvelopeAddress address;
    if (!name.empty()) address.name = std::move(name);
    lexer_.skipCfws();
    if (lexer_.peek() == '@') {
      lexer_.skipTo(':');
      if (!lexer_.take(':')) broken();
      lexer_.skipCfws();
    }
    Words words = collect();
    address.mailbox = std::move(words.localpart);
    if (lexer_.take('@')) address.host = domain();
    else address.host = std::string(), broken();
    if (!words.any) broken();
    lexer_.skipCfws();
    if (!lexer_.take('>')) {
      broken();
      while (!lexer_.atEnd() && lexer_.peek() != '>' && lexer_.peek() != ',') lexer_.skip();
      lexer_.take('>');
    }
    if (!address.name) {
      lexer_.lastComment();
      lexer_.skipCfws();
      if (auto comment = lexer_.lastComment(); comment && !comment->empty()) address.name = std::move(comment);
    }
    add(std::move(address));
    separator();
  }

  void startGroup(Words words) {
    lexer_.skip();
    inGroup_ = true;
    add({std::nullopt, std::move(words.phrase), std::nullopt});
  }

  void endGroup() {
    inGroup_ = false;
    add({});
  }

  /// Behind an address only "," or ";" makes sense; other text is left out up to there.
  void separator() {
    while (lexer_.skipCfws(), !lexer_.atEnd() && lexer_.peek() != ',' && lexer_.peek() != ';') {
      broken();
      if (lexer_.peek() == '"') lexer_.quotedString();
      else lexer_.skip();
    }
  }

  void add(EnvelopeAddress address) { out_.addresses.push_back(std::move(address)); }
  void broken() { out_.wellFormed = false; }

  FieldLexer lexer_;
  std::size_t limit_;
  AddressList out_;
  bool inGroup_ = false;
};

}  // namespace

AddressList addresses(std::string_view value, std::size_t limit) { return ListParser(value, limit).run(); }

std::size_t countAddresses(const std::vector<EnvelopeAddress>& list) {
  return static_cast<std::size_t>(std::count_if(list.begin(), list.end(), [](const auto& a) { return a.host.has_value(); }));
}

std::optional<Address> singleFrom(std::string_view value) {
  auto list = addresses(value);
  if (!list.wellFormed || list.addresses.size() != 1 || !list.addresses[0].host || !list.addresses[0].mailbox) return std::nullopt;
  auto localpart = Localpart::make(*list.addresses[0].mailbox);
  auto domain = Domain::make(*list.addresses[0].host);
  if (!localpart || !domain) return std::nullopt;
  return Address{std::move(*localpart), std::move(*domain)};
}

}  // namespace mox::message
